"""Checks of arguments that users pass in more than one place."""

from typing import TypeVar

from kyoukai.core.errors import ConfigurationError

C = TypeVar("C")


def check_flag(what: str, value: object) -> bool:
    """Return ``value`` if it is a bool: ``"0"``, for example from an environment variable, would be true.

    :param what: its name in the message.
    :raises ConfigurationError: if it is not a bool.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} must be True or False, not {value!r}")
    return value


def check_name(what: str, name: object) -> str:
    """Return ``name`` if it can be a part of an endpoint.

    :raises ConfigurationError: if it is empty or contains a dot, which joins the parts.
    """
    if not isinstance(name, str) or not name or "." in name:
        raise ConfigurationError(f"the name of {what} must be a str with no dot in it, not {name!r}")
    return name


def check_prefix(what: str, prefix: object, root: str = "") -> str:
    """Return the URL prefix for ``prefix``.

    :param what: its owner, for the message.
    :param root: the prefix of all URLs.
    :raises ConfigurationError: if it cannot be a prefix.
    """
    if prefix == root:
        return ""
    if not isinstance(prefix, str) or not prefix.startswith("/") or prefix.endswith("/"):
        raise ConfigurationError(
            f"the prefix of {what} must be {root!r}, or start with '/' and not end with it: {prefix!r}"
        )
    return prefix


def check_class(owner: object, name: str, given: type[C] | None, base: type) -> type[C]:
    """Return the class that ``owner`` was given, or its class attribute ``name``.

    :raises ConfigurationError: if it does not derive from ``base``.
    """
    value: type[C] = given or getattr(owner, name)
    if not (isinstance(value, type) and issubclass(value, base)):
        raise ConfigurationError(f"{name} must derive from {base.__qualname__}, not be {value!r}")
    return value

"""What users give in more than one place, and how it is told from what cannot be meant."""

from typing import TypeVar

from kyoukai.core.errors import ConfigurationError

C = TypeVar("C")


def check_flag(what: str, value: object) -> bool:
    """Return ``value``, if it is a bool: ``"0"``, out of an environment variable say, is as true as any text.

    :param what: the name of it in the message.
    :raises ConfigurationError: if it is none.
    """
    if not isinstance(value, bool):
        raise ConfigurationError(f"{what} must be True or False, not {value!r}")
    return value


def check_name(what: str, name: object) -> str:
    """Return ``name`` if it can be a part of an endpoint.

    :raises ConfigurationError: if it is empty, or has a dot, which is what parts are joined with.
    """
    if not isinstance(name, str) or not name or "." in name:
        raise ConfigurationError(f"the name of {what} must be a str with no dot in it, not {name!r}")
    return name


def check_prefix(what: str, prefix: object, root: str = "") -> str:
    """Return what the URLs below ``prefix`` start with.

    :param what: whose it is, for the message.
    :param root: the prefix of all URLs.
    :raises ConfigurationError: if they cannot.
    """
    if prefix == root:
        return ""
    if not isinstance(prefix, str) or not prefix.startswith("/") or prefix.endswith("/"):
        raise ConfigurationError(
            f"the prefix of {what} must be {root!r}, or start with '/' and not end with it: {prefix!r}"
        )
    return prefix


def check_class(owner: object, name: str, given: type[C] | None, base: type) -> type[C]:
    """Return the class that ``owner`` was given, or else has as the attribute ``name``.

    :raises ConfigurationError: if it does not derive from ``base``.
    """
    value: type[C] = given or getattr(owner, name)
    if not (isinstance(value, type) and issubclass(value, base)):
        raise ConfigurationError(f"{name} must derive from {base.__qualname__}, not be {value!r}")
    return value

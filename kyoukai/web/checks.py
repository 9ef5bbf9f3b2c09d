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


def check_class(name: str, value: type[C], base: type) -> type[C]:
    """Return ``value``, if it is a class that derives from ``base``.

    :raises ConfigurationError: if it is not.
    """
    if not (isinstance(value, type) and issubclass(value, base)):
        raise ConfigurationError(f"{name} must derive from {base.__qualname__}, not be {value!r}")
    return value

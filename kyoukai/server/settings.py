"""Checks of a component's settings that no other module makes."""

import re
from collections.abc import Mapping
from typing import Any

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import outline
from kyoukai.core.semantics.forwarding import X_FORWARDED, Forwarding
from kyoukai.core.semantics.trusted_proxies import TrustedProxies


def check_mapping(name: str, value: object) -> Mapping[str, Any]:
    """Return a mapping of names to values; an empty one for ``None``.

    :raises ConfigurationError: if the value is not such a mapping.
    """
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise ConfigurationError(f"{name} is {outline(value)}; it must be a mapping of names to values")
    return value


def check_type(settings: Mapping[str, Any], name: str, default: Any) -> Any:
    """Return the setting ``name``, or ``default``, after checking that it has the type of ``default``.

    :raises ConfigurationError: if it has another type.
    """
    value = settings.get(name, default)
    if type(value) is not type(default):
        raise ConfigurationError(f"{name} is {value!r}; it must be a {type(default).__name__}")
    return value


def check_name(value: str) -> str:
    """Return ``value`` if it is a valid resource name.

    :raises ConfigurationError: if it is not.
    """
    if re.fullmatch(r"\w+", value) is None:
        raise ConfigurationError(f"resource_name is {value!r}; it must be letters, digits and underscores")
    return value


def check_field(value: str) -> str:
    """Return ``value`` if it is a valid header field value.

    :raises ConfigurationError: if it is not.
    """
    # RFC 9110 section 5.5: field values are visible characters, spaces and tabs.
    if not value.isascii() or not value.isprintable():
        raise ConfigurationError(f"server_field is {value!r}; it must be printable ASCII")
    return value


def make_forwarding(settings: Mapping[str, Any], proxies: TrustedProxies) -> Forwarding | None:
    """Return which forwarding fields of proxies to use; ``None``: none.

    :param settings: settings of the component: ``forwarded``, ``forwarded_host`` and ``forwarded_prefix``.
    :param proxies: the trusted proxies.
    :raises ConfigurationError: if one of them is invalid.
    """
    fields = settings.get("forwarded")
    host, prefix = (check_type(settings, f"forwarded_{name}", False) for name in ("host", "prefix"))
    if fields != X_FORWARDED and (host or prefix):
        name = "forwarded_host" if host else "forwarded_prefix"
        raise ConfigurationError(f"{name} needs forwarded to be {X_FORWARDED!r}")
    return None if fields is None else Forwarding(proxies, fields, host=host, prefix=prefix)

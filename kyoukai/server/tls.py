"""From the user's ``ssl`` setting to a TLS context, and what connections are made with."""

import os
import ssl
from collections.abc import Mapping
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits, suggest

SETTINGS: Final = ["alpn", "certificate", "key", "password"]


def make_ssl_context(
    settings: "Mapping[str, Any] | ssl.SSLContext | None", alpn_protocols: tuple[str, ...]
) -> ssl.SSLContext | None:
    """Return the TLS context that the user's ``ssl`` setting means; ``None`` where it is not set.

    :param settings: a mapping with ``certificate`` and, if it is in another file, ``key``, the
        paths of PEM files; if the key is encrypted, ``password``; and ``alpn``, a list of protocol
        names to offer in place of the backend's. Or a context that was made elsewhere.
    :param alpn_protocols: what the backend offers (RFC 7301).
    :raises ConfigurationError: if a setting is unknown or a file cannot be used.
    """
    if settings is None or isinstance(settings, ssl.SSLContext):
        return settings
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"ssl is {settings!r}; it must be a mapping with certificate and key")
    for name in settings:
        if name not in SETTINGS:
            raise ConfigurationError(f"unknown setting {name!r} in ssl; {suggest(str(name), SETTINGS)}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_certificate(context, settings.get("certificate"), settings.get("key"), settings.get("password"))
    _offer(context, settings.get("alpn", alpn_protocols))
    return context


def connection_options(context: ssl.SSLContext | None, limits: Limits) -> dict[str, Any]:
    """Return what asyncio is to make a connection with, by TLS or without.

    A handshake has as long as a request's head; and a client's close_notify, which comes after the
    last answer, as long as whatever else may come then.
    """
    if context is None:
        return {}
    return {
        "ssl": context,
        "ssl_handshake_timeout": limits.head_timeout,
        "ssl_shutdown_timeout": limits.linger_timeout,
    }


def _load_certificate(context: ssl.SSLContext, certificate: Any, key: Any, password: Any) -> None:
    if certificate is None:
        raise ConfigurationError("ssl has no certificate; it must be the path of a PEM file")
    for name, path in (("certificate", certificate), ("key", key)):
        if path is None and name == "key":
            continue
        if not isinstance(path, str | os.PathLike):
            raise ConfigurationError(f"ssl.{name} is {path!r}; it must be the path of a PEM file")
        if not os.path.isfile(path):
            raise ConfigurationError(f"ssl.{name} is {path!r}; there is no such file")
    if password is not None and not isinstance(password, str | bytes):
        raise ConfigurationError("ssl.password must be a string")

    def give_password() -> str | bytes:
        # Without a function OpenSSL would ask for it on the terminal.
        if password is None:
            raise ConfigurationError(f"ssl.key {str(key or certificate)!r} is encrypted; set ssl.password")
        return password

    files = f"ssl.certificate {str(certificate)!r}" + (f" with ssl.key {str(key)!r}" if key else "")
    try:
        context.load_cert_chain(certificate, key, give_password)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        if isinstance(error, ssl.SSLError):
            _check_content("certificate", certificate, b"CERTIFICATE-----")
            _check_content("key" if key else "certificate", key or certificate, b"PRIVATE KEY-----")
        hint = " (is ssl.password right?)" if password is not None else ""
        raise ConfigurationError(f"{files} cannot be used: {error}{hint}") from error


def _check_content(name: str, path: Any, label: bytes) -> None:
    """Say which file has no such part (RFC 7468); OpenSSL says which of its own functions failed."""
    with open(path, "rb") as file:
        if label in file.read():
            return
    what = label.rstrip(b"-").decode().lower()
    which = "; set ssl.key, or append the key" if name == "certificate" and what != "certificate" else ""
    raise ConfigurationError(f"ssl.{name} {str(path)!r} holds no {what} in PEM{which}")


def _offer(context: ssl.SSLContext, names: Any) -> None:
    # RFC 7301 section 3.1: ProtocolName<1..2^8-1>
    def is_name(name: object) -> bool:
        return isinstance(name, str) and name.isascii() and 0 < len(name) < 256

    if not isinstance(names, list | tuple) or not all(map(is_name, names)):
        raise ConfigurationError(f"ssl.alpn is {names!r}; it must be a list of protocol names")
    context.set_alpn_protocols(list(names))

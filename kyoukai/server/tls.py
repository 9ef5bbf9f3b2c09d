"""Create TLS contexts and connection options from the ``ssl`` setting."""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits, outline, suggest

SETTINGS: Final = ["alpn", "certificate", "client_ca", "client_certificates", "key", "password", "sni"]

HOST_SETTINGS: Final = ["certificate", "key", "password"]
"""The settings of a host in ``sni``."""

HOST_NAME: Final = re.compile(
    r"(?:\*\.)?[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"
)
"""A host name in lower case; a star may stand for the first label."""

VERIFYING: Final = {"optional": ssl.CERT_OPTIONAL, "required": ssl.CERT_REQUIRED}


def make_ssl_context(
    settings: "Mapping[str, Any] | ssl.SSLContext | None", alpn_protocols: tuple[str, ...]
) -> ssl.SSLContext | None:
    """Return the TLS context for the ``ssl`` setting; ``None`` if it is not set.

    :param settings: a mapping, or an existing context. The mapping has ``certificate`` and, if it is in
        another file, ``key``, the paths of PEM files; ``password`` if the key is encrypted; and ``alpn``, a
        list of protocol names to offer instead of the backend's. With ``client_ca``, the path of a PEM file
        with certificate authorities, clients are asked for certificates; ``client_certificates`` is
        ``required`` or ``optional``. ``sni`` maps host names to mappings of :data:`HOST_SETTINGS`, for
        clients that name a host (RFC 6066 section 3).
    :param alpn_protocols: the protocols that the backend offers (RFC 7301).
    :raises ConfigurationError: if a setting is unknown or a file cannot be used.
    """
    if settings is None or isinstance(settings, ssl.SSLContext):
        return settings
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"ssl is {outline(settings)}; it must be a mapping with certificate and key")
    _check_names("ssl", settings, SETTINGS)
    context = _make_context("ssl", settings, settings, alpn_protocols)
    hosts = settings.get("sni")
    if hosts is not None:
        context.sni_callback = HostContexts(dict(_make_host_contexts(hosts, settings, alpn_protocols)))
    return context


class HostContexts:
    """Chooses a certificate by the host name that the client sent.

    :param contexts: contexts by name. ``*.example.org`` matches names with exactly one label before
        ``example.org``.
    """

    def __init__(self, contexts: Mapping[str, ssl.SSLContext]) -> None:
        self._contexts = dict(contexts)

    def __call__(self, connection: Any, host: str | None, context: ssl.SSLContext) -> None:
        """Switch a connection to the context of its host, if there is one."""
        chosen = self.find(host or "")
        if chosen is not None:
            connection.context = chosen

    def find(self, host: str) -> ssl.SSLContext | None:
        """Return the context of a host."""
        name = host.lower()
        exact = self._contexts.get(name)
        return exact if exact is not None else self._contexts.get(f"*.{name.partition('.')[2]}")


def _make_host_contexts(
    hosts: Any, settings: Mapping[str, Any], alpn_protocols: tuple[str, ...]
) -> Iterator[tuple[str, ssl.SSLContext]]:
    if not isinstance(hosts, Mapping):
        raise ConfigurationError(
            f"ssl.sni is {outline(hosts)}; it must be a mapping of host names to certificate and key"
        )
    for host, own in hosts.items():
        if not isinstance(host, str) or HOST_NAME.fullmatch(host.lower()) is None:
            raise ConfigurationError(f"ssl.sni has {host!r}; it must be a host name, or *. and a host name")
        where = f"ssl.sni[{host!r}]"
        if not isinstance(own, Mapping):
            raise ConfigurationError(
                f"{where} is {outline(own)}; it must be a mapping with certificate and key"
            )
        _check_names(where, own, HOST_SETTINGS)
        yield host.lower(), _make_context(where, own, settings, alpn_protocols)


def _check_names(where: str, settings: Mapping[str, Any], known: list[str]) -> None:
    for name in settings:
        if name not in known:
            raise ConfigurationError(f"unknown setting {name!r} in {where}; {suggest(str(name), known)}")


def _make_context(
    where: str, own: Mapping[str, Any], common: Mapping[str, Any], alpn_protocols: tuple[str, ...]
) -> ssl.SSLContext:
    """Return a context with its own certificate and the listener's common settings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    _load_certificate(where, context, own.get("certificate"), own.get("key"), own.get("password"))
    _verify_clients(context, common.get("client_ca"), common.get("client_certificates"))
    _offer(context, common.get("alpn", alpn_protocols))
    return context


def _verify_clients(context: ssl.SSLContext, authorities: Any, wanted: Any) -> None:
    if authorities is None:
        if wanted is not None:
            raise ConfigurationError(
                "ssl.client_certificates needs ssl.client_ca, a PEM file with their authorities"
            )
        return
    # Naming authorities alone means that other clients are refused.
    wanted = "required" if wanted is None else wanted
    if wanted not in VERIFYING:
        raise ConfigurationError(
            f"ssl.client_certificates is {wanted!r}; it must be 'optional' or 'required'"
        )
    if not isinstance(authorities, str | os.PathLike) or not os.path.isfile(authorities):
        raise ConfigurationError(f"ssl.client_ca is {authorities!r}; it must be the path of a PEM file")
    try:
        context.load_verify_locations(cafile=authorities)
    except (OSError, ValueError) as error:
        _check_content("ssl.client_ca", authorities, b"CERTIFICATE-----")
        raise ConfigurationError(f"ssl.client_ca {str(authorities)!r} cannot be used: {error}") from error
    context.verify_mode = VERIFYING[wanted]


def connection_options(context: ssl.SSLContext | None, limits: Limits) -> dict[str, Any]:
    """Return the options with which asyncio creates a connection, with or without TLS.

    A handshake may take as long as a request's head. A closed transport may take as long as a client that
    reads nothing: :meth:`.Connection.close` ends it earlier if only the client's close_notify is missing.
    """
    if context is None:
        return {}
    return {
        "ssl": context,
        "ssl_handshake_timeout": limits.head_timeout,
        "ssl_shutdown_timeout": limits.write_timeout,
    }


def _load_certificate(where: str, context: ssl.SSLContext, certificate: Any, key: Any, password: Any) -> None:
    if certificate is None:
        raise ConfigurationError(f"{where} has no certificate; it must be the path of a PEM file")
    for name, path in (("certificate", certificate), ("key", key)):
        if path is None and name == "key":
            continue
        if not isinstance(path, str | os.PathLike):
            raise ConfigurationError(f"{where}.{name} is {path!r}; it must be the path of a PEM file")
        if not os.path.isfile(path):
            raise ConfigurationError(f"{where}.{name} is {path!r}; there is no such file")
    if password is not None and not isinstance(password, str | bytes):
        raise ConfigurationError(f"{where}.password must be a string")

    def give_password() -> str | bytes:
        # Without a function, OpenSSL would ask for the password on the terminal.
        if password is None:
            raise ConfigurationError(
                f"{where}.key {str(key or certificate)!r} is encrypted; set {where}.password"
            )
        return password

    files = f"{where}.certificate {str(certificate)!r}" + (f" with {where}.key {str(key)!r}" if key else "")
    try:
        context.load_cert_chain(certificate, key, give_password)
    except (OSError, ValueError) as error:
        if isinstance(error, ConfigurationError):
            raise
        if isinstance(error, ssl.SSLError):
            _check_content(f"{where}.certificate", certificate, b"CERTIFICATE-----")
            _check_content(
                f"{where}.{'key' if key else 'certificate'}", key or certificate, b"PRIVATE KEY-----"
            )
        hint = " (is the password right?)" if password is not None else ""
        raise ConfigurationError(f"{files} cannot be used: {error}{hint}") from error


def _check_content(name: str, path: Any, label: bytes) -> None:
    """Raise an error that names the file without such a part (RFC 7468); OpenSSL names only a function."""
    with open(path, "rb") as file:
        if label in file.read():
            return
    what = label.rstrip(b"-").decode().lower()
    which = (
        "; set ssl.key, or append the key" if name.endswith(".certificate") and what != "certificate" else ""
    )
    raise ConfigurationError(f"{name} {str(path)!r} holds no {what} in PEM{which}")


def _offer(context: ssl.SSLContext, names: Any) -> None:
    # RFC 7301 section 3.1: ProtocolName<1..2^8-1>
    def is_name(name: object) -> bool:
        return isinstance(name, str) and name.isascii() and 0 < len(name) < 256

    if not isinstance(names, list | tuple) or not all(map(is_name, names)):
        raise ConfigurationError(f"ssl.alpn is {names!r}; it must be a list of protocol names")
    context.set_alpn_protocols(list(names))

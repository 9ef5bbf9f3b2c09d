"""Where a server listens: a TCP address or a Unix socket, in the clear or by TLS.

What the user set is checked when the object is made; the socket is opened by :meth:`Listener.open`.
"""

import asyncio
import errno
import os
import socket
import ssl
import stat
from collections.abc import Callable, Mapping
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError, ListenError
from kyoukai.core.limits import suggest

DEFAULT_HOST: Final = "127.0.0.1"
DEFAULT_PORT: Final = 8000

BACKLOG: Final = 2048
"""Connections that the system keeps until they are accepted; uvicorn's default, and nginx's is 511."""

SSL_SETTINGS: Final = ["alpn", "certificate", "key", "password"]


class Listener:
    """Where a server listens.

    :param host: a name or an address; ``None``: 127.0.0.1.
    :param port: 0 to 65535, 0 for one that is free; ``None``: 8000.
    :param uds: the path of a Unix socket, in place of the two.
    :raises ConfigurationError: if one of them is no such thing, or they exclude each other.
    """

    def __init__(self, host: str | None = None, port: int | None = None, uds: str | None = None) -> None:
        if uds is not None and (host is not None or port is not None):
            raise ConfigurationError("uds excludes host and port: set the one or the others")
        if uds is not None and (not isinstance(uds, str) or not uds):
            raise ConfigurationError(f"uds is {uds!r}; it must be the path of a Unix socket")
        if host is not None and (not isinstance(host, str) or not host):
            raise ConfigurationError(f"host is {host!r}; it must be a host name or an IP address")
        if port is not None and (type(port) is not int or not 0 <= port <= 65535):
            raise ConfigurationError(f"port is {port!r}; it must be a whole number from 0 to 65535")
        self.uds = uds
        self.host = host or DEFAULT_HOST
        self.port = DEFAULT_PORT if port is None else port

    async def open(
        self, factory: Callable[[], asyncio.Protocol], ssl_context: ssl.SSLContext | None
    ) -> asyncio.Server:
        """Open the socket, and return the server, which does not accept yet.

        :raises ListenError: if the address cannot be listened on.
        """
        loop = asyncio.get_running_loop()
        try:
            if self.uds is not None:
                self._check_stale(self.uds)
                return await loop.create_unix_server(
                    factory, self.uds, ssl=ssl_context, backlog=BACKLOG, start_serving=False
                )
            return await loop.create_server(
                factory, self.host, self.port, ssl=ssl_context, backlog=BACKLOG, start_serving=False
            )
        except OSError as error:
            raise self._explain(error) from error

    def address(self, server: asyncio.Server) -> tuple[str, int]:
        """Return the address and port that an open server listens on; a path and 0."""
        if self.uds is not None:
            return self.uds, 0
        name = server.sockets[0].getsockname()
        return str(name[0]), int(name[1])

    def url(self, address: tuple[str, int], *, secure: bool) -> str:
        """Return what to type into a browser, or the path of the Unix socket."""
        host, port = address
        if self.uds is not None:
            return f"unix:{host}"
        return f"{'https' if secure else 'http'}://{f'[{host}]' if ':' in host else host}:{port}"

    def remove(self) -> None:
        """Remove the Unix socket from the file system, if there is one."""
        if self.uds is not None and is_socket(self.uds):
            os.unlink(self.uds)

    def _check_stale(self, path: str) -> None:
        """Refuse a Unix socket on which somebody answers: the event loop would take it away."""
        if not is_socket(path):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            try:
                client.connect(path)
            except OSError:
                return
        raise OSError(errno.EADDRINUSE, "another server listens there")

    def _explain(self, error: OSError) -> ListenError:
        where = self.uds if self.uds is not None else f"{self.host}:{self.port}"
        if error.errno == errno.EADDRINUSE:
            what = "the address is already in use; stop what listens there, or choose another"
        elif error.errno == errno.EACCES:
            what = "permission denied; ports below 1024 belong to the superuser"
        elif isinstance(error, socket.gaierror):
            what = "the host name is not known"
        else:
            what = os.strerror(error.errno) if error.errno else str(error)
        return ListenError(f"cannot listen on {where}: {what}")


def is_socket(path: str) -> bool:
    """Return whether there is a socket at ``path``."""
    try:
        return stat.S_ISSOCK(os.stat(path).st_mode)
    except OSError:
        return False


def make_ssl_context(
    settings: "Mapping[str, Any] | ssl.SSLContext | None", alpn_protocols: tuple[str, ...]
) -> ssl.SSLContext | None:
    """Return the TLS context that the user's ``ssl`` setting means; ``None`` where it is not set.

    :param settings: a mapping with ``certificate`` and ``key``, the paths of PEM files; if the key
        is encrypted, ``password``; and ``alpn``, a list of protocol names to offer in place of the
        backend's. Or a context that was made elsewhere.
    :param alpn_protocols: what the backend offers (RFC 7301).
    :raises ConfigurationError: if a setting is unknown or a file cannot be used.
    """
    if settings is None or isinstance(settings, ssl.SSLContext):
        return settings
    if not isinstance(settings, Mapping):
        raise ConfigurationError(f"ssl is {settings!r}; it must be a mapping with certificate and key")
    for name in settings:
        if name not in SSL_SETTINGS:
            raise ConfigurationError(f"unknown setting {name!r} in ssl; {suggest(name, SSL_SETTINGS)}")
    certificate, key = settings.get("certificate"), settings.get("key")
    if certificate is None:
        raise ConfigurationError("ssl has no certificate; it must be the path of a PEM file")
    alpn = settings.get("alpn", alpn_protocols)
    if isinstance(alpn, str) or not all(isinstance(name, str) for name in alpn):
        raise ConfigurationError(f"ssl.alpn is {alpn!r}; it must be a list of protocol names")
    for name, path in (("certificate", certificate), ("key", key)):
        if path is not None and not os.path.isfile(path):
            raise ConfigurationError(f"ssl.{name} is {path!r}; there is no such file")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # A password that is not set must not be asked for on the terminal.
        context.load_cert_chain(certificate, key, settings.get("password") or "")
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(f"ssl.certificate {certificate!r} cannot be used: {error}") from error
    context.set_alpn_protocols(list(alpn))
    return context

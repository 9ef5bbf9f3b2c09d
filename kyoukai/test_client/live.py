"""The client with a server: requests by sockets, to a component that listens on a free port.

The server runs in the loop of the test; the requests, by :mod:`http.client`, in threads.
"""

import asyncio
import contextlib
import http.client
import signal
import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from asphalt.core import Context
from asphalt.core.component import component_types
from werkzeug.datastructures import EnvironHeaders, Headers

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.witness import witness

from .client import Answer, Client

ADDRESS: Final = "127.0.0.1"

OPTIONS: Final = (
    "context",
    "components",
    "use_cookies",
    "allow_subdomain_redirects",
    "raise_exceptions",
    "response_class",
)
"""What :class:`Client` takes, and the component does not."""

THREADS: Final = 32
"""Requests at a time; others wait. They have threads of their own: the loop's are for the handlers."""


class LiveClient(Client):
    """A client for tests that asks a server by sockets, one connection for each request.

    :param app: the application.
    :param backend: the name of an installed backend, or ``module:attribute``; by default what a component
        without one takes.
    :param timeout: seconds that a request waits for the server before it fails.
    :param settings: other settings of the component, such as ``limits``, and the options of
        :class:`Client`.
    :raises ConfigurationError: if a setting cannot be used.
    """

    def __init__(
        self, app: Any, *, backend: str | None = None, timeout: float = 30.0, **settings: Any
    ) -> None:
        options = {name: settings.pop(name) for name in OPTIONS if name in settings}
        super().__init__(app, **options)
        for name in ("host", "port", "uds", "ssl"):
            if name in settings:
                raise ConfigurationError(
                    f"{name} is {settings[name]!r}; a live client's server takes none:"
                    f" it listens on {ADDRESS}, at a port that is free, without TLS"
                )
        # By name, as a configuration file has it.
        self.component: Any = component_types.create_object(
            "kyoukai", app=app, backend=backend, host=ADDRESS, port=0, **settings
        )
        """The :class:`kyoukai.KyoukaiComponent`, whose ``url`` others may ask, too."""
        self.timeout = timeout

    @property
    def url(self) -> str:
        """What to ask it by: ``"http://127.0.0.1:..."``."""
        return str(self.component.url)

    async def start(self, ctx: Context) -> None:
        """Start the server; the context stops it."""
        ctx.add_teardown_callback(keep_signals())
        witness.set(self.errors)
        self._threads = ThreadPoolExecutor(THREADS, "live client")
        ctx.add_teardown_callback(self._threads.shutdown)
        await self.component.start(ctx)

    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Return the server's answer to a request on a connection of its own.

        :raises OSError: if the connection fails, or the server takes too long.
        :raises http.client.HTTPException: if the server cuts the answer off.
        """
        connection = http.client.HTTPConnection(ADDRESS, self.component.address[1], timeout=self.timeout)
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, ask, connection, environ, target)
        except asyncio.CancelledError:
            # The thread has to come to its end.
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)
            raise


def ask(connection: http.client.HTTPConnection, environ: dict[str, Any], target: str) -> Answer:
    """Return the answer to a request; the connection is closed then."""
    with contextlib.closing(connection):
        connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
        for name, value in EnvironHeaders(environ):
            connection.putheader(name, value.encode("latin-1"))
        # Who answers before the body is whole may end the connection: the answer is there to be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "")
            connection.endheaders(environ["wsgi.input"], encode_chunked=chunked)
        response = connection.getresponse()
        body = response.read()
        return Answer(f"{response.status} {response.reason}", Headers(response.getheaders()), body)


def keep_signals() -> Callable[[], None]:
    """Return what sets the handlers of signals back to what they are now.

    A component takes those that stop a server, and leaves the process to end by the next one.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    return restore

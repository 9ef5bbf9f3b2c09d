"""The client with a server: requests by sockets to a component that listens on a free port.

The server runs in the event loop of the test; requests run in threads, by :mod:`http.client`.
"""

import asyncio
import contextlib
import http.client
import signal
import socket
import struct
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

from asphalt.core import Context
from asphalt.core.component import component_types
from werkzeug.datastructures import EnvironHeaders, Headers

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.witness import witness

from .answers import Answer, Begun
from .client import Client

if TYPE_CHECKING:
    from .websocket_connection import ClientConnection

T = TypeVar("T")

ADDRESS: Final = "127.0.0.1"

OPTIONS: Final = (
    "context",
    "components",
    "use_cookies",
    "allow_subdomain_redirects",
    "raise_exceptions",
    "response_class",
)
"""The options of :class:`Client`, which are not settings of the component."""

PIECE_SIZE: Final = 64 * 1024
"""The most bytes of a streamed answer read at once."""

THREADS: Final = 32
"""The most simultaneous requests; others wait. They have their own threads, as handlers use the loop's."""


class LiveClient(Client):
    """A test client that connects to a server by sockets, one connection per request.

    :param app: the application.
    :param backend: the name of an installed backend, ``module:attribute``, or a list of these; by default the
        component's default. The client speaks HTTP/1.1.
    :param timeout: seconds that a request waits for the server before it fails.
    :param settings: other settings of the component, such as ``limits``, and options of :class:`Client`.
    :raises ConfigurationError: if a setting cannot be used.
    """

    def __init__(
        self,
        app: Any,
        *,
        backend: str | Sequence[str] | None = None,
        timeout: float = 30.0,
        **settings: Any,
    ) -> None:
        options = {name: settings.pop(name) for name in OPTIONS if name in settings}
        super().__init__(app, **options)
        for name in ("host", "port", "uds", "ssl"):
            if name in settings:
                raise ConfigurationError(
                    f"{name} is {settings[name]!r}; a live client does not take it:"
                    f" its server listens on {ADDRESS}, on a free port, without TLS"
                )
        # By name, as in a configuration file.
        self.component: Any = component_types.create_object(
            "kyoukai", app=app, backend=backend, host=ADDRESS, port=0, **settings
        )
        """The :class:`kyoukai.KyoukaiComponent`; other clients can connect to its ``url``."""
        self.timeout = timeout
        self._errors: dict[str, list[BaseException]] = {}
        """The exceptions that were answered with a 500, by the client's port."""

    @property
    def url(self) -> str:
        """The server's URL: ``"http://127.0.0.1:..."``."""
        return str(self.component.url)

    async def start(self, ctx: Context) -> None:
        """Start the server; the context stops it."""
        ctx.add_teardown_callback(keep_signals())
        witness.set(self._note)
        self._threads = ThreadPoolExecutor(THREADS, "live client")
        ctx.add_teardown_callback(self._threads.shutdown)
        await self.component.start(ctx)

    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Send a request on a new connection, and return the answer.

        :raises OSError: if the connection fails, or the server takes too long.
        :raises http.client.HTTPException: if the server aborts the answer.
        """
        connection = Connection(self.component.address[1], self.timeout, self._errors)
        try:
            return await self._in_thread(ask, connection, environ, target)
        except BaseException:
            connection.reset()
            raise

    @contextlib.asynccontextmanager
    async def send_streamed(self, environ: dict[str, Any], target: str) -> AsyncIterator[Begun]:
        """Yield the server's answer as it arrives; the end closes the connection."""
        connection = Connection(self.component.address[1], self.timeout, self._errors)
        response = None
        try:
            response = await self._in_thread(request, connection, environ, target)
            yield Begun(*read_head(response), self._pieces(response), connection.errors)
        finally:
            if response is None or not response.isclosed():
                connection.reset()
            if response is not None:
                response.close()
            connection.close()

    async def send_upgrade(
        self, environ: dict[str, Any], target: str, connection: "ClientConnection"
    ) -> Answer:
        """Return the server's answer; after a 101 the event loop reads from the socket.

        It raises the exceptions of :meth:`send`.
        """
        line = Connection(self.component.address[1], self.timeout, self._errors)
        try:
            answer = await self._in_thread(ask_upgrade, line, environ, target)
            if isinstance(answer, Answer):
                return answer
            head = Answer(*read_head(answer), b"", line.errors)
            sock, unread = take_over(line, answer)
            connection.switched(head.headers, unread)
            await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock)
        except BaseException:
            line.reset()
            raise
        return head

    def _note(self, error: BaseException, environ: dict[str, Any]) -> None:
        """Record an exception for the request that raised it, if it is a request of this client."""
        self.errors.append(error)
        self._errors.get(environ.get("REMOTE_PORT", ""), []).append(error)

    async def _pieces(self, response: http.client.HTTPResponse) -> AsyncIterator[bytes]:
        while piece := await self._in_thread(response.read1, PIECE_SIZE):
            yield piece

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)


class FinalResponse(http.client.HTTPResponse):
    """The final answer, after interim ones: the library skips 100, but not 103."""

    def begin(self) -> None:
        """Read the head, and interim heads before it."""
        super().begin()
        # RFC 9110 section 15.2.2: another protocol follows a 101.
        while self.status < 200 and self.status != 101:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class Connection(http.client.HTTPConnection):
    """A connection for one request, which can be closed while a thread reads from it.

    :param port: the server's port.
    :param timeout: seconds to wait for the server.
    :param errors: gets :attr:`errors`, by the port of this connection.
    """

    response_class = FinalResponse
    line: socket.socket | None = None

    def __init__(self, port: int, timeout: float, errors: dict[str, list[BaseException]]) -> None:
        super().__init__(ADDRESS, port, timeout=timeout)
        self.errors: list[BaseException] = []
        """The exceptions of its request that were answered with a 500."""
        self._errors_by_port = errors

    def connect(self) -> None:
        """Connect, and keep the socket: the library drops it after the last answer."""
        super().connect()
        self.line = self.sock
        self._errors_by_port[str(self.sock.getsockname()[1])] = self.errors

    def reset(self) -> None:
        """Wake a thread that reads, and make the socket's close a reset.

        A server takes a client whose side ends for one that waits for its answer.
        """
        if self.line is not None:
            with contextlib.suppress(OSError):
                self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.line.shutdown(socket.SHUT_RD)
        self.close()


def request(
    connection: http.client.HTTPConnection, environ: dict[str, Any], target: str
) -> http.client.HTTPResponse:
    """Send a request, and return the answer with its body unread."""
    connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
    for name, value in EnvironHeaders(environ):
        connection.putheader(name, value.encode("latin-1"))
    # A server that answers before the whole body may close the connection; its answer is readable.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "")
        connection.endheaders(environ["wsgi.input"], encode_chunked=chunked)
    return connection.getresponse()


def read_head(response: http.client.HTTPResponse) -> tuple[str, Headers]:
    """Return status and fields of an answer."""
    return f"{response.status} {response.reason}", Headers(response.getheaders())


def ask(connection: Connection, environ: dict[str, Any], target: str) -> Answer:
    """Send a request and return the answer."""
    with contextlib.closing(connection), request(connection, environ, target) as response:
        return Answer(*read_head(response), response.read(), connection.errors)


def ask_upgrade(
    connection: Connection, environ: dict[str, Any], target: str
) -> Answer | http.client.HTTPResponse:
    """Send a request that offers another protocol; return the answer, or the response object of a 101."""
    response = request(connection, environ, target)
    if response.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    with contextlib.closing(connection), response:
        return Answer(*read_head(response), response.read(), connection.errors)


def take_over(connection: Connection, response: http.client.HTTPResponse) -> tuple[socket.socket, bytes]:
    """Return the socket of a connection that switched protocols, and the bytes read after the head."""
    with contextlib.closing(connection), response:
        line: Any = connection.line
        line.setblocking(False)
        unread: bytes = response.fp.read1(PIECE_SIZE)
        return line.dup(), unread


def keep_signals() -> Callable[[], None]:
    """Return a function that restores the current signal handlers.

    A component replaces those that stop a server, and leaves a handler by which the next signal ends the
    process.
    """
    if threading.current_thread() is not threading.main_thread():
        return lambda: None
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def restore() -> None:
        for number, handler in handlers.items():
            signal.signal(number, handler)

    return restore

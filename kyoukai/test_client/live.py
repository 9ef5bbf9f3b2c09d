"""The client with a server: requests by sockets, to a component that listens on a free port.

The server runs in the loop of the test; the requests, by :mod:`http.client`, in threads.
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
"""What :class:`Client` takes, and the component does not."""

PIECE_SIZE: Final = 64 * 1024
"""Bytes that are read at once, at most, of an answer that is looked at as it comes."""

THREADS: Final = 32
"""Requests at a time; others wait. They have threads of their own: the loop's are for the handlers."""


class LiveClient(Client):
    """A client for tests that asks a server by sockets, one connection for each request.

    :param app: the application.
    :param backend: the name of an installed backend, or ``module:attribute``, or a list of such; by default
        what a component without one takes. The client speaks HTTP/1.1.
    :param timeout: seconds that a request waits for the server before it fails.
    :param settings: other settings of the component, such as ``limits``, and the options of
        :class:`Client`.
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
                    f"{name} is {settings[name]!r}; a live client's server takes none:"
                    f" it listens on {ADDRESS}, at a port that is free, without TLS"
                )
        # By name, as a configuration file has it.
        self.component: Any = component_types.create_object(
            "kyoukai", app=app, backend=backend, host=ADDRESS, port=0, **settings
        )
        """The :class:`kyoukai.KyoukaiComponent`, whose ``url`` others may ask, too."""
        self.timeout = timeout
        self._errors: dict[str, list[BaseException]] = {}
        """The exceptions that were answered by a 500, by the port that was asked from."""

    @property
    def url(self) -> str:
        """What to ask it by: ``"http://127.0.0.1:..."``."""
        return str(self.component.url)

    async def start(self, ctx: Context) -> None:
        """Start the server; the context stops it."""
        ctx.add_teardown_callback(keep_signals())
        witness.set(self._note)
        self._threads = ThreadPoolExecutor(THREADS, "live client")
        ctx.add_teardown_callback(self._threads.shutdown)
        await self.component.start(ctx)

    async def send(self, environ: dict[str, Any], target: str) -> Answer:
        """Return the server's answer to a request on a connection of its own.

        :raises OSError: if the connection fails, or the server takes too long.
        :raises http.client.HTTPException: if the server cuts the answer off.
        """
        connection = Connection(self.component.address[1], self.timeout, self._errors)
        try:
            return await self._in_thread(ask, connection, environ, target)
        except BaseException:
            connection.reset()
            raise

    @contextlib.asynccontextmanager
    async def send_streamed(self, environ: dict[str, Any], target: str) -> AsyncIterator[Begun]:
        """Yield the server's answer as it comes; the connection is closed at the end."""
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
        """Return the server's answer; where it is 101, the loop reads from the socket from then on.

        It raises as :meth:`send` does.
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
        """Note an exception for the request that failed with it, if it is one of this client's."""
        self.errors.append(error)
        self._errors.get(environ.get("REMOTE_PORT", ""), []).append(error)

    async def _pieces(self, response: http.client.HTTPResponse) -> AsyncIterator[bytes]:
        while piece := await self._in_thread(response.read1, PIECE_SIZE):
            yield piece

    async def _in_thread(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *args)


class FinalResponse(http.client.HTTPResponse):
    """The final answer, behind interim ones: the library reads over 100 alone, and not over 103."""

    def begin(self) -> None:
        """Read the head, and those before it."""
        super().begin()
        # RFC 9110 section 15.2.2: what comes behind 101 is another protocol.
        while self.status < 200 and self.status != 101:
            self.headers = self.msg = None  # type: ignore[assignment]
            super().begin()


class Connection(http.client.HTTPConnection):
    """A connection for one request, which can be closed while a thread reads from it.

    :param port: of the server.
    :param timeout: seconds that the server is waited for.
    :param errors: takes :attr:`errors`, by the port that this connection is from.
    """

    response_class = FinalResponse
    line: socket.socket | None = None

    def __init__(self, port: int, timeout: float, errors: dict[str, list[BaseException]]) -> None:
        super().__init__(ADDRESS, port, timeout=timeout)
        self.errors: list[BaseException] = []
        """The exceptions that its request was answered by a 500 for."""
        self._errors_by_port = errors

    def connect(self) -> None:
        """Connect, and keep the socket: the library forgets it when the answer is the last."""
        super().connect()
        self.line = self.sock
        self._errors_by_port[str(self.sock.getsockname()[1])] = self.errors

    def reset(self) -> None:
        """End what a thread waits for, and let the socket end by a reset when it is closed.

        A server takes one whose side has ended for a client that waits for its answer.
        """
        if self.line is not None:
            with contextlib.suppress(OSError):
                self.line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.line.shutdown(socket.SHUT_RD)
        self.close()


def request(
    connection: http.client.HTTPConnection, environ: dict[str, Any], target: str
) -> http.client.HTTPResponse:
    """Send a request, and return the answer, of which the body is to be read."""
    connection.putrequest(environ["REQUEST_METHOD"], target, skip_host=True, skip_accept_encoding=True)
    for name, value in EnvironHeaders(environ):
        connection.putheader(name, value.encode("latin-1"))
    # Who answers before the body is whole may end the connection: the answer is there to be read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "")
        connection.endheaders(environ["wsgi.input"], encode_chunked=chunked)
    return connection.getresponse()


def read_head(response: http.client.HTTPResponse) -> tuple[str, Headers]:
    """Return status and fields of an answer."""
    return f"{response.status} {response.reason}", Headers(response.getheaders())


def ask(connection: Connection, environ: dict[str, Any], target: str) -> Answer:
    """Return the answer to a request."""
    with contextlib.closing(connection), request(connection, environ, target) as response:
        return Answer(*read_head(response), response.read(), connection.errors)


def ask_upgrade(
    connection: Connection, environ: dict[str, Any], target: str
) -> Answer | http.client.HTTPResponse:
    """Return the answer to a request that offers another protocol; one of 101 with what comes behind it."""
    response = request(connection, environ, target)
    if response.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
        return response
    with contextlib.closing(connection), response:
        return Answer(*read_head(response), response.read(), connection.errors)


def take_over(connection: Connection, response: http.client.HTTPResponse) -> tuple[socket.socket, bytes]:
    """Return the socket of a connection that has switched protocols, and what was read behind the head."""
    with contextlib.closing(connection), response:
        line: Any = connection.line
        line.setblocking(False)
        unread: bytes = response.fp.read1(PIECE_SIZE)
        return line.dup(), unread


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

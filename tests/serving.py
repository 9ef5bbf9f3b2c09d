"""A real server in a thread of the test process, and a raw client for it."""

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, NamedTuple

from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.asphalt import KyoukaiComponent

from .http2 import Gateway

# A test that waits this long has failed. No test is expected to wait.
PATIENCE = 20.0


class Answer(NamedTuple):
    """One answer, parsed by this module and not by the code under test."""

    status: int
    reason: str
    fields: dict[str, str]
    body: bytes


class Client:
    """A raw connection: sends bytes, returns answers.

    :param source: the local address to connect from.
    :param by_http2: whether to translate to and from HTTP/2: see :mod:`tests.http2`.
    """

    def __init__(
        self,
        address: Any,
        context: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        source: str | None = None,
        by_http2: bool = False,
    ) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE)
        if receive_buffer is not None:
            # The system counts this size towards what it buffers for a client that does not read.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        try:
            if source is not None:
                self.socket.bind((source, 0))
            self.socket.connect(address)
        except OSError:
            self.socket.close()
            raise
        if context is not None:
            if by_http2:
                context.set_alpn_protocols(["h2"])
            self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        if by_http2:
            self.socket = Gateway(self.socket)  # type: ignore[assignment]
        self.buffer = b""

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *exc: object) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of ``data``."""
        self.socket.sendall(data)

    def end(self) -> None:
        """Close our side, and continue to read."""
        self.socket.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Close with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def receive_until(self, mark: bytes) -> bytes:
        """Return the received bytes up to and including ``mark``."""
        while mark not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"the server closed after {self.buffer!r}")
            self.buffer += data
        head, _, self.buffer = self.buffer.partition(mark)
        return head + mark

    def receive_exactly(self, size: int) -> bytes:
        """Return the next ``size`` bytes."""
        pieces = [self.buffer]
        length = len(self.buffer)
        while length < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError(f"the server closed {size - length} bytes early")
            pieces.append(data)
            length += len(data)
        everything = b"".join(pieces)
        self.buffer = everything[size:]
        return everything[:size]

    def receive_rest(self) -> bytes:
        """Return everything up to the server's end of file."""
        pieces = [self.buffer]
        self.buffer = b""
        while data := self.socket.recv(65536):
            pieces.append(data)
        return b"".join(pieces)

    def receive_head(self) -> Answer:
        """Return the head of the next answer, with an empty body."""
        status_line, *lines = self.receive_until(b"\r\n\r\n")[:-4].decode("latin-1").split("\r\n")
        version, status, reason = status_line.split(" ", 2)
        assert version == "HTTP/1.1"
        fields: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(":")
            assert name.lower() not in fields, f"{name} came twice"
            fields[name.lower()] = value.strip()
        return Answer(int(status), reason, fields, b"")

    def receive(self, method: str = "GET") -> Answer:
        """Return the next answer to a request with ``method``."""
        answer = self.receive_head()
        if method == "HEAD" or answer.status in (204, 304) or answer.status < 200:
            return answer
        if answer.fields.get("transfer-encoding") == "chunked":
            assert "content-length" not in answer.fields
            return answer._replace(body=self.receive_chunks())
        if "content-length" in answer.fields:
            return answer._replace(body=self.receive_exactly(int(answer.fields["content-length"])))
        return answer._replace(body=self.receive_rest())

    def receive_chunks(self) -> bytes:
        """Return a chunked body."""
        pieces = []
        while size := int(self.receive_until(b"\r\n"), 16):
            pieces.append(self.receive_exactly(size))
            assert self.receive_exactly(2) == b"\r\n"
        assert self.receive_exactly(2) == b"\r\n"
        return b"".join(pieces)

    def request(self, data: bytes, method: str = "GET") -> Answer:
        """Send ``data`` and return the next answer."""
        self.send(data)
        return self.receive(method)


def message(
    method: str = "GET", target: str = "/", *fields: str, body: bytes | None = None, version: str = "1.1"
) -> bytes:
    """Return a request with a Host field, and with a Content-Length if it has a body."""
    lines = [f"{method} {target} HTTP/{version}", "Host: localhost", *fields]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def chunks(*pieces: bytes) -> bytes:
    """Return a body in the chunked transfer coding."""
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


class Answering:
    """An application that is one function from request to response."""

    request_class = Request

    def __init__(self, function: Callable[[Request], Awaitable[Response]]) -> None:
        self.function = function

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Answer one request."""
        return await self.function(request)


@Answering
async def echo(request: Request) -> Response:
    """Answer with the method, the target and the body of the request."""
    return Response(f"{request.method} {request.environ['RAW_URI']} ".encode() + request.get_data())


def error_records(caplog: Any) -> list[logging.LogRecord]:
    """Return the log records of level ERROR and above."""
    return [record for record in caplog.records if record.levelno >= logging.ERROR]


class Running:
    """A component that serves in a thread with its own event loop."""

    lacks: frozenset[str] = frozenset()
    """Features that not every server has and that this server lacks: see :mod:`tests.exported.peers`."""

    def __init__(self, loop_factory: Any = asyncio.new_event_loop, **settings: Any) -> None:
        self.component = KyoukaiComponent(**settings)
        self.by_http2 = settings.get("backend") == "h2"
        self.failures: list[str] = []
        self.loop: asyncio.AbstractEventLoop
        self._loop_factory = loop_factory
        self._ready = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="server", daemon=True)
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        if self._error is not None:
            self._thread.join(PATIENCE)
            raise self._error

    @property
    def server(self) -> Any:
        """The state that the connections share."""
        return self.component.server

    @property
    def backend_name(self) -> str:
        """The backend name that applications see."""
        return self.component.backend_name

    @property
    def port(self) -> int:
        """The listening port."""
        return self.component.address[1]

    @property
    def url(self) -> str:
        """The URL of the server, without a trailing slash."""
        return self.component.url

    @property
    def connection(self) -> Any:
        """The server's side of the only connection."""
        (connection,) = self.server.connections
        return connection

    def connect(self, **options: Any) -> Client:
        """Open a raw connection. The options are those of :class:`Client`."""
        address, port = self.component.address
        return Client((address, port) if port else address, by_http2=self.by_http2, **options)

    def request(self, data: bytes, method: str = "GET") -> Answer:
        """Send ``data`` on a new connection and return the first answer."""
        with self.connect() as client:
            return client.request(data, method)

    def call(self, function: Any, *args: Any) -> Any:
        """Call a function in the server's loop and return what it returns."""

        async def run() -> Any:
            return function(*args)

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(PATIENCE)

    def wait_until(self, condition: Any) -> None:
        """Wait until a condition holds. The server's loop evaluates it."""

        async def poll() -> None:
            while not condition():  # noqa: ASYNC110 - the condition has no event
                await asyncio.sleep(0.001)

        asyncio.run_coroutine_threadsafe(asyncio.wait_for(poll(), PATIENCE), self.loop).result()

    def let_pass(self, seconds: float) -> None:
        """Wait until this much time has passed on the clock of the server's deadlines."""
        end = self.server.clock + seconds
        self.wait_until(lambda: self.server.clock >= end)

    def wait_until_empty(self) -> None:
        """Wait until no connection is left."""
        self.wait_until(lambda: not self.server.connections)

    def begin_stop(self) -> None:
        """Ask the server to stop without waiting for its end."""
        self.loop.call_soon_threadsafe(self._stop.set)

    def stop(self) -> None:
        """Stop, and check that the thread has ended and the loop reported no failure."""
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self.begin_stop()
            self._thread.join(PATIENCE)
        assert not self._thread.is_alive(), "the server did not stop"
        assert not self.failures, self.failures

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._serve())

    def _note_failure(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # asyncio reports a client's failed handshake only in debug mode.
        if not (loop.get_debug() and isinstance(context.get("exception"), ssl.SSLError)):
            self.failures.append(repr(context))

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.loop.set_exception_handler(self._note_failure)
        self._stop = asyncio.Event()
        try:
            async with Context() as ctx:
                await self.component.start(ctx)
                self._ready.set()
                await self._stop.wait()
        except BaseException as error:
            self._error = error
            self._ready.set()
        # A task with an unretrieved exception reports it when it is garbage-collected.
        gc.collect()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        self.failures += [f"left running: {task!r}" for task in left]


@contextlib.contextmanager
def running(**settings: Any) -> Iterator[Running]:
    """Serve during the block."""
    server = Running(**{"port": 0, **settings})
    try:
        yield server
    finally:
        server.stop()

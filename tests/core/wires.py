"""A wire in memory, which keeps what an exchange writes, call by call; and a transport that does."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from werkzeug.wrappers import Request, Response

from kyoukai.core.applications.forms import answerer_of
from kyoukai.core.exchange.client_state import ClientState
from kyoukai.core.exchange.environ import connection_environ
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.application import BodyPlan
from kyoukai.core.serving.server_state import Server

HOST = (b"host", b"example.com")


def run(main: Callable[[], Awaitable[None]]) -> None:
    """Run a test in an event loop of its own."""
    asyncio.run(main())  # type: ignore[arg-type]


async def turns(count: int = 5) -> None:
    """Let the loop have as many turns."""
    for _ in range(count):
        await asyncio.sleep(0)


def head(
    method: str = "GET", *fields: tuple[bytes, bytes], target: bytes = b"/", **others: Any
) -> RequestHead:
    """Return a head as a wire has it before the policy has seen it; it came by HTTP/2."""
    return RequestHead(method, target, others.pop("version", "2"), [HOST, *fields], **others)


class App:
    """An application of the Werkzeug form.

    :param answer: makes the response of a request; it may be asynchronous.
    """

    request_class = Request

    def __init__(self, answer: Callable[[Request], Any]) -> None:
        self.make_answer = answer
        self.requests: list[Request] = []

    async def process_request(self, request: Request, parent_context: Any) -> Response:
        """Answer one request."""
        self.requests.append(request)
        response = self.make_answer(request)
        return await response if asyncio.iscoroutine(response) else response  # type: ignore[no-any-return]


class PlanningApp(App):
    """One that has a plan for every body."""

    def __init__(self, answer: Callable[[Request], Any], plan: Any = None) -> None:
        super().__init__(answer)
        self.plan = plan
        self.asked: list[dict[str, Any]] = []

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        """Return the plan; raise it, if it is an exception."""
        self.asked.append(environ)
        if isinstance(self.plan, BaseException):
            raise self.plan
        return self.plan  # type: ignore[no-any-return]


class LowerApp:
    """An application of the lower form.

    :param answer: what answers an exchange.
    """

    def __init__(self, answer: Callable[[Any], Awaitable[None]]) -> None:
        self.make_answer = answer
        self.contexts: list[Any] = []

    async def process_exchange(self, exchange: Exchange, parent_context: Any) -> None:
        """Answer one exchange."""
        self.contexts.append(parent_context)
        await self.make_answer(exchange)


class MemoryOwner:
    """What the exchanges of one connection in memory share. It is made in the event loop.

    :param app: of either form.
    :param limits: the server's.
    :param settings: those of :class:`Server`.
    """

    def __init__(self, app: Any = None, limits: Limits | None = None, **settings: Any) -> None:
        self.server = Server(limits, **settings)
        self.features = self.server.features
        self.app = app if app is not None else App(lambda request: Response(b"hello"))
        self.answerer: Any = answerer_of(self.app)
        self.parent_context: Any = object()
        self.loop = asyncio.get_running_loop()
        self.environ = connection_environ(scheme="http", server=("127.0.0.1", 80), peer=("192.0.2.1", 50712))


class MemoryExchange(Exchange):
    """Keeps what is written, in the order of the calls."""

    def __init__(self, owner: Any = None, client: ClientState | None = None) -> None:
        super().__init__(MemoryOwner() if owner is None else owner, client)
        self.calls: list[Any] = []
        self.answer: AnswerHead | None = None
        self.data = b""
        self.trailers: list[tuple[str, str]] = []
        self.writes: list[bytes] = []

    @property
    def names(self) -> list[str]:
        """What was called, in order."""
        return [call[0] for call in self.calls]

    def send_informational(self, status: str, fields: Sequence[tuple[str, str]]) -> bool:
        """Keep an interim answer."""
        self.calls.append(("informational", status, list(fields)))
        return True

    def send_head(self, head: AnswerHead) -> None:
        """Keep the head of the answer."""
        self.calls.append(("head", head.code))
        self.answer = head

    def send_data(self, data: bytes) -> None:
        """Keep a piece of the content."""
        self.calls.append(("data",))
        self.writes.append(data)
        self.data += data

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        """Keep the end of the answer."""
        self.calls.append(("end",))
        if data:
            self.writes.append(data)
        self.data += data
        self.trailers = list(trailers)

    def reset(self) -> None:
        """Note that the answer breaks off."""
        self.calls.append(("reset",))

    def pause_client(self) -> None:
        """Note that the client is to wait."""
        self.calls.append(("pause",))

    def resume_client(self) -> None:
        """Note that it may go on."""
        self.calls.append(("resume",))

    def answered(self) -> None:
        """Note the end."""
        self.calls.append(("answered",))


class Socket:
    """Keeps what is set on it."""

    def __init__(self) -> None:
        self.options: list[tuple[int, int, bytes]] = []

    def fileno(self) -> int:
        return -1

    def setsockopt(self, *option: Any) -> None:
        self.options.append(option)

    @property
    def resets(self) -> bool | None:
        """Whether its end would be a reset; ``None``, if nobody has said."""
        if not self.options:
            return None
        level, name, value = self.options[-1]
        assert (level, name) == (socket.SOL_SOCKET, socket.SO_LINGER)
        return struct.unpack("ii", value) == (1, 0)


class FakeTransport(asyncio.Transport):
    """Keeps what it is called with.

    :param extra: what it tells of itself.
    """

    def __init__(self, **extra: Any) -> None:
        self.socket = Socket()
        super().__init__({"peername": ("192.0.2.1", 5), "socket": self.socket, **extra})
        self.calls: list[Any] = []
        self.buffered = 0
        self.closing = False
        self.half_closes = True
        self.protocol: Any = None
        self.fault: OSError | None = None

    def write(self, data: Any) -> None:
        self.calls.append(data)

    def get_write_buffer_size(self) -> int:
        return self.buffered

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True
        self.calls.append("close")

    def abort(self) -> None:
        self.closing = True
        self.calls.append("abort")

    def can_write_eof(self) -> bool:
        return self.half_closes

    def write_eof(self) -> None:
        self.calls.append("eof")
        if self.fault is not None:
            raise self.fault

    def resume_reading(self) -> None:
        self.calls.append("resume")

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol


@contextlib.contextmanager
def full_pair() -> Iterator[tuple[socket.socket, socket.socket, int]]:
    """Give our end of a connection whose system takes no more, the client's end, and how much it took."""
    ours, client = socket.socketpair()
    with ours, client:
        ours.setblocking(False)
        yield ours, client, fill(ours)


def fill(sock: socket.socket) -> int:
    """Send until the system takes no more, and return how much it took.

    :param sock: one that does not block.
    """
    size = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            size += sock.send(bytes(65536))
    return size


def receive(client: socket.socket, size: int) -> None:
    """Receive ``size`` bytes."""
    while size:
        size -= len(client.recv(min(size, 65536)))

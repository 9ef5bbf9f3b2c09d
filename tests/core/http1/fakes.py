"""What stands for a reader's surroundings: a connection, its parser, and the exchanges that come of it."""

from types import SimpleNamespace
from typing import Any

from werkzeug.exceptions import HTTPException

from kyoukai.core.http1.message import Message
from kyoukai.core.http1.parser_errors import translate
from kyoukai.core.http1.reader import MessageReader
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.framing import Framing
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.server_state import Server


class FakeBody:
    """As much of a body as a reader knows."""

    def __init__(self, max_size: int) -> None:
        self.max_size = max_size
        self.size = 0
        self.noted: list[int] = []

    def note_received(self, now: float, size: int) -> None:
        self.noted.append(size)


class FakeExchange:
    """Writes down what a reader calls."""

    def __init__(self, head: RequestHead, keep_alive: bool) -> None:
        self.head = head
        self.keep_alive = keep_alive
        self.max_size = 1000
        self.is_begun = False
        self.body: FakeBody | None = None
        self.error: HTTPException | None = None
        self.is_answered = False
        self.refuses_body: HTTPException | None = None
        self.pieces: list[bytes] = []
        self.calls: list[str] = []
        self.trailers: list[tuple[bytes, bytes]] | None = None

    @property
    def content(self) -> bytes:
        return b"".join(self.pieces)

    @content.setter
    def content(self, data: bytes) -> None:
        self.calls.append("content")
        self.pieces = [data]

    def receive_announced(self) -> None:
        self.calls.append("announced")
        self.body = FakeBody(self.max_size)
        self.error = self.refuses_body

    def take_whole(self, data: bytes) -> None:
        self.calls.append("whole")
        self.pieces = [data]
        self.error = self.refuses_body

    def take_body(self, piece: bytes) -> None:
        assert self.body is not None
        self.body.size += len(piece)
        self.pieces.append(piece)

    def await_body(self) -> None:
        self.calls.append("await")

    def receive_end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        self.calls.append("end")
        self.trailers = trailers

    def refuse(self, error: HTTPException) -> None:
        self.calls.append("refuse")
        self.error = error


class FakeQueue:
    """Keeps what can be answered, and is full when the test says so."""

    def __init__(self) -> None:
        self.waiting: list[Any] = []
        self.is_full = False

    def add(self, exchange: Any, may_fill: bool = True) -> None:
        exchange.calls.append("queued")
        self.waiting.append(exchange)


class ParseError(Exception):
    """What a parser raises for bad input."""


class FakeParser:
    """Tells what it is told to, whatever it is fed.

    :param calls: its connection.
    :param script: for each feed what it calls, as names with arguments; or an exception.
    """

    def __init__(self, calls: Any, script: list[Any]) -> None:
        self.calls = calls
        self.script = list(script)
        self.fed: list[bytes] = []
        self.method = b"GET"
        self.version = "1.1"
        self.keeps_alive = True

    def feed_data(self, data: bytes, /) -> None:
        self.fed.append(data)
        self.follow(self.script.pop(0) if self.script else ())

    def follow(self, steps: Any) -> None:
        for step in [steps] if isinstance(steps, BaseException) else steps:
            if isinstance(step, BaseException):
                raise step
            name, *arguments = step if isinstance(step, tuple) else (step,)
            getattr(self.calls, name)(*arguments)

    def get_method(self) -> bytes:
        return self.method

    def get_http_version(self) -> str:
        return self.version

    def should_keep_alive(self) -> bool:
        return self.keeps_alive


class FakeReceiver:
    """What a reader reads for.

    :param make: makes the parser of a reader.
    :param app: the application.
    """

    parser_errors = (ParseError,)

    def __init__(self, make: Any, limits: Limits | None = None, app: Any = None) -> None:
        self.server = Server(limits)
        self.app = app
        self.make = make
        self.parsers: list[Any] = []
        self.exchanges: list[FakeExchange] = []
        self.errors: list[Exception] = []
        self.refused: list[RequestHead] = []
        self.answered: list[Any] = []
        self.resumes = False
        self.resumed: list[tuple[Exception, Framing | None]] = []
        self.translated: list[Exception] = []
        self.prepare: Any = lambda exchange: None
        self.queue = FakeQueue()
        self.reader = MessageReader(self, self.queue)  # type: ignore[arg-type]
        self.reader.parsing.make_parser()

    def make_parser(self) -> Any:
        parser = self.make(self.reader.parsing)
        self.parsers.append(parser)
        return parser

    def resume_parser(self, exc: Exception, framing: Framing | None) -> bool:
        self.resumed.append((exc, framing))
        return self.resumes

    def translate(self, exc: BaseException) -> HTTPException:
        return translate(exc, self.parser_errors, self.translate_exception)

    def translate_exception(self, exc: Exception) -> HTTPException:
        self.translated.append(exc)
        error = HTTPException("of the author's")
        error.code = 418
        return error

    @staticmethod
    def exchange_class(receiver: "FakeReceiver", message: Message) -> FakeExchange:
        exchange = FakeExchange(message.head, message.keep_alive)
        receiver.prepare(exchange)
        receiver.exchanges.append(exchange)
        return exchange

    def handle_parser_exception(self, exc: Exception) -> None:
        self.errors.append(exc)
        exchange = self.reader.exchange
        self.refused.append(self.reader.known_head() if exchange is None else exchange.head)
        self.reader.end()

    def note_message_end(self, exchange: Any) -> None:
        self.answered.append(exchange)

    # For the tests

    @property
    def parser(self) -> Any:
        """The parser made last."""
        return self.parsers[-1]

    @property
    def statuses(self) -> list[int | None]:
        """The statuses of the refusals."""
        return [error.code for error in self.errors if isinstance(error, HTTPException)]

    def feed(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.reader.feed(piece)


def component(app: Any = None, limits: Limits | None = None) -> Any:
    """Return what a connection serves for."""
    return SimpleNamespace(app=app, server=Server(limits))

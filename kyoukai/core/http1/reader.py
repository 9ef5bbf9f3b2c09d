"""Reading the messages of one connection: bytes in, exchanges or a fault out, and no transport.

The parser tells what a message says. Where a message begins and ends, and whether it is made as RFC 9112
has it, is read here too, by :mod:`kyoukai.core.http1.readers` and :mod:`kyoukai.core.http1.chunked`, before
the parser has it. So every parser is given whole heads, and of a body exactly its bytes, however they
came; what one parser would let pass and the next one would not is refused on all; and two readings that
differ end the connection. How much is held is bounded: a head, a body and what frames it by their
limits, the queue of requests by :attr:`MessageReader.is_held`.

The order of the parser's calls is that of :mod:`kyoukai.core.http1.states`.
"""

import contextlib
import inspect
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn, Protocol

from werkzeug.exceptions import HTTPException

from ..errors import ProtocolError
from ..faults import is_fault
from ..limits import MOST
from ..semantics.framing import NO_BODY, Framing
from ..semantics.methods import USUAL_METHODS
from ..semantics.request_head import RequestHead
from ..serving.server_state import NEVER
from .chunked import read_body
from .message import Message, as_refused, judge, sent_head, tells_the_same
from .parser_errors import Disagreement, disagree, find_refusal, internal_error, is_parser_error
from .queue import ExchangeQueue
from .readers import MAX_KNOWN_HEAD, read_head, read_start, take_head
from .receive_buffer import ReceiveBuffer
from .states import ARRIVING, BODY, ENDED, IDLE, IN_HEAD, State

if TYPE_CHECKING:
    from ..contract.parser import BodyParser, RequestParser
    from ..exchange.exchange import Exchange
    from ..serving.server_state import Server


class Receiver(Protocol):
    """What the reader reads for. :class:`~kyoukai.core.http1.protocol.HTTPProtocol` is one."""

    server: "Server"

    @property
    def app(self) -> Any:
        """The application."""

    parser_errors: ClassVar[tuple[type[Exception], ...]]
    """What the parser raises for bad input."""

    def make_parser(self) -> "RequestParser | BodyParser":
        """Return a new parser."""

    def resume_parser(self, exc: Exception, framing: Framing | None) -> bool:
        """Go on parsing after an exception that is no error."""

    def translate(self, exc: BaseException) -> HTTPException:
        """Return the HTTP error that an exception out of the parser means."""

    exchange_class: ClassVar[Any]
    """Makes an exchange of the receiver and a message."""

    def handle_parser_exception(self, exc: Exception) -> None:
        """Refuse the request being received."""

    def note_message_end(self, exchange: "Exchange") -> None:
        """Note that a message has been read whose answer may be gone already."""


class MessageReader:
    """Reads the messages of one connection.

    :param receiver: what it reads for; the parser calls its ``on_*`` methods, which are this object's.
    :param queue: where requests go that can be answered.
    """

    parser: "RequestParser | BodyParser"
    """The one that reads the message being received."""

    def __init__(self, receiver: Receiver, queue: ExchangeQueue) -> None:
        self._receiver = receiver
        self._queue = queue
        self.server = server = receiver.server
        self.buffer = ReceiveBuffer()
        """Bytes received and not yet parsed."""
        self.state: State = IDLE
        self.exchange: Exchange | None = None
        """The one whose body is being received."""
        self.deadline = NEVER
        """When the head being received is late, by :attr:`Server.clock`."""
        self.is_held = False
        """Whether nothing more is read until the queue has room."""
        self._refused = RequestHead()  # what is known of a head that is refused
        self._begin: Callable[[RequestHead], None] | None = None  # of a parser that takes heads as read
        self._is_released = False
        self._is_new = True  # the parser is asked what it says of the head
        self._method = b""  # what the parser was given in the place of a method that it may not know
        self._told = b"", ""  # method and version, as the parser said
        self._is_spent = False  # the parser takes no message after this one, though the policy does
        self._target = b""
        self._fields: list[tuple[bytes, bytes]] = []
        self._trailers: list[tuple[bytes, bytes]] = []
        self._section = self._fields  # the one of the two that fields are told of
        self._pieces: list[bytes] = []
        asks = getattr(receiver.app, "receive_head", None) is not None
        # Where the application is asked, it may let a larger body pass.
        self._max_length = MOST if asks else None
        # Of a body that is there with its head, no more than this is taken without asking.
        plans_every_body = getattr(receiver.app, "plans_every_body", False)
        self._whole_size = -1 if plans_every_body else server.limits.max_body_size
        self._messages = self._read_messages()

    # The parser's calls

    def on_message_begin(self) -> None:
        """Note that the first byte of a request line has been read."""
        self.state = self.state.message_begin
        self._target = b""
        self._fields = self._section = []

    def on_url(self, url: bytes) -> None:
        """Take the request target, or the next piece of it."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header field, or after the head a trailer field."""
        self._section.append((name, value))

    def on_headers_complete(self) -> None:
        """Note that the head is whole."""
        self.state = self.state.headers_complete
        self._section = self._trailers
        if self._is_new:
            parser: Any = self.parser
            self._told = parser.get_method(), parser.get_http_version()
            self._is_spent = not parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self.state is not BODY:
            raise Disagreement.between("has come to the end", "tells of a body")
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        """Note that the message is whole."""
        self.state = self.state.message_complete
        if self._trailers and self._begin is None:
            # A trailer field does not say whether the connection persists, whatever the parser thinks.
            parser: Any = self.parser
            self._is_spent = not parser.should_keep_alive()

    # What the connection calls

    def make_parser(self) -> None:
        """Have a new parser read what comes next."""
        self.parser = parser = self._receiver.make_parser()
        self._begin = getattr(parser, "begin_message", None)
        self._is_spent = False

    @property
    def is_reading(self) -> bool:
        """Whether it is reading right now: who calls is called by it."""
        return inspect.getgeneratorstate(self._messages) == inspect.GEN_RUNNING

    def feed(self, data: bytes) -> None:
        """Take what the client sent, and read it as far as the queue has room."""
        buffer = self.buffer
        if buffer.data:
            buffer.feed(data)
        else:
            buffer.data = data
        if self.is_held:
            return
        # The place in the generator is the place in the message.
        try:
            next(self._messages, None)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            if self._is_released:
                # A callback closed the connection, or handed it on.
                return
            # What came out of the parser is an HTTP error by now.
            error = exc if isinstance(exc, HTTPException) else internal_error("reading failed", exc)
            self._receiver.handle_parser_exception(error)
        if self.buffer.data:
            self.buffer.drop_read()

    def read_on(self) -> None:
        """Read what was held."""
        self.is_held = False
        self.feed(b"")

    def end(self) -> None:
        """Read no more."""
        self.state = self.state.end
        self.exchange = None
        self.deadline = NEVER

    @property
    def is_ended(self) -> bool:
        """Whether no further request is read."""
        return self.state is ENDED

    def known_head(self) -> RequestHead:
        """Return what is known of a head that was not accepted."""
        if self.buffer.kept is not None:
            method, target, version = read_start(self.buffer.take_all())
            return RequestHead(method.decode("ascii"), target, version)
        return self._refused

    def take_unread(self) -> bytes:
        """Return what was received and not parsed, and keep nothing of it."""
        unread = self.buffer.take_all()
        self.buffer.drop_read()
        return unread

    def release(self) -> None:
        """Let go of the parser, the place in the message, and what was received."""
        self._is_released = True
        self.exchange = None
        # Each holds this object as this object holds it.
        self.__dict__.pop("parser", None)
        self._receiver = None  # type: ignore[assignment]
        with contextlib.suppress(ValueError):
            # It refuses while it runs: when a callback hands the connection on.
            self._messages.close()
        self.buffer = ReceiveBuffer()

    # Reading

    def _read_messages(self) -> Generator[None, None, None]:
        buffer, server = self.buffer, self.server
        heads, methods, small_size = server.heads, server.methods, server.limits.small_head_size
        receiver, queue = self._receiver, self._queue
        exchange_class, whole_size = receiver.exchange_class, self._whole_size
        while True:
            while buffer.offset == len(buffer.data):
                buffer.data, buffer.offset = b"", 0
                yield
            data = take_head(buffer, small_size, heads, methods)
            if data is None:
                data = yield from self._read_head()
            else:
                self.state = self.state.begin
            message = heads.get(data)
            if message is None:
                message = self._judge(data)
            if self._is_spent:
                self.make_parser()
            # It is written here for one call less a request.
            self._is_new = message.told is None
            try:
                if self._begin is None:
                    self.parser.feed_data(data)
                else:
                    self._begin_message(message)
            except BaseException as exc:
                self._recover(exc, data, message)
            if not self._is_new:
                self._is_spent = message.parser_is_spent
            if self._fields != message.told or self._target != message.target:
                self._compare(message)
            exchange = exchange_class(receiver, message)
            size = message.size
            if size == 0:
                if self._pieces:
                    raise Disagreement.between("read that there is no body", "tells of one")
                if self.state is not IDLE or self.deadline is not NEVER:
                    self.exchange = exchange
                    self._end_message(message)
                elif not message.keep_alive or server.stopping:
                    self.state = self.state.end
                queue.add(exchange, message.may_fill)
            elif message.fault is not None:
                exchange.refuse(message.fault)
            elif self.state is not BODY:
                self.exchange = exchange
                raise disagree(message.framing, None, "ends it after 0")
            elif size is not None and size <= whole_size and size <= len(buffer.data) - buffer.offset:
                self._read_whole_body(message, exchange, size)
            else:
                yield from self._read_body(message, exchange)
            if self.state is ENDED:
                return
            while queue.is_full:
                self.is_held = True
                yield

    def _end_message(self, message: Message, told: int = 0) -> None:
        """Note that a message is whole: both readings are at its end.

        :param told: bytes of content that the parser told of.
        :raises Disagreement: if the parser is not at its end.
        """
        if self.state is not IDLE:
            raise disagree(message.framing, None, f"waits for more after {told}")
        if self._trailers:
            raise Disagreement.between("read no trailer section", "tells of trailer fields")
        self.exchange = None
        # It is whole; what may be late now is a handler.
        self.deadline = NEVER
        if not message.keep_alive or self.server.stopping:
            self.state = self.state.end

    def _read_head(self) -> Generator[None, None, bytes]:
        """Read a head that comes in pieces, has empty lines before it, is large, or is refused."""
        server = self.server
        reader = read_head(self.buffer, server.limits, server.methods)
        while True:
            try:
                next(reader)
            except StopIteration as stop:
                head: bytes = stop.value
                break
            if self.state is IDLE and self.buffer.kept is not None:
                # From the first byte of a request line on its time runs, and no byte extends it.
                self.state = self.state.begin
                self.deadline = server.clock + server.limits.head_timeout
            yield
        if self.state is IDLE:
            self.state = self.state.begin
        return head

    def _judge(self, data: bytes) -> Message:
        """Have the policy accept a head that it has not seen, and keep what came of it."""
        server, heads = self.server, self.server.heads
        sent = sent_head(data)
        try:
            message = judge(sent, server.limits, self._max_length, server.server_field)
        except ProtocolError:
            self._refused = sent
            raise
        if len(data) <= MAX_KNOWN_HEAD and message.fault is None and heads.is_wanted(data):
            heads.keep(data, message)
        return message

    def _begin_message(self, message: Message) -> None:
        """Have the parser take the head that the server has read; it is fed with the body alone."""
        self.state = BODY if message.framing is not NO_BODY else IDLE
        self._section = []
        try:
            self._begin(message.head)  # type: ignore[misc]
        finally:
            # There is nothing to compare: what it told is dropped. Fields are trailers from here on.
            self._is_new, self._target, self._section = False, message.head.target, self._trailers
            message.told = self._fields = []

    def _recover(self, exc: BaseException, data: bytes, message: Message) -> None:
        """Go on after an exception out of the parser, in a head; or raise what it means.

        Parsers such as llhttp know a list of methods. A message's framing is the same for all (RFC 9112
        section 6.3), and what a method means is the application's affair: a new parser gets ``POST`` in the
        place of a method that the last one may not know.
        """
        if self._goes_on(exc, message):
            return
        head = message.head
        is_new_method = self.state in IN_HEAD and head.method.encode() not in USUAL_METHODS
        if not (is_new_method and is_parser_error(exc, self._receiver.parser_errors)):
            self._fail_in_head(exc, head)
        # What the last one has called is forgotten with it.
        self.make_parser()
        self.state = ARRIVING
        self._method = b"POST"
        try:
            self.parser.feed_data(b"POST " + data.partition(b" ")[2])
        except BaseException as error:
            if not self._goes_on(error, message):
                self._fail_in_head(error, head)
        if not self._is_new:
            self._method = b""

    def _compare(self, message: Message) -> None:
        """Compare what the parser has read in a head with what the server has.

        :raises Disagreement: if the two differ.
        """
        head, method = message.head, self._method or message.head.method.encode()
        self._method = b""
        how = ""
        if self.state in IN_HEAD:
            self._refused = as_refused(head)
            raise Disagreement.between("read a whole head", "has not come to its end")
        if self._is_new and self._told != (method, head.version):
            how = "has read another method, or another version"
        elif not tells_the_same(head, self._target, self._fields):
            how = "has read another target, or other fields"
        if how:
            self._refused = as_refused(head)
            raise Disagreement.between("has read one head", how)
        message.told = self._fields
        if self._is_new:
            message.parser_is_spent = self._is_spent

    def _fail_in_head(self, exc: BaseException, head: RequestHead) -> NoReturn:
        """Raise the HTTP error that an exception out of the parser means, which came in a head."""
        is_refused = self.state in IN_HEAD or self._begin is not None
        self._refused = as_refused(head) if is_refused else head
        self._fail(exc)

    def _goes_on(self, exc: BaseException, message: Message) -> bool:
        """Return whether the parser stopped at the end of the head for something that is no error."""
        if self.state in IN_HEAD or not isinstance(exc, Exception) or find_refusal(exc) is not None:
            return False
        has_body = message.framing is not NO_BODY
        if not self._receiver.resume_parser(exc, message.framing if has_body else None):
            return False
        if has_body and self.state is IDLE:
            # The parser stopped short of the body; another one takes that.
            self.state = self.state.resume
        return True

    def _fail(self, exc: BaseException) -> NoReturn:
        """Raise the HTTP error that an exception out of the parser means."""
        # Once the connection is gone, or another protocol's, nothing is right for a parser that goes on.
        error = self._receiver.translate(exc) if is_fault(exc) and not self._is_released else exc
        if error is exc:
            raise exc
        raise error from exc

    def _feed_body(self, data: bytes) -> list[bytes]:
        """Give the parser a part of the body, and return what it tells of the content."""
        try:
            self.parser.feed_data(data)
        except BaseException as exc:
            self._fail(exc)
        pieces, self._pieces = self._pieces, []
        return pieces

    def _read_whole_body(self, message: Message, exchange: Any, size: int) -> None:
        """Read a body that is already buffered whole: as :meth:`_read_body`, but it never waits."""
        buffer, pieces = self.buffer, self._pieces
        start = buffer.offset
        buffer.offset = start + size
        self.exchange = exchange
        try:
            self.parser.feed_data(buffer.since(start))
        except BaseException as exc:
            self._fail(exc)
        data = pieces.pop() if len(pieces) == 1 else b"".join(pieces)
        if pieces:
            pieces.clear()
        if len(data) != size and self.state is not BODY:
            raise disagree(message.framing, size, f"ends it after {len(data)}")
        if self.state is not IDLE or self.deadline is not NEVER or self._trailers:
            self._end_message(message, len(data))
        elif not message.keep_alive or self.server.stopping:
            self.state = self.state.end
        self.exchange = None
        if message.has_coding:
            exchange.take_whole(data)
            if exchange.error is not None:
                return
        else:
            exchange.content = data
        self._queue.add(exchange, message.may_fill)

    def _read_body(self, message: Message, exchange: "Exchange") -> Generator[None, None, None]:
        """Read a body, and feed the parser with it as it comes."""
        buffer, server = self.buffer, self.server
        self.exchange = exchange
        # The head is whole. The body has a deadline of its own.
        self.deadline = NEVER
        # No field told behind an earlier message is one of this one's.
        self._trailers.clear()
        exchange.receive_announced()
        body = exchange.body
        if exchange.error is not None or body is None:
            return
        reader, size = read_body(buffer, message.framing, server.limits, body.max_size), None
        while True:
            start, fault = buffer.offset, None
            try:
                next(reader)
            except StopIteration as stop:
                size = stop.value
            except ProtocolError as error:
                # What was right before it may be refused for another reason, and came first.
                fault = error
            data = buffer.since(start)
            if data:
                body.note_received(server.clock, len(data))
                for piece in self._feed_body(data):
                    exchange.take_body(piece)
            if self.is_ended:
                return
            if fault is not None:
                raise fault
            if size is not None:
                break
            if self.state is not BODY:
                raise disagree(message.framing, None, f"ends it after {body.size}")
            exchange.await_body()
            yield
        if body.size != size and self.state is not BODY:
            raise disagree(message.framing, size, f"ends it after {body.size}")
        trailers = []
        if message.framing.chunked:
            trailers = [(name, value.strip(b" \t")) for name, value in self._trailers]
            self._trailers.clear()
        if self.state is not IDLE:
            raise disagree(message.framing, size, f"waits for more after {body.size}")
        self._end_message(message)
        exchange.receive_end(trailers)
        if exchange.is_answered:
            self._receiver.note_message_end(exchange)

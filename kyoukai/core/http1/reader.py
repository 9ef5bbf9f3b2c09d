"""Reading the messages of one connection: bytes in, exchanges or a fault out, and no transport.

The parser tells what a message says: see :mod:`kyoukai.core.http1.parsing`. Where a message begins and ends,
and whether it is made as RFC 9112 has it, is read here, by :mod:`kyoukai.core.http1.readers` and
:mod:`kyoukai.core.http1.chunked`, before the parser has it. So every parser is given whole heads, and of a
body exactly its bytes, however they came; and what one parser would let pass and the next one would not is
refused on all. How much is held is bounded: a head, a body and what frames it by their limits, the queue of
requests by :attr:`MessageReader.is_held`.
"""

import contextlib
import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import HTTPException

from ..errors import ProtocolError
from ..faults import is_fault
from ..limits import MOST
from ..semantics.request_head import RequestHead
from ..serving.server_state import NEVER
from .chunked import read_body
from .message import Message, judge, sent_head
from .parser_errors import disagree, internal_error
from .parsing import Parsing
from .queue import ExchangeQueue
from .readers import MAX_KNOWN_HEAD, read_head, read_start, take_head
from .receive_buffer import ReceiveBuffer
from .receiver import Receiver
from .states import BODY, ENDED, IDLE

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange


class MessageReader:
    """Reads the messages of one connection.

    :param receiver: what it reads for.
    :param queue: where requests go that can be answered.
    """

    def __init__(self, receiver: Receiver, queue: ExchangeQueue) -> None:
        self._receiver: Receiver | None = receiver
        self._queue = queue
        self.server = server = receiver.server
        self.buffer = ReceiveBuffer()
        """Bytes received and not yet parsed."""
        self.parsing = Parsing(receiver)
        """The parser, and where in a message it is."""
        self.exchange: Exchange | None = None
        """The one whose body is being received."""
        self.deadline = NEVER
        """When the head being received is late, by :attr:`Server.clock`."""
        self.is_held = False
        """Whether nothing more is read until the queue has room."""
        self._refused: RequestHead | None = None  # what is known of a head that the policy refuses
        asks = getattr(receiver.app, "receive_head", None) is not None
        # Where the application is asked, it may let a larger body pass.
        self._max_length = MOST if asks else None
        # Of a body that is there with its head, no more than this is taken without asking.
        plans_every_body = getattr(receiver.app, "plans_every_body", False)
        self._whole_size = -1 if plans_every_body else server.limits.max_body_size
        self._messages = self._read_messages()

    # What the connection calls

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
            # Otherwise a callback closed the connection, or handed it on.
            if self._receiver is not None:
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
        self.parsing.end()
        self.exchange = None
        self.deadline = NEVER

    @property
    def is_ended(self) -> bool:
        """Whether no further request is read."""
        return self.parsing.state is ENDED

    def known_head(self) -> RequestHead:
        """Return what is known of a head that was not accepted."""
        if self.buffer.kept is not None:
            method, target, version = read_start(self.buffer.take_all())
            return RequestHead(method.decode("ascii"), target, version)
        return self._refused or self.parsing.refused or RequestHead()

    def take_unread(self) -> bytes:
        """Return what was received and not parsed, and keep nothing of it."""
        unread = self.buffer.take_all()
        self.buffer.drop_read()
        return unread

    def release(self) -> None:
        """Let go of the parser, the place in the message, and what was received."""
        self.exchange = None
        self.parsing.release()
        # It holds this object as this object holds it.
        self._receiver = None
        with contextlib.suppress(ValueError):
            # It refuses while it runs: when a callback hands the connection on.
            self._messages.close()
        self.buffer = ReceiveBuffer()

    # Reading

    def _read_messages(self) -> Generator[None, None, None]:
        buffer, server, parsing = self.buffer, self.server, self.parsing
        heads, methods, small_size = server.heads, server.methods, server.limits.small_head_size
        receiver: Any = self._receiver
        queue = self._queue
        exchange_class, whole_size = receiver.exchange_class, self._whole_size
        while True:
            while buffer.offset == len(buffer.data):
                buffer.data, buffer.offset, exchange = b"", 0, None  # who is idle keeps no body
                yield
            data: Any = buffer.data
            message = None
            if not buffer.offset and type(data) is bytes and data.endswith(b"\r\n\r\n"):
                # Most requests are a head that has come before, and nothing else: here is no call for them.
                message = heads.get(data)
            if message is None:
                data = take_head(buffer, small_size, heads, methods)
                if data is None:
                    data = yield from self._read_head()
                message = heads.get(data) or self._judge(data)
            else:
                buffer.offset = len(data)
            parsing.read_head(data, message)
            exchange = exchange_class(receiver, message)
            size = message.size
            if size == 0:
                if parsing.state is not IDLE or self.deadline is not NEVER or parsing.pieces:
                    self.exchange = exchange
                    self._end_message(message)
                elif not message.keep_alive or server.stopping:
                    parsing.end()
                queue.add(exchange, message.may_fill)
            elif message.fault is not None:
                exchange.refuse(message.fault)
            elif parsing.state is not BODY:
                self.exchange = exchange
                raise disagree(message.framing, None, "ends it after 0")
            elif size is not None and size <= whole_size and size <= len(buffer.data) - buffer.offset:
                self._read_whole_body(message, exchange, size)
            else:
                yield from self._read_body(message, exchange)
            if parsing.state is ENDED:
                return
            while queue.is_full:
                self.is_held = True
                yield

    def _end_message(self, message: Message, told: int = 0) -> None:
        """Note that a message is whole: both readings are at its end.

        :param told: bytes of content that the parser told of.
        :raises Disagreement: if the parser is not at its end.
        """
        self.parsing.check_end(message, told)
        self.exchange = None
        # It is whole; what may be late now is a handler.
        self.deadline = NEVER
        if not message.keep_alive or self.server.stopping:
            self.parsing.end()

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
            if self.parsing.state is IDLE and self.buffer.kept is not None:
                # From the first byte of a request line on its time runs, and no byte extends it.
                self.parsing.arrive()
                self.deadline = server.clock + server.limits.head_timeout
            yield
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

    def _read_whole_body(self, message: Message, exchange: Any, size: int) -> None:
        """Read a body that is already buffered whole: as :meth:`_read_body`, but it never waits."""
        buffer, parsing = self.buffer, self.parsing
        start = buffer.offset
        buffer.offset = start + size
        self.exchange = exchange
        pieces = parsing.read_body(buffer.since(start))
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(data) != size and parsing.state is not BODY:
            raise disagree(message.framing, size, f"ends it after {len(data)}")
        if parsing.state is not IDLE or self.deadline is not NEVER or parsing.trailers:
            self._end_message(message, len(data))
        elif not message.keep_alive or self.server.stopping:
            parsing.end()
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
        buffer, server, parsing = self.buffer, self.server, self.parsing
        self.exchange = exchange
        # The head is whole. The body has a deadline of its own.
        self.deadline = NEVER
        # No field told behind an earlier message is one of this one's.
        parsing.trailers.clear()
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
                for piece in parsing.read_body(data):
                    exchange.take_body(piece)
            if self.is_ended:
                return
            if fault is not None:
                raise fault
            if size is not None:
                break
            if parsing.state is not BODY:
                raise disagree(message.framing, None, f"ends it after {body.size}")
            exchange.await_body()
            yield
        if body.size != size and parsing.state is not BODY:
            raise disagree(message.framing, size, f"ends it after {body.size}")
        trailers = []
        if message.framing.chunked:
            trailers = [(name, value.strip(b" \t")) for name, value in parsing.trailers]
            parsing.trailers.clear()
        if parsing.state is not IDLE:
            raise disagree(message.framing, size, f"waits for more after {body.size}")
        self._end_message(message)
        exchange.receive_end(trailers)
        if exchange.is_answered and self._receiver is not None:
            self._receiver.note_message_end(exchange)

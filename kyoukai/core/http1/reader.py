"""Reading the messages of one connection: bytes in, exchanges or a fault out; no transport.

:mod:`kyoukai.core.http1.readers` and :mod:`kyoukai.core.http1.chunked` find the ends of each message and
check it against RFC 9112 before the parser gets it. So every parser is given whole heads, and exactly the
bytes of each body, in whatever pieces they arrive, and all backends refuse the same input. The parser
reports the contents: see :mod:`kyoukai.core.http1.parsing`. Memory is bounded: limits bound a head, a
body and its framing, and :attr:`MessageReader.is_held` bounds the queue of requests.
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

    :param receiver: the connection.
    :param queue: takes each request that can be answered.
    """

    def __init__(self, receiver: Receiver, queue: ExchangeQueue) -> None:
        self._receiver: Receiver | None = receiver
        self._queue = queue
        self.server = server = receiver.server
        self.buffer = ReceiveBuffer()
        """Bytes received and not yet parsed."""
        self.parsing = Parsing(receiver)
        """The parser, and its place in a message."""
        self.exchange: Exchange | None = None
        """The request whose body is being received."""
        self.deadline = NEVER
        """When the head being received is late, by :attr:`Server.clock`."""
        self.is_held = False
        """Whether reading waits for room in the queue."""
        self._refused: RequestHead | None = None  # what is known of a head that the policy refused
        asks = getattr(receiver.app, "receive_head", None) is not None
        # An application that is asked may accept a larger body.
        self._max_length = MOST if asks else None
        # The most bytes of a body buffered whole that are accepted without asking the application.
        plans_every_body = getattr(receiver.app, "plans_every_body", False)
        self._whole_size = -1 if plans_every_body else server.limits.max_body_size
        self._messages = self._read_messages()

    # The connection's calls

    @property
    def is_reading(self) -> bool:
        """Whether it is reading right now, so that the caller was called by it."""
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
        # The generator's position is the position in the message.
        try:
            next(self._messages, None)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            # Without a receiver, a callback has closed the connection or handed it on.
            if self._receiver is not None:
                # Exceptions of the parser have been turned into HTTP errors by now.
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
        """Return the bytes that were received and not parsed, and drop them."""
        unread = self.buffer.take_all()
        self.buffer.drop_read()
        return unread

    def release(self) -> None:
        """Drop the parser, the place in the message, and the received bytes."""
        self.exchange = None
        self.parsing.release()
        # The receiver and this object refer to each other.
        self._receiver = None
        with contextlib.suppress(ValueError):
            # A running generator raises ValueError: a callback is handing the connection on.
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
                buffer.data, buffer.offset, exchange = b"", 0, None  # an idle connection keeps no body
                yield
            data: Any = buffer.data
            message = None
            if not buffer.offset and type(data) is bytes and data.endswith(b"\r\n\r\n"):
                # Most requests are a known head and nothing else; this path makes no calls for them.
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
        """Note the end of a message, in both readings.

        :param told: bytes of content that the parser reported.
        :raises Disagreement: if the parser is not at its end.
        """
        self.parsing.check_end(message, told)
        self.exchange = None
        # The message is complete; only its handler can be late now.
        self.deadline = NEVER
        if not message.keep_alive or self.server.stopping:
            self.parsing.end()

    def _read_head(self) -> Generator[None, None, bytes]:
        """Read a head that arrives in pieces, follows empty lines, is large, or is refused."""
        server = self.server
        reader = read_head(self.buffer, server.limits, server.methods)
        while True:
            try:
                next(reader)
            except StopIteration as stop:
                head: bytes = stop.value
                break
            if self.parsing.state is IDLE and self.buffer.kept is not None:
                # The deadline runs from the first byte of the request line, and no later byte extends it.
                self.parsing.arrive()
                self.deadline = server.clock + server.limits.head_timeout
            yield
        return head

    def _judge(self, data: bytes) -> Message:
        """Have the policy check a head that is not cached, and cache the result."""
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
        """Read a body that is already buffered whole: like :meth:`_read_body`, without waiting."""
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
        """Read a body, and feed it to the parser as it arrives."""
        buffer, server, parsing = self.buffer, self.server, self.parsing
        self.exchange = exchange
        # The head is complete. The body has its own deadline.
        self.deadline = NEVER
        # Drop fields reported after the end of an earlier message.
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
                # Read the bytes before the fault first: they may be refused for another reason.
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

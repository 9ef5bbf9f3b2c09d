"""One HTTP/2 connection (RFC 9113): turns bytes into streams, and answers into bytes."""

import asyncio
import math
from typing import Any

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from kyoukai import ExchangeConnection

from .engine import MAX_FRAME_SIZE, Engine, H2Limits
from .events import HANDLERS, ignore, receive_content
from .exchange import H2Exchange
from .floods import Floods, WireError
from .frames import FrameScanner
from .leaving import Leaving
from .leftovers import Leftovers
from .library_errors import identify
from .preface import NotHTTP2Error, Preface
from .sending import Sender
from .windows import ReceiveWindow


class H2ServerConnection(ExchangeConnection):
    """One connection and its streams. The first four parameters are those of every connection.

    :param h2_limits: the limits specific to HTTP/2.
    """

    streams: dict[int, H2Exchange]
    """The requests under way, by stream identifier."""
    engine: Engine
    scanner: FrameScanner
    sender: Sender

    def __init__(
        self, component: Any, parent_context: Any, server_ip: str, server_port: int, h2_limits: H2Limits
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.h2_limits = h2_limits
        self.preface = Preface()
        """Reads the client's preface."""
        self.is_hurried = True
        """Whether :attr:`deadline` is that of an unfinished head; initially that of the preface."""
        self.window = ReceiveWindow(h2_limits.connection_window)
        """The receive window of the connection, shared by all requests."""
        self.leaving = Leaving(self)
        """The graceful end of the connection."""
        self.leftovers = Leftovers(self)
        """Work that remains of streams that one side has finished."""
        self.is_due = False
        """Whether a write is already scheduled, in this turn of the loop or the next."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport of a new connection."""
        super().connection_made(transport)
        self.streams = {}
        self.exchanges = self.streams.values()
        self.engine = Engine(self.h2_limits, self.limits.max_head_size)
        floods = Floods(self.h2_limits.floods, self.server.clock)
        self.scanner = FrameScanner(floods, MAX_FRAME_SIZE, self.streams)
        self.sender = Sender(self, self.engine)
        self.deadline = self.server.clock + self.limits.head_timeout

    # Reading

    def data_received(self, data: bytes) -> None:
        """Read frames, and write all resulting output at once."""
        if self.is_ending:
            self.discard(len(data))
            return
        self.is_due = True
        if not self.preface.is_whole:
            data = self.receive_preface(data)
        if self.preface.is_whole and not self.is_ending:
            self.read(data)
        self.end_turn()

    def receive_preface(self, data: bytes) -> bytes:
        """Read the client's preface, and return the bytes after it."""
        try:
            data = self.preface.take(data)
        except NotHTTP2Error as error:
            # RFC 9113 section 3.4: no GOAWAY is needed, since the client does not speak HTTP/2.
            self.note_refusal(error.identifier)
            self.raw_write(error.answer)
            self.linger()
            return b""
        if self.preface.is_whole:
            self.engine.begin()
        return data

    def read(self, data: bytes) -> None:
        """Read the frames of one turn of the loop. The next turn reads the rest."""
        try:
            for piece in self.scanner.take(data, self.server.clock):
                if not isinstance(piece, bytes):
                    receive_content(self, piece)
                    continue
                for event in self.engine.receive_data(piece):
                    HANDLERS.get(type(event), ignore)(self, event)
        except ProtocolError as error:
            # The library has already written the GOAWAY.
            self.fail(None, str(error), identify(error))
        except WireError as error:
            self.fail(error.code, str(error), error.identifier)
        if self.is_ending:
            return
        self.sender.pump()
        if self.scanner.has_more:
            self.transport.pause_reading()
            self.loop.call_soon(self.read_on)
        self.set_deadline()

    def read_on(self) -> None:
        """Continue with buffered bytes that exceeded one turn."""
        if not self.is_ending:
            self.transport.resume_reading()
            self.data_received(b"")

    # Streams

    def reset_stream(self, exchange: H2Exchange, code: ErrorCodes = ErrorCodes.INTERNAL_ERROR) -> None:
        """Reset a stream, which ends both directions."""
        exchange.is_cut = True
        self.sender.drop(exchange)
        self.engine.reset(exchange.stream_id, code)
        self.schedule()

    def return_window(self, exchange: H2Exchange) -> None:
        """Reopen a stream's window once half of it is used."""
        size = self.h2_limits.stream_window
        held = size - exchange.window
        if held >= size // 2 and not (exchange.is_held or exchange.got_end):
            exchange.window = size
            self.engine.open_window(held, exchange.stream_id)
            self.schedule()

    def finish_stream(self, exchange: H2Exchange) -> None:
        """Drop a stream whose answer is written. The rest of its request is not needed."""
        if not exchange.got_end:
            self.leftovers.keep_request(exchange.stream_id)
        self.scanner.floods.note_answered()
        self.forget_stream(exchange)

    def lose_stream(self, exchange: H2Exchange) -> None:
        """Drop a stream that the client has reset, or that was reset for the client's fault."""
        exchange.is_cut = True
        self.sender.drop(exchange)
        task = exchange.task
        exchange.lose()
        self.leftovers.keep_task(task)
        self.forget_stream(exchange)

    def forget_stream(self, exchange: H2Exchange) -> None:
        """Remove a stream. After the last one, wait for the next request, or end."""
        if self.streams.pop(exchange.stream_id, None) is None or self.streams or self.is_ending:
            return
        if self.leaving.is_agreed:
            self.schedule()
        elif not self.is_hurried:
            self.await_request()

    # Writing

    def schedule(self) -> None:
        """Schedule :meth:`end_turn`, unless it is already due."""
        if not self.is_due:
            self.is_due = True
            self.loop.call_soon(self.end_turn)

    def end_turn(self) -> None:
        """Write all output. End the connection after the last answer."""
        self.is_due = False
        if self.is_ending:
            return
        self.flush()
        # Bytes that are received but not read yet may contain another request.
        if self.leaving.is_agreed and not self.streams and not self.scanner.has_more:
            self.linger()

    def begin_piece(self) -> bool:
        """Hold back output until :meth:`end_piece`. Return whether the caller must call that method."""
        if self.is_due:
            return False
        self.is_due = True
        return True

    def end_piece(self) -> None:
        """Write the held output: now, or with the answers of other requests under way."""
        self.is_due = False
        if len(self.streams) > 1:
            self.schedule()
        else:
            self.end_turn()

    def flush(self) -> None:
        """Write all output."""
        is_full = not self.sender.has_room
        self.sender.turn_size = 0
        data = self.engine.take_output()
        if data:
            self.raw_write(data)
        if is_full and self.sender.waiting and not self.is_paused:
            # The transport has taken everything, so it will not call resume_writing.
            self.loop.call_soon(self.send_on)

    def send_on(self) -> None:
        """Continue to send content that exceeded one turn."""
        if not self.is_ending:
            self.sender.pump()
            self.schedule()

    def pause_writing(self) -> None:
        """Pause the producers of all answers: the transport is full."""
        super().pause_writing()
        for exchange in self.streams.values():
            if exchange.tunnel is None:
                exchange.pause_writing()

    def resume_writing(self) -> None:
        """Send waiting content, and resume the producers of answers."""
        super().resume_writing()
        if self.is_ending:
            return
        self.sender.pump()
        for exchange in tuple(self.streams.values()):
            if exchange.tunnel is None and exchange.stream_id not in self.sender.waiting:
                exchange.resume_writing()
        self.schedule()

    # Ways to end

    def fail(self, code: ErrorCodes | None, reason: str, identifier: str) -> None:
        """End with a connection error (section 5.4.1).

        :param code: ``None``: the GOAWAY is already written.
        """
        self.note_refusal(identifier, reason)
        if code is not None:
            self.engine.say_goodbye(code, reason=f"{identifier}: {reason}".encode())
        for exchange in tuple(self.streams.values()):
            self.streams.pop(exchange.stream_id)
            exchange.lose()
        self.leaving.hurry()
        self.flush()
        self.linger()

    def close(self) -> None:
        """Close once all output is sent, including answers made in this turn."""
        if not self.is_ending:
            self.flush()
        super().close()

    def shutdown(self) -> None:
        """Close gracefully: answer requests under way, and those sent before the client learns of the end."""
        if not self.preface.is_whole:
            super().shutdown()
        elif not self.is_ending:
            self.leaving.begin()

    # Deadlines

    def set_deadline(self) -> None:
        """Set :attr:`deadline` according to what the connection waits for."""
        scanner = self.scanner
        if scanner.is_begun and not scanner.is_within_head:
            if self.streams:
                self.deadline = math.inf
            elif self.is_hurried or self.deadline == math.inf:
                self.await_request()
            self.is_hurried = False
        elif not self.is_hurried:
            self.is_hurried = True
            self.deadline = self.server.clock + self.limits.head_timeout

    def sweep(self, now: float) -> None:
        """Act on passed deadlines: of requests, of the connection, and of waiting answers."""
        super().sweep(now)
        self.leaving.sweep(now)
        if self.is_ending:
            return
        self.leftovers.reset_requests(now)
        if self.sender.waiting and not self.is_paused:
            self.sender.check_takers(now - self.limits.write_timeout)

    def expire(self) -> None:
        """Act on a passed :attr:`deadline`: end an idle connection, or one with an unfinished head."""
        if self.is_ending or not self.preface.is_whole or self.transport.get_write_buffer_size():
            super().expire()
        elif self.is_hurried:
            self.fail(ErrorCodes.ENHANCE_YOUR_CALM, "a head is late", "head-timeout")
        else:
            self.leaving.finish()

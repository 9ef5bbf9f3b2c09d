"""Send the answers of one connection, as the client's windows and the transport allow.

Content that exceeds a window waits at its stream, and its producer is paused. When there is room, streams are
served by urgency (RFC 9218), and streams of equal urgency in turn, frame by frame.
"""

import logging
from typing import Any, Final

from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError

from .engine import Engine
from .exchange import H2Exchange
from .heads import field_pairs

logger: Final = logging.getLogger("kyoukai.protocol")

TURN_SIZE: Final = 256 * 1024
"""Bytes of content written in one turn of the loop. Between turns the transport can report being full."""

LOW_WATER: Final = 16 * 1024
"""Waiting bytes of an answer at which its producer resumes: one frame, so that the client need not wait."""


class Sender:
    """Sends the content of all answers of one connection.

    :param owner: the connection.
    :param engine: the state machine of the connection.
    """

    __slots__ = ("engine", "owner", "sent_at", "turn_size", "waiting")

    def __init__(self, owner: Any, engine: Engine) -> None:
        self.owner = owner
        self.engine = engine
        self.waiting: dict[int, H2Exchange] = {}
        """Streams with waiting content, in the order of their turns."""
        self.turn_size = 0
        """Bytes written in this turn of the loop."""
        self.sent_at = 0.0
        """Time at which content of any answer was last sent, by the server's clock."""

    @property
    def has_room(self) -> bool:
        """Whether the transport takes more in this turn."""
        return self.turn_size < TURN_SIZE and not self.owner.is_paused

    def send_fields(self, exchange: H2Exchange, pairs: Any, is_last: bool = False) -> None:
        """Write a head of an answer.

        :param is_last: whether it ends the stream.
        """
        if exchange.is_cut:
            return
        exchange.is_cut = is_last
        try:
            self.engine.send_headers(exchange.stream_id, pairs, end_stream=is_last)
        except ProtocolError:
            # The client has reset the stream. The event follows once earlier events are handled.
            exchange.is_cut = True
        self.owner.schedule()

    def send(self, exchange: H2Exchange, data: bytes) -> None:
        """Send a piece of an answer, and its end if due. What exceeds the windows waits."""
        stream_id, waiting = exchange.stream_id, self.waiting
        if stream_id in waiting:
            if data:
                exchange.pending = exchange.pending[exchange.pending_at :] + data
                exchange.pending_at = 0
        else:
            exchange.pending, exchange.pending_at = data, 0
            if self._write(exchange, len(data)):
                return
            exchange.stalled_since = self.owner.server.clock
            waiting[stream_id] = exchange
        if not exchange.is_ending:
            exchange.pause_writing()

    def note_written(self, size: int) -> None:
        """Count written bytes other than content, and flush before they become too many.

        :param size: in bytes.
        """
        self.turn_size += size
        if self.turn_size >= TURN_SIZE:
            self.owner.flush()

    def pump(self) -> None:
        """Send waiting content, as far as there is room."""
        waiting, engine = self.waiting, self.engine
        if len(waiting) < 2:
            for exchange in tuple(waiting.values()):
                self.send_on(exchange, TURN_SIZE)
            return
        for urgency in sorted({exchange.urgency for exchange in waiting.values()}):
            turn = [exchange for exchange in waiting.values() if exchange.urgency == urgency]
            while turn and self.has_room and engine.outbound_flow_control_window > 0:
                turn = [one for one in turn if self.send_on(one, engine.max_outbound_frame_size)]

    def send_on(self, exchange: H2Exchange, limit: int) -> bool:
        """Send waiting content of one answer. Return whether more of it can be sent.

        :param limit: largest number of bytes to send.
        """
        waiting, stream_id, before = self.waiting, exchange.stream_id, exchange.pending_at
        if stream_id not in waiting:
            return False
        if self._write(exchange, limit):
            self.drop(exchange)
        elif exchange.pending_at == before:
            return False
        else:
            exchange.stalled_since = self.owner.server.clock
            # Let the other streams go first next time.
            del waiting[stream_id]
            waiting[stream_id] = exchange
        if exchange.is_cut:
            if exchange.is_done:
                self.owner.finish_stream(exchange)
        elif not exchange.is_ending and len(exchange.pending) - exchange.pending_at <= LOW_WATER:
            exchange.resume_writing()
        return stream_id in waiting

    def check_takers(self, since: float) -> None:
        """Cut off clients that take nothing of an answer although the transport has room.

        An answer that waits behind others is not the client's fault, however long it waits for its turn.

        :param since: answers with progress after this time are left alone, by the server's clock.
        """
        late = [one for one in self.waiting.values() if one.stalled_since <= since]
        if late and self.sent_at <= since and self.engine.outbound_flow_control_window <= 0:
            self.owner.note_refusal("write-timeout")
            self.owner.abort()
            return
        for exchange in late:
            if self.engine.stream_window(exchange.stream_id) <= 0:
                self.owner.note_refusal("write-timeout")
                self.owner.reset_stream(exchange, ErrorCodes.CANCEL)
                self.owner.lose_stream(exchange)

    def drop(self, exchange: H2Exchange) -> None:
        """Drop the waiting content of an answer."""
        exchange.pending, exchange.pending_at = b"", 0
        self.waiting.pop(exchange.stream_id, None)

    def _write(self, exchange: H2Exchange, limit: int) -> bool:
        """Write waiting content as far as there is room, and the end. Return whether all is written."""
        engine, stream_id = self.engine, exchange.stream_id
        data, position = exchange.pending, exchange.pending_at
        size, frames = len(data), 0
        try:
            if position < size and self.has_room:
                room = min(limit, TURN_SIZE - self.turn_size, engine.local_flow_control_window(stream_id))
                stop = min(size, position + max(0, room))
                is_last = exchange.is_ending and not exchange.trailers and position < stop == size
                frame_size = engine.max_outbound_frame_size
                # The library writes the frame that ends the stream.
                last = max(position, stop - frame_size) if is_last else stop
                if position < last:
                    engine.write_content(stream_id, data, position, last)
                    frames = -(-(last - position) // frame_size)
                if is_last:
                    engine.send_data(stream_id, data[last:] if last else data, end_stream=True)
                    exchange.is_cut = True
                    frames += 1
                self.turn_size += stop - position
                position = stop
            if position == size and exchange.is_ending and not exchange.is_cut:
                # An empty frame or trailers need no window.
                if exchange.trailers:
                    engine.send_headers(stream_id, field_pairs(exchange.trailers), end_stream=True)
                else:
                    engine.end_stream(stream_id)
                exchange.is_cut = True
                frames += 1
        except ProtocolError:
            # The client has reset the stream. The event follows once earlier events are handled.
            exchange.is_cut = True
        if frames:
            self.sent_at = self.owner.server.clock
            self.owner.scanner.floods.note_sent(frames)
            self.owner.schedule()
        exchange.pending_at = position
        return position == size or exchange.is_cut

"""The transport's side of one WebSocket (RFC 6455), over a tunnel of any wire.

It is a :class:`~kyoukai.core.connection.connection.Connection`: flow control, write timeout, lingering and
the stop are those of every connection of the server.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import CLOSE, PING, PONG

from kyoukai.core.connection.connection import CLOSED, OPEN, Connection
from kyoukai.core.exchange.client_state import ClientState

from .errors import WebSocketClosed
from .frame_reader import (
    ABNORMAL_CLOSURE,
    GOING_AWAY,
    INTERNAL_ERROR,
    NO_STATUS,
    Control,
    FrameReader,
    Violation,
    read_close,
)
from .frame_writer import FrameWriter, close_frame, control_frame
from .inbox import TIME_TO_ANSWER, Inbox, Last
from .presence import Presence, Step
from .settings import WebSocketSettings
from .traffic import Traffic

logger: Final = logging.getLogger("kyoukai.websocket")

COPY_SIZE: Final = 16 * 1024
"""Payloads below this size in bytes are copied behind their head: cheaper than a second write."""


class WebSocketConnection(Connection):
    """The connection of one WebSocket. The first parameters are those of a connection.

    :param settings: limits and deadlines.
    :param deflate: the negotiated extension; ``None``: messages are not compressed.
    :param on_end: called at the end with this object, and whether the client was lost without a close.
    """

    def __init__(
        self,
        component: Any,
        parent_context: Any,
        server_ip: str,
        server_port: int,
        *,
        settings: WebSocketSettings,
        deflate: PerMessageDeflate | None = None,
        on_end: Callable[["WebSocketConnection", bool], None] | None = None,
    ) -> None:
        super().__init__(component, parent_context, server_ip, server_port)
        self.settings = settings
        self.reader = FrameReader(
            settings.max_message_size, settings.max_frame_size or settings.max_message_size, deflate
        )
        self.writer = FrameWriter(deflate, settings.min_compressed_size)
        self.inbox = Inbox(settings.max_unread_size)
        """Messages that the handler has not received."""
        self.traffic = Traffic()
        self.closed: WebSocketClosed | None = None
        """Code and reason of the end; ``None`` while it is open both ways."""
        self._is_close_sent = False
        self._due: Last | None = None
        """The client's close or violation, to be answered after the messages before it."""
        self._is_held = False
        """Whether reading pauses, as enough messages wait for the handler."""
        self._presence = Presence(settings.ping_interval, settings.ping_timeout, self.server.clock)
        self._on_end = on_end
        self.user = ClientState(asyncio.get_running_loop())
        """The client's state as a WebSocket; ``client`` is the state of its transport."""

    # Called by the transport

    def await_request(self) -> None:
        """Set no deadline: pings find out whether the client is there."""

    def data_received(self, data: bytes) -> None:
        """Read the client's bytes, as far as the handler keeps up."""
        if self.phase is not OPEN or self._due is not None:
            self.discard(len(data))
            return
        self._presence.heard = self.server.clock
        self.traffic.received_size += len(data)
        self.reader.feed(data)
        self._read()

    def eof_received(self) -> bool:
        """Note that the client sends no more, so that no close can arrive."""
        self.client.end()
        self.user.end()
        if self._due is None and not self._is_held:
            self._finish(WebSocketClosed(ABNORMAL_CLOSURE))
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Clean up, and wake the tasks that wait."""
        super().connection_lost(exc)
        self.user.end()
        # The client did close, although the answer cannot reach it any more.
        self.answer_last()
        if self.closed is None:
            self.closed = WebSocketClosed(ABNORMAL_CLOSURE)
        is_lost = self.closed.code == ABNORMAL_CLOSURE
        self.inbox.wake()
        # It refers to the request, which refers to this object.
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end(self, is_lost)

    @property
    def client_ended(self) -> bool:
        """Whether the client has closed the WebSocket, or is gone."""
        return self.user.has_ended

    async def wait_client_ended(self) -> None:
        """Wait until the client has closed the WebSocket, or is gone."""
        await self.user.wait_ended()

    # Reading

    def _read(self) -> None:
        """Read the received bytes, until the inbox is full."""
        read, inbox = self.reader.read, self.inbox
        try:
            while not inbox.is_full:
                event = read()
                if event is None:
                    return
                if type(event) is not Control:
                    self._take(event)  # type: ignore[arg-type]
                elif event.opcode is PING:
                    self._write_control(PONG, event.data)
                elif event.opcode is CLOSE:
                    code, reason = read_close(event.data)
                    self._note_last(code, reason, None if code == NO_STATUS else code, "")
                    return
        except Violation as violation:
            logger.debug("a client broke the protocol: %s", violation.reason)
            code, reason = violation.code, violation.reason
            self._note_last(code, reason, code, reason)
            return
        if not self._is_held:
            self._is_held = True
            self.transport.pause_reading()

    def _take(self, message: str | bytes) -> None:
        self.traffic.received += 1
        # After our close the handler receives no more messages.
        if not self._is_close_sent:
            self.inbox.put(message)

    def _note_last(self, code: int, reason: str, reply: int | None, reply_reason: str) -> None:
        """Answer the end of the input, now or after the messages before it."""
        self._due = Last(code, reason, reply, reply_reason, self.server.clock + TIME_TO_ANSWER)
        self.user.end()
        if self._is_close_sent or not (self.inbox or self.inbox.is_answering):
            self.answer_last()

    def answer_last(self) -> None:
        """Answer the client's close or violation (RFC 6455 section 7.1.7), if that is pending."""
        last, self._due = self._due, None
        if last is not None:
            self._write_close(last.reply, last.reply_reason)
            self._finish(WebSocketClosed(last.code, last.reason))

    def _finish(self, closed: WebSocketClosed) -> None:
        """Note the end, and close the connection after everything written has arrived."""
        if self.closed is None:
            self.closed = closed
        self.inbox.wake()
        self.linger()

    # For the handler

    async def receive(self) -> str | bytes:
        """Return the next message.

        :raises WebSocketClosed: if no more messages can arrive.
        """
        inbox = self.inbox
        inbox.is_answering = False
        while not inbox:
            if self._due is not None:
                self.answer_last()
            if self.closed is not None:
                raise self.closed_error()
            await inbox.wait()
        message = inbox.take()
        if self._is_held and not inbox.is_full:
            self._go_on()
        return message

    def _go_on(self) -> None:
        self._is_held = False
        self._read()
        if self._is_held or self.phase is CLOSED:
            return
        if not self.client.has_ended:
            # Also while it lingers: unread bytes would turn its close into a reset.
            self.transport.resume_reading()
        elif self._due is None and self.closed is None:
            self._finish(WebSocketClosed(ABNORMAL_CLOSURE))

    def write_message(self, opcode: Any, data: bytes) -> None:
        """Write a message without waiting."""
        self._check_open()
        head, payload = self.writer.message(opcode, data)
        self.traffic.sent += 1
        self.traffic.sent_size += len(head) + len(payload)
        if len(payload) < COPY_SIZE:
            self.raw_write(head + payload)
        else:
            self.raw_write_both(head, payload)

    def write_fragment(self, opcode: Any, data: bytes, fin: bool) -> None:
        """Write a fragment of a message without waiting."""
        self._check_open()
        self.traffic.sent += fin
        written = self.writer.fragment(opcode, data, fin)
        self.traffic.sent_size += len(written)
        self.raw_write(written)

    def _check_open(self) -> None:
        # A reset transport is closing before its protocol knows; endless sending would delay the notice.
        if self.closed is not None or self._is_close_sent or self.transport.is_closing():
            raise self.closed_error()

    def closed_error(self) -> WebSocketClosed:
        """Return a new exception with the code and the reason of the end."""
        self.inbox.was_told = True
        return WebSocketClosed(ABNORMAL_CLOSURE) if self.closed is None else self.closed.anew()

    def begin_close(self, code: int, reason: str = "") -> None:
        """Close from this side; the client has ``close_timeout`` seconds to answer."""
        if self._due is not None:
            self.answer_last()
        if self._is_close_sent or self.phase is not OPEN:
            return
        self._write_close(code, reason)
        if self.closed is None:
            self.closed = WebSocketClosed(code, reason)
        self.inbox.clear()
        self.deadline = self.server.clock + self.settings.close_timeout
        self.inbox.wake()
        if self._is_held:
            self._go_on()

    def _write_close(self, code: int | None, reason: str) -> None:
        if not self._is_close_sent:
            frame = close_frame(code, reason)  # An invalid close leaves it open.
            self._is_close_sent = True
            self.raw_write(frame)

    def _write_control(self, opcode: Any, data: bytes) -> None:
        # Do not queue answers for a client that sends pings and does not read.
        if not self._is_close_sent and not self.is_paused:
            self.raw_write(control_frame(opcode, data))

    # Ends

    def shutdown(self) -> None:
        """Close, as the server stops: the handler ends, and the client gets a close."""
        self.begin_close(GOING_AWAY, "the server stops")

    def expire(self) -> None:
        """Act on a close without an answer, or on an end that does not arrive."""
        if self.phase is OPEN:
            logger.debug("a client did not answer a close")
            self.linger()
        else:
            super().expire()

    def sweep(self, now: float) -> None:
        """Act on a deadline that has passed, and send a ping if one is due."""
        super().sweep(now)
        if self._due is not None and self._due.until <= now:
            self.answer_last()
        if self.phase is OPEN and not self._is_close_sent:
            self._check_presence(now)

    def _check_presence(self, now: float) -> None:
        step = self._presence.decide(now, is_held=self._is_held or self.is_paused)
        if step is Step.PING:
            self._write_control(PING, b"")
        elif step is Step.GIVE_UP:
            logger.debug("a client does not answer pings")
            self._write_close(INTERNAL_ERROR, "no answer to a ping")
            self._finish(WebSocketClosed(ABNORMAL_CLOSURE, "no answer to a ping"))

"""Handlers for the events that the library reads from a client."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from h2.errors import ErrorCodes
from h2.events import (
    DataReceived,
    PingAckReceived,
    RequestReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    UnknownFrameReceived,
)

from .compression import block_of
from .exchange import H2Exchange
from .frames import Content
from .heads import ContentLengthError, MalformedError, read_trailers, read_urgency
from .windows import WindowError

WRONG_SIZE: Final = ContentLengthError("content of another size than its Content-Length")

PRIORITY_UPDATE: Final = 0x10
"""A frame type that the library does not know (RFC 9218 section 7.1)."""


def on_request(connection: Any, event: RequestReceived) -> None:
    """Begin a request, unless it is malformed or there are too many."""
    stream_id, has_ended = event.stream_id, event.stream_ended is not None
    streams, server = connection.streams, connection.server
    count_fields(connection, event)
    if connection.leaving.is_beyond(stream_id) or connection.leftovers.is_full:
        # Section 8.7: the request was not processed, so the client may retry it.
        if connection.leftovers.is_full:
            connection.note_refusal("http2-stream-refused")
        refuse_stream(connection, stream_id, ErrorCodes.REFUSED_STREAM)
        return
    try:
        read = block_of(event.headers).read_request(has_ended)
    except MalformedError as error:
        note_malformed(connection, error)
        refuse_stream(connection, stream_id, ErrorCodes.PROTOCOL_ERROR)
        return
    streams[stream_id] = exchange = H2Exchange(connection, stream_id)
    exchange.got_end = has_ended
    exchange.urgency = read.urgency
    if connection.is_paused:
        exchange.pause_writing()
    if server.stopping:
        connection.leaving.begin()
    if read.refusal is not None:
        exchange.head = read.head
        exchange.refuse(read.refusal)
        return
    exchange.awaits_continue = read.head.expects_continue
    exchange.receive(read.head)
    if has_ended and read.head.upgrade:
        # The client has ended its side of the tunnel.
        exchange.receive_end()


def count_fields(connection: Any, event: RequestReceived | TrailersReceived) -> None:
    """Count the fields of a head beyond the limit, even if the request is refused."""
    with suppress(MalformedError):
        count = len(block_of(event.headers).fields) - connection.limits.max_fields
        connection.scanner.floods.note_fields(count, connection.server.clock)


def receive_content(connection: Any, piece: Content) -> None:
    """Receive a piece of a body, and reopen the windows.

    :raises WindowError: if the piece exceeds a window.
    """
    exchange, data, taken, ends = piece
    if taken:
        exchange.window -= taken
        if exchange.window < 0:
            raise WindowError("more content than the window of a stream has room for")
        given_back = connection.window.take(taken)
        if given_back:
            connection.engine.open_window(given_back)
    if connection.streams.get(exchange.stream_id) is not exchange:
        return
    if data:
        exchange.received_size += len(data)
        if is_malformed(exchange, exchange.received_size):
            cut_stream(connection, exchange, WRONG_SIZE)
            return
        exchange.receive_body(data)
    if not ends:
        connection.return_window(exchange)


def on_unwanted(connection: Any, event: DataReceived) -> None:
    """Drop content of an answered request. Only the connection's window is reopened."""
    if event.flow_controlled_length:
        connection.engine.increment_flow_control_window(event.flow_controlled_length)


def on_end(connection: Any, event: StreamEnded) -> None:
    """End a request."""
    connection.leftovers.end_request(event.stream_id)
    exchange = connection.streams.get(event.stream_id)
    if exchange is None or exchange.got_end:
        return
    exchange.got_end = True
    if is_malformed(exchange, None):
        cut_stream(connection, exchange, WRONG_SIZE)
    else:
        exchange.receive_end()


def on_trailers(connection: Any, event: TrailersReceived) -> None:
    """End a request with trailer fields."""
    count_fields(connection, event)
    exchange = connection.streams.get(event.stream_id)
    if exchange is None:
        return
    exchange.got_end = True
    try:
        trailers = read_trailers(block_of(event.headers).fields)
    except MalformedError as error:
        cut_stream(connection, exchange, error)
        return
    if is_malformed(exchange, None):
        cut_stream(connection, exchange, WRONG_SIZE)
    else:
        exchange.receive_end(trailers)


def on_reset(connection: Any, event: StreamReset) -> None:
    """Drop a request that the client has reset, or that the library has reset for the client's fault."""
    connection.leftovers.end_request(event.stream_id)
    exchange = connection.streams.get(event.stream_id)
    if exchange is not None:
        connection.lose_stream(exchange)
    if not event.remote_reset:
        # A reset by the library costs as much as one by the client (CVE-2025-8671), which the scanner counts.
        connection.scanner.floods.resets.spend(connection.server.clock)


def on_ping_answer(connection: Any, event: PingAckReceived) -> None:
    """Continue the graceful end: the client has seen the announcement."""
    connection.leaving.note_ping(event.ping_data or b"")


def on_unknown(connection: Any, event: UnknownFrameReceived) -> None:
    """Update the urgency of a request (RFC 9218 section 7.1)."""
    frame: Any = event.frame
    if frame.type == PRIORITY_UPDATE and frame.stream_id == 0 and len(frame.body) >= 4:
        exchange = connection.streams.get(int.from_bytes(frame.body[:4]) & 0x7FFFFFFF)
        if exchange is not None:
            exchange.urgency = read_urgency(bytes(frame.body[4:]))


def ignore(connection: Any, event: Any) -> None:
    """Do nothing: the library has handled the event."""


HANDLERS: Final[dict[type, Callable[[Any, Any], None]]] = {
    RequestReceived: on_request,
    DataReceived: on_unwanted,
    StreamEnded: on_end,
    TrailersReceived: on_trailers,
    StreamReset: on_reset,
    PingAckReceived: on_ping_answer,
    UnknownFrameReceived: on_unknown,
}


def is_malformed(exchange: H2Exchange, received: int | None) -> bool:
    """Return whether the size of a body contradicts its Content-Length (RFC 9113 section 8.1.1).

    :param received: bytes received so far; ``None``: the body is complete.
    """
    declared = exchange.head.body_size
    if declared is None or exchange.head.upgrade or not exchange.head.is_accepted:
        return False
    return exchange.received_size != declared if received is None else received > declared


def note_malformed(connection: Any, error: MalformedError) -> None:
    """Log why a stream is reset."""
    connection.note_refusal(error.identifier, str(error))


def cut_stream(connection: Any, exchange: H2Exchange, error: MalformedError) -> None:
    """Reset a stream whose request is malformed.

    It costs as much as a reset by the client (CVE-2025-8671).

    :param error: the fault.
    """
    note_malformed(connection, error)
    connection.reset_stream(exchange, ErrorCodes.PROTOCOL_ERROR)
    connection.lose_stream(exchange)
    connection.scanner.floods.resets.spend(connection.server.clock)


def refuse_stream(connection: Any, stream_id: int, code: ErrorCodes) -> None:
    """Reset a stream before it becomes a request."""
    connection.engine.reset(stream_id, code)
    connection.scanner.floods.resets.spend(connection.server.clock)

"""One HTTP/2 stream: a request, and the writing of its answer."""

from collections.abc import Sequence
from typing import Any

from hpack import HeaderTuple, NeverIndexedHeaderTuple

from kyoukai import AnswerHead, Exchange

from .heads import DEFAULT_URGENCY, HANDSHAKE_ANSWER, answer_pairs, field_pairs

Pairs = Sequence[tuple[str, str]]

UNREPEATED = frozenset(
    {b"content-length", b"content-range", b"etag", b"last-modified", b"location", b"set-cookie"}
)
"""Fields whose values rarely repeat, or are secret (RFC 7541 section 7.1.3). They are kept out of the
dynamic table, where they would displace others.
"""


class H2Exchange(Exchange):
    """One request and its answer.

    :param owner: the connection.
    :param stream_id: the identifier of the stream.
    """

    __slots__ = (
        "got_end",
        "is_cut",
        "is_done",
        "is_ending",
        "is_held",
        "pending",
        "pending_at",
        "received_size",
        "stalled_since",
        "stream_id",
        "trailers",
        "urgency",
        "window",
    )

    owner: Any
    """The connection, :class:`~.connection.H2ServerConnection`."""

    def __init__(self, owner: Any, stream_id: int) -> None:
        super().__init__(owner)
        self.stream_id = stream_id
        self.urgency = DEFAULT_URGENCY
        # Of the request
        self.got_end = False
        """Whether the request has ended."""
        self.received_size = 0
        """Bytes of content received."""
        self.window = owner.h2_limits.stream_window
        """Bytes of DATA frames that the client may still send."""
        self.is_held = False
        """Whether the window stays closed, because the application has not read the body."""
        # Of the answer
        self.is_cut = False
        """Whether nothing more can be written: the end is written, or the stream is reset."""
        self.is_done = False
        """Whether the application has nothing more to write."""
        self.pending = b""
        """Content that waits for the client's window, from :attr:`pending_at` on."""
        self.pending_at = 0
        self.is_ending = False
        """Whether the waiting content is the last, followed by :attr:`trailers`."""
        self.trailers: Pairs = ()
        self.stalled_since = 0.0
        """Time of the last progress with waiting content, by the server's clock."""

    # Writing

    def send_informational(self, status: str, fields: Pairs) -> bool:
        """Write a head of status 1xx."""
        self.owner.sender.send_fields(self, [(b":status", status[:3].encode()), *field_pairs(fields)])
        # Their number is not limited, so count them for the transport's flow control.
        self.owner.sender.note_written(sum(len(value) for _, value in fields))
        return True

    def send_continue(self) -> None:
        """Send ``100 Continue`` to a client that waits for it."""
        super().send_continue()
        self.send_informational("100 Continue", ())

    def prepare_stream(self, may_read: bool) -> None:
        """Send a due ``100 Continue`` before the answer's head: no 1xx may follow that head."""
        if may_read and self.awaits_continue and self.body is not None and not self.body.is_whole:
            self.send_continue()

    def send_head(self, head: AnswerHead) -> None:
        """Write the head of the answer."""
        self.write_head(head, False)

    def write_head(self, head: AnswerHead, is_last: bool) -> None:
        """Write the head of the answer.

        :param is_last: whether the answer has no content.
        """
        if head.closes:
            # RFC 9113 has no Connection: close. End the connection gracefully instead.
            self.owner.leaving.begin()
        if self.head.upgrade and 200 <= head.code < 300:
            # RFC 8441 section 5: a 2xx status would open a tunnel, but this is an ordinary answer.
            self.owner.sender.send_fields(self, [(b":status", b"501")], is_last=True)
        else:
            self.owner.sender.send_fields(self, self.head_pairs(head), is_last)

    def head_pairs(self, head: AnswerHead) -> Any:
        """Return the fields of the answer for the encoder. Identical answers share them."""
        server = self.server
        known: Any = head.serialized.get("h2")
        if known is not None and known[0] is server.date and known[1] is server.server_field:
            return known[2]
        pairs = [
            NeverIndexedHeaderTuple(name, value) if name in UNREPEATED else HeaderTuple(name, value)
            for name, value in answer_pairs(head, self.answer_fields(head))
        ]
        head.serialized["h2"] = (server.date, server.server_field, pairs)
        return pairs

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        """Write an answer that is in memory. Without content, its head ends the stream."""
        has_begun = self.owner.begin_piece()
        try:
            if content:
                self.write_head(head, False)
                self.send_end(content)
            else:
                self.write_head(head, True)
        finally:
            if has_begun:
                self.owner.end_piece()

    def send_tunnel_head(self, protocol: str, fields: Pairs) -> int:
        """Accept an extended CONNECT (RFC 8441 section 5)."""
        fields = [pair for pair in fields if pair[0].lower() not in HANDSHAKE_ANSWER]
        self.owner.sender.send_fields(self, [(b":status", b"200"), *field_pairs(fields)])
        return 200

    def send_data(self, data: bytes) -> None:
        """Write a piece of the content, as far as the windows allow."""
        if not self.is_cut:
            self.owner.sender.send(self, data)

    def send_end(self, data: bytes = b"", trailers: Pairs = ()) -> None:
        """Write the last piece, and end the stream."""
        if not self.is_cut:
            self.is_ending = True
            self.trailers = trailers
            self.owner.sender.send(self, data)

    def reset(self) -> None:
        """Abort the answer with INTERNAL_ERROR (RFC 9113 section 7)."""
        self.owner.reset_stream(self)

    def pause_client(self) -> None:
        """Stop reopening the stream's window."""
        self.is_held = True

    def resume_client(self) -> None:
        """Reopen the stream's window for the bytes that were read."""
        self.is_held = False
        self.owner.return_window(self)

    def answered(self) -> None:
        """Drop the stream once the whole answer is written."""
        self.is_done = True
        if self.is_cut:
            self.owner.finish_stream(self)

"""The body of one request while it comes: how much of it there is and may be, and what it stands for.

It knows no connection. Whoever receives the body puts bytes in; :class:`~.exchange.Exchange` acts on what
is wrong with them.
"""

from collections.abc import Callable, Sequence
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.exceptions import HTTPException

from ..errors import BadRequest, ContentTooLarge
from ..limits import MOST
from ..semantics.content_coding import ContentDecoder
from ..serving.data_rate import DataRate
from ..serving.server_state import NEVER
from .body_stream import BodyStream

if TYPE_CHECKING:
    from ..limits import Limits
    from ..semantics.request_head import RequestHead
    from ..serving.application import BodyPlan

Fields = Sequence[tuple[bytes, bytes]]


class RequestBody:
    """The body of one request.

    :param head: of the request; it was accepted, and announces a body.
    :param max_size: the most bytes that the body may have, as sent and as decoded.
    """

    __slots__ = (
        "content",
        "deadline",
        "decoder",
        "is_refused",
        "is_whole",
        "max_size",
        "rate",
        "size",
        "stream",
        "trailers",
    )

    def __init__(self, head: "RequestHead", max_size: int) -> None:
        self.size = 0
        """Bytes received, before they are decoded."""
        self.max_size = max_size
        self.decoder = None if head.coding == "" else ContentDecoder(head.coding.lower(), max_size)
        """What removes the content coding, where there is one."""
        self.content: BytesIO | BodyStream | None = None
        """The content received so far, decoded, or the stream of it; ``None``: there was none, or none of
        it is for the application."""
        self.stream: BodyStream | None = None
        """What the content is read by as it comes, where it is."""
        self.trailers: Fields = ()
        """The trailer fields behind it."""
        self.is_whole = False
        """Whether its end has come."""
        self.is_refused = False
        """Whether the application is asked for the answer to its refusal."""
        self.deadline = NEVER
        """When it is late, by :attr:`Server.clock`."""
        self.rate: DataRate | None = None
        """How fast it comes, where it did not come along with its head."""

    def plan(
        self,
        plan: "BodyPlan | None",
        want: Callable[[], None],
        note_fault: Callable[[HTTPException], None],
    ) -> None:
        """Take note of how the application wants it.

        :param plan: ``None``: in memory, as far as ``max_size``.
        :param want: called when the reader of a stream wants more.
        :param note_fault: called with what is wrong with the content coding of a stream.
        """
        if plan is None:
            return
        if plan.max_size is not None:
            self.max_size = plan.max_size
        if plan.refused:
            # Read an unwanted body only up to the linger limit.
            self.max_size = MOST
        if self.decoder is not None:
            self.decoder.max_size = self.max_size
        if plan.stream or plan.refused:
            self.stream = BodyStream(want, self.decoder, None if self.decoder is None else note_fault)
            self.content = None if plan.refused else self.stream

    def take(self, data: bytes) -> None:
        """Take the next piece.

        :raises ContentTooLarge: if there is more of it than ``max_size``, once decoded.
        :raises BadRequest: if it is not of the content coding that it claims.
        """
        self.size += len(data)
        if self.size > self.max_size:
            raise ContentTooLarge
        if self.stream is not None:
            self.stream.feed(data)
            return
        if self.decoder is not None:
            data = self.decoder.decode(data)
        content: Any = self.content
        if content is None:
            # It takes these bytes as they are, and copies them if there are more.
            self.content = BytesIO(data)
        else:
            content.seek(0, SEEK_END)
            content.write(data)

    def finish(self, announced: int | None, trailers: Fields) -> None:
        """Note its end.

        :param announced: bytes that it should have; ``None``: nobody said.
        :param trailers: the trailer fields.
        :raises BadRequest: if it has fewer or more, or its content coding is not at its end.
        """
        if announced is not None and announced != self.size:
            raise_cut_short()
        self.trailers = list(trailers)
        if self.stream is None and self.decoder is not None:
            self.decoder.finish()
        self.is_whole = True
        self.deadline = NEVER
        if self.stream is not None:
            self.stream.end(self.trailers)

    def fail(self, error: Exception) -> None:
        """Note that no more of it comes; what came of one in memory is dropped, unless it is whole.

        :param error: what its reader gets.
        """
        self.deadline = NEVER
        if self.stream is not None:
            self.stream.fail(error)
        elif not self.is_whole:
            # Whoever answers runs on, and one that is dropped would look as if it were empty.
            self.content = None

    def break_for(self, error: Exception) -> None:
        """Have whoever reads it get ``error``: the application is asked for the answer to a refusal."""
        self.stream = self.content = BodyStream.broken(error)
        self.decoder = None
        self.is_refused = True

    # Its pace

    def begin(self, now: float) -> None:
        """Note when it begins to come."""
        self.rate = DataRate(now)

    def note_received(self, now: float, size: int) -> None:
        """Note that ``size`` bytes have come, with what frames them, by a wire that counts that."""
        if self.rate is not None:
            self.rate.note(now, size)

    def await_more(self, now: float, limits: "Limits", client_waits: bool) -> bool:
        """Set the deadline for what is still to come.

        :param client_waits: whether the client waits for ``100 Continue`` before it sends.
        :return: whether the client is to be paused: too much of the stream lies unread.
        """
        rate = self.rate
        if rate is None:
            return False
        rate.client_waits = client_waits and not rate.received
        if self.stream is not None and self.stream.is_full:
            if not rate.is_held:
                rate.hold(now)
            self.deadline = NEVER
            return True
        self.deadline = NEVER if rate.client_waits else rate.deadline(limits)
        return False

    def let_go(self, now: float, limits: "Limits") -> bool:
        """Return whether the client was paused, and may go on: what came has been read."""
        if self.is_whole or self.rate is None or not self.rate.is_held:
            return False
        self.rate.let_go(now)
        self.deadline = self.rate.deadline(limits)
        return True


def raise_cut_short() -> NoReturn:
    """Refuse a body that ends before its announced end, or after it."""
    raise BadRequest("The body is not whole.")

"""The body of one request while it arrives: its size and limit, its pace and its content coding.

It knows no connection. The receiver puts bytes in, and :class:`~.exchange.Exchange` acts on errors.
"""

from collections.abc import Callable, Sequence
from io import SEEK_END, BytesIO
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.exceptions import HTTPException

from ..errors import refused
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

    :param head: the accepted head, which announces a body.
    :param max_size: the most bytes of the body, both as sent and as decoded.
    """

    __slots__ = (
        "content",
        "deadline",
        "decoder",
        "is_refused",
        "is_reported",
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
        """Decodes the content coding, if there is one."""
        self.content: BytesIO | BodyStream | None = None
        """The decoded content received so far, or the stream of it; ``None`` if nothing arrived, or if the
        application gets none of it."""
        self.stream: BodyStream | None = None
        """The stream, if the content is read as it arrives."""
        self.trailers: Fields = ()
        """The trailer fields behind it."""
        self.is_whole = False
        """Whether its end has arrived."""
        self.is_refused = False
        """Whether the application is asked to answer its refusal."""
        self.is_reported = False
        """Whether a warning of its refusal was logged."""
        self.deadline = NEVER
        """When it is late, by :attr:`Server.clock`."""
        self.rate: DataRate | None = None
        """Its pace, if it did not arrive together with its head."""

    def plan(
        self,
        plan: "BodyPlan | None",
        want: Callable[[], None],
        note_fault: Callable[[HTTPException], None],
    ) -> None:
        """Prepare for the way in which the application wants it.

        :param plan: ``None``: in memory, up to ``max_size``.
        :param want: called when the reader of a stream wants more.
        :param note_fault: called with an error in the content coding of a stream.
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

        :raises ContentTooLarge: if there is more than ``max_size``, also after decoding.
        :raises BadRequest: if it is wrong in its content coding.
        """
        self.size += len(data)
        if self.size > self.max_size:
            raise refused("body-too-large")
        if self.stream is not None:
            self.stream.feed(data)
            return
        if self.decoder is not None:
            data = self.decoder.decode(data)
        content: Any = self.content
        if content is None:
            # BytesIO shares these bytes, and copies them only if more are added.
            self.content = BytesIO(data)
        else:
            content.seek(0, SEEK_END)
            content.write(data)

    def finish(self, announced: int | None, trailers: Fields) -> None:
        """Note its end.

        :param announced: the size that was announced in bytes; ``None`` if there was none.
        :param trailers: the trailer fields.
        :raises BadRequest: if it has fewer or more bytes, or its content coding is incomplete.
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
        """Note that no more of it arrives. An incomplete body in memory is dropped.

        :param error: raised by its reader.
        """
        self.deadline = NEVER
        if self.stream is not None:
            self.stream.fail(error)
        elif not self.is_whole:
            # A complete body is kept for a handler that runs on: without it, the body would look empty.
            self.content = None

    def break_for(self, error: Exception) -> None:
        """Make reads raise ``error``: the application is asked to answer a refusal."""
        self.stream = self.content = BodyStream.broken(error)
        self.decoder = None
        self.is_refused = True

    # Pace

    def begin(self, now: float) -> None:
        """Start measuring its pace."""
        self.rate = DataRate(now)

    def note_received(self, now: float, size: int) -> None:
        """Note ``size`` received bytes; a wire may count framing too."""
        if self.rate is not None:
            self.rate.note(now, size)

    def await_more(self, now: float, limits: "Limits", client_waits: bool) -> bool:
        """Set the deadline for the rest.

        :param client_waits: whether the client waits for ``100 Continue`` before it sends.
        :return: whether to pause the client, because too much of the stream is unread.
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
        """Return whether the client was paused and may continue, because enough was read."""
        if self.is_whole or self.rate is None or not self.rate.is_held:
            return False
        self.rate.let_go(now)
        self.deadline = self.rate.deadline(limits)
        return True


def raise_cut_short() -> NoReturn:
    """Refuse a body whose size differs from the announced one."""
    raise refused("body-incomplete")

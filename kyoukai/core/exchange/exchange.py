"""What is known of one request and its answer."""

from collections.abc import Sequence
from io import BytesIO
from time import perf_counter
from typing import Any, Final

from werkzeug.exceptions import HTTPException

from ..semantics.content_coding import ContentDecoder
from ..semantics.framing import NO_BODY, Framing
from .request_body import BodyStream

LARGE_BODY: Final = 16 * 1024
"""A waiting request whose body has more bytes fills the queue."""

NOTHING: Final[dict[str, Any]] = {}
"""No variables: of a head that was not accepted. Nothing is ever put into it."""


class Exchange:
    """One request and its answer, made at the first byte and kept until the answer has gone.

    Everything that belongs to one request is here and not on the connection: a second request may
    be read while the first is still being answered.
    """

    __slots__ = (
        "began",
        "body_size",
        "content",
        "decoder",
        "environ",
        "error",
        "expect_continue",
        "fields",
        "framing",
        "keep_alive",
        "method",
        "path",
        "persistent",
        "query",
        "sent",
        "status",
        "target",
        "trailers",
        "upgrade",
        "variables",
        "version",
    )

    def __init__(self) -> None:
        self.began = perf_counter()
        """When its head was read, in seconds, by :func:`time.perf_counter`."""
        self.method = ""
        self.target = b""
        self.version = "1.1"
        self.fields: list[tuple[bytes, bytes]] = []
        self.keep_alive = True
        """Whether the client lets the connection persist."""
        self.variables: dict[str, str] = NOTHING
        """The header fields as variables of the environ, without those that are dropped."""
        self.path = ""
        self.query = ""
        self.environ: dict[str, Any] = NOTHING
        """What the environ has of the head, once that was accepted."""
        self.framing: Framing = NO_BODY
        """How the body is delimited, once the head was accepted."""
        self.expect_continue = False
        """Whether the client waits for ``100 Continue`` and has not got it."""
        self.upgrade = False
        """Whether the client offers another protocol."""
        self.decoder: ContentDecoder | None = None
        """What decodes the body, where it has a content coding."""
        self.content: BytesIO | BodyStream | None = None
        """The content received so far, decoded, or the stream of it; ``None``: there was none."""
        self.body_size = 0
        """Bytes of the body received, before they are decoded."""
        self.trailers: list[tuple[bytes, bytes]] = []
        self.error: HTTPException | None = None
        """Why the request is refused, where it is."""
        self.status = 0
        """The status of the answer; 0 until its head was written."""
        self.sent = 0
        """Bytes of the answer's content written."""
        self.persistent = False
        """Whether the connection goes on after the answer."""

    def refuse(self, error: HTTPException) -> None:
        """Note why the request is refused: its answer is the last of the connection."""
        self.error = error

    @property
    def logged_path(self) -> str:
        """The path of a request whose head was accepted, as a log has it."""
        path: str = self.environ.get("PATH_INFO", "")
        return path


class AcceptedHead:
    """What was made of a head that was accepted, for the next request with the same one.

    A client that keeps its connection sends the same head again and again, byte for byte. What a
    parser says of it, and the policy after it, depends on nothing but these bytes. No head is kept
    that offers another protocol, or announces a body with a content coding: each has a decoder of
    its own.

    :param exchange: its head was accepted.
    :param parser_is_spent: whether the parser takes no message after this one.
    """

    __slots__ = (
        "environ",
        "expect_continue",
        "fields",
        "framing",
        "keep_alive",
        "method",
        "parser_is_spent",
        "target",
        "version",
    )

    def __init__(self, exchange: Exchange, parser_is_spent: bool) -> None:
        self.method = exchange.method
        self.target = exchange.target
        self.version = exchange.version
        self.fields = exchange.fields
        self.keep_alive = exchange.keep_alive
        self.environ = exchange.environ
        self.framing = exchange.framing
        # The exchange's own changes when it is sent.
        self.expect_continue = exchange.expect_continue
        self.parser_is_spent = parser_is_spent


def is_full(waiting: Sequence[Exchange], most: int) -> bool:
    """Return whether enough requests wait: many, one with a large body, or one that may be the last.

    What comes after a request that offers an upgrade may be the other protocol's.

    :param waiting: in order; the first is being answered.
    :param most: how many there may be.
    """
    if not waiting:
        return False
    last = waiting[-1]
    return (
        last.upgrade
        or len(waiting) >= most
        or (len(waiting) > 1 and (last.body_size > LARGE_BODY or last.decoder is not None))
    )

"""The head of an HTTP/1 message: what the policy makes of its bytes, once for all messages with the same."""

from collections.abc import Sequence

from ..errors import ProtocolError
from ..limits import Limits
from ..semantics import policy
from ..semantics.framing import NO_BODY, Framing
from ..semantics.request_head import RequestHead
from .queue import LARGE_BODY
from .readers import split_head


class Message:
    """A head that was accepted.

    A client that keeps its connection sends the same head again and again, byte for byte. What a head
    means depends on nothing but these bytes, so that requests with the same head share one.

    What is read of it for each request is an attribute of its own here: a tuple's takes ten times as long.

    :param accepted: what the policy said of it.
    """

    __slots__ = (
        "awaits_continue",
        "fault",
        "framing",
        "has_coding",
        "head",
        "keep_alive",
        "may_fill",
        "parser_is_spent",
        "size",
        "target",
        "told",
        "version",
    )

    def __init__(self, accepted: policy.Accepted) -> None:
        self.head = head = accepted.head
        self.target, self.version = head.target, head.version
        self.size = size = head.body_size
        self.framing: Framing = accepted.framing
        """How its body is delimited."""
        self.keep_alive = accepted.keep_alive
        """Whether the client lets the connection persist."""
        has_body = size != 0
        self.awaits_continue = has_body and head.expects_continue
        self.has_coding = head.coding != ""
        is_large = has_body and (size is None or size > LARGE_BODY or self.has_coding)
        self.may_fill = is_large or head.upgrade != ""
        """Whether a request that has it may fill the queue: most have no body, and offer no other
        protocol."""
        self.fault: ProtocolError | None = accepted.fault
        """Why its body is refused, if it is."""
        self.parser_is_spent = False
        """Whether a parser takes no message after it, once one has been asked."""
        self.told: Sequence[tuple[bytes, bytes]] | None = None
        """The fields as a parser told them, once these have been compared."""


def sent_head(data: bytes) -> RequestHead:
    """Return a head as it was sent, before the policy has seen it.

    :param data: a whole head, as :mod:`~kyoukai.core.http1.readers` returns it.
    """
    method, target, version, fields = split_head(data)
    return RequestHead(method.decode("ascii"), target, version, fields)


def as_refused(head: RequestHead) -> RequestHead:
    """Return a head that the policy accepted, and the parser does not."""
    return RequestHead(head.method, head.target, head.version, head.fields, head.path, head.query)


def unread(head: RequestHead) -> Message:
    """Return a message of which no more is read than this head: it was refused, or there was none."""
    return Message(policy.Accepted(head, NO_BODY))


def judge(sent: RequestHead, limits: Limits, max_length: int | None, software: str) -> Message:
    """Have the policy accept a head.

    The parameters are those of :func:`kyoukai.core.semantics.policy.accept`.

    :raises ProtocolError: if it refuses the head.
    """
    return Message(policy.accept(sent, limits, max_length, software))


def tells_the_same(head: RequestHead, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a parser has read in a head what the server has.

    :param target: as the parser told it; likewise ``fields``. It may have left white space around values,
        which is no part of them (RFC 9112 section 5.1), and have put names into lower case.
    """
    if target != head.target or len(fields) != len(head.fields):
        return False
    return all(
        name.lower() == told_name.lower() and value == told_value.strip(b" \t")
        for (name, value), (told_name, told_value) in zip(head.fields, fields, strict=True)
    )

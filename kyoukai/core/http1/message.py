"""The head of an HTTP/1 message as the policy accepted it; messages with the same bytes share one object."""

from collections.abc import Sequence

from ..errors import ProtocolError
from ..limits import Limits
from ..semantics import policy
from ..semantics.framing import NO_BODY, Framing
from ..semantics.request_head import RequestHead
from .queue import LARGE_BODY
from .readers import split_head


class Message:
    """An accepted head.

    A client that keeps its connection repeats the same head byte for byte. The meaning of a head depends on
    its bytes alone, so requests with the same head share one object.

    Each value that every request reads is an attribute of this class: reading one from a named tuple takes
    ten times as long.

    :param accepted: the policy's result.
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
        """How the body is delimited."""
        self.keep_alive = accepted.keep_alive
        """Whether the client allows the connection to persist."""
        has_body = size != 0
        self.awaits_continue = has_body and head.expects_continue
        self.has_coding = head.coding != ""
        is_large = has_body and (size is None or size > LARGE_BODY or self.has_coding)
        self.may_fill = is_large or head.upgrade != ""
        """Whether a request with this head may fill the queue. Most may not: they have no body, and offer no
        other protocol."""
        self.fault: ProtocolError | None = accepted.fault
        """Why the body is refused, or ``None``."""
        self.parser_is_spent = False
        """Whether a parser takes no message after this one; known once a parser has read the head."""
        self.told: Sequence[tuple[bytes, bytes]] | None = None
        """The fields as a parser reported them, once they were found equal to the server's."""


def sent_head(data: bytes) -> RequestHead:
    """Parse a head into the form that the policy checks.

    :param data: a whole head, as :mod:`~kyoukai.core.http1.readers` returns it.
    """
    method, target, version, fields = split_head(data)
    return RequestHead(method.decode("ascii"), target, version, fields)


def as_refused(head: RequestHead) -> RequestHead:
    """Return a head that the policy accepted and the parser did not."""
    return RequestHead(head.method, head.target, head.version, head.fields, head.path, head.query)


def unread(head: RequestHead) -> Message:
    """Return a message for a request that was refused, or never arrived: its head is all that is known."""
    return Message(policy.Accepted(head, NO_BODY))


def judge(sent: RequestHead, limits: Limits, max_length: int | None, software: str) -> Message:
    """Have the policy check a head.

    Parameters are those of :func:`kyoukai.core.semantics.policy.accept`.

    :raises ProtocolError: if the policy refuses the head.
    """
    return Message(policy.accept(sent, limits, max_length, software))


def tells_the_same(head: RequestHead, target: bytes, fields: Sequence[tuple[bytes, bytes]]) -> bool:
    """Return whether a parser and the server read the same from a head.

    :param target: the target that the parser reported.
    :param fields: the fields that it reported. It may leave white space around values, which is not part of
        them (RFC 9112 section 5.1), and convert names to lower case.
    """
    if target != head.target or len(fields) != len(head.fields):
        return False
    return all(
        name.lower() == told_name.lower() and value == told_value.strip(b" \t")
        for (name, value), (told_name, told_value) in zip(head.fields, fields, strict=True)
    )

"""Accepting heads: the policy checks a repeated head once, and the result is cached."""

from typing import TYPE_CHECKING, Final

from ..semantics import policy
from ..semantics.policy import Accepted
from ..semantics.request_head import RequestHead

if TYPE_CHECKING:
    from ..serving.server_state import Server

MAX_KNOWN_SIZE: Final = 1024
"""Bytes of the largest head whose result is cached."""


def accept_head(sent: RequestHead, server: "Server") -> Accepted:
    """Return the policy's result for a head from a wire that delimits bodies by itself.

    The result depends on the head and the server's settings only. The cache key is everything that the wire
    reports of the request. If the fields are not a tuple, nothing is cached.

    :raises ProtocolError: if the head is refused.
    """
    fields = sent.fields
    if type(fields) is not tuple:
        return policy.accept_delimited(sent, server.limits, server.methods, server.server_field)
    heads = server.heads
    key = (
        sent.method,
        sent.target,
        sent.version,
        fields,
        sent.body_size,
        sent.expects_continue,
        sent.upgrade,
    )
    known: Accepted | None = heads.get(key)
    if known is not None:
        return known
    accepted = policy.accept_delimited(sent, server.limits, server.methods, server.server_field)
    if accepted.fault is None and _size(sent) <= MAX_KNOWN_SIZE and heads.is_wanted(key):
        heads.keep(key, accepted)
    return accepted


def _size(sent: RequestHead) -> int:
    return len(sent.method) + len(sent.target) + sum(len(name) + len(value) for name, value in sent.fields)

"""Heads that are accepted: of those that come again and again, the policy is asked once."""

from typing import TYPE_CHECKING, Final

from ..semantics import policy
from ..semantics.policy import Accepted
from ..semantics.request_head import RequestHead

if TYPE_CHECKING:
    from ..serving.server_state import Server

MAX_KNOWN_SIZE: Final = 1024
"""Bytes of the largest head that is kept for the next request that has the same."""


def accept_head(sent: RequestHead, server: "Server") -> Accepted:
    """Return what the policy makes of a head that came by a wire which delimits bodies by itself.

    It is a function of the head, and of what the server has been set to. What is kept is found by all that a
    wire says of a request. A wire whose fields are no tuple has nothing kept.

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

"""The head of a request as a value: what its request line and its header section said."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

NOTHING: Final[dict[str, Any]] = {}
"""No variables: of a head that was not accepted. Nothing is ever put into it."""


class RequestHead(NamedTuple):
    """One request's head, by whichever wire it came.

    It is made once, and never changed: requests whose heads are the same may share one.

    A wire gives ``method``, ``target``, ``version``, ``fields`` and ``body_size``, and where it can
    ``expects_continue`` and ``upgrade``. It judges nothing of them: the policy does, and returns a head that
    has the rest, too.
    """

    method: str = ""
    """As sent: methods are case-sensitive (RFC 9110 section 9.1)."""
    target: bytes = b""
    """The request target as sent (RFC 9112 section 3.2); by wires that have none, the path and the query."""
    version: str = "1.1"
    """The version of HTTP that the client speaks: ``"1.0"``, ``"1.1"`` or ``"2"``."""
    fields: Sequence[tuple[bytes, bytes]] = ()
    """Names and values of the header fields, as sent and in order; two of one name stay apart.

    Values have no white space around them. Fields about a connection that is not the server's own are left
    out.
    """
    path: str = ""
    """The path, percent-decoded, one latin-1 character a byte (PEP 3333)."""
    query: str = ""
    """The query as sent, without its question mark."""
    environ: dict[str, Any] = NOTHING
    """The part of the WSGI environ that depends on the head alone. It is copied, and never changed."""
    body_size: int | None = 0
    """Bytes of the body, as sent and without what frames it; 0: there is none; ``None``: its end tells.

    Where there is a Content-Length, the two must agree.
    """
    coding: str = ""
    """The value of Content-Encoding, where the server removes that coding; else empty."""
    expects_continue: bool = False
    """Whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 section 10.1.1), and
    it is for this server to send it."""
    upgrade: str = ""
    """The protocols that the client offers to go on with (RFC 9110 section 7.8); else empty."""

    @property
    def is_accepted(self) -> bool:
        """Whether the policy has accepted the head. Of one that it refuses there may be parts only."""
        return self.environ is not NOTHING

    @property
    def accept(self) -> str:
        """What the client would like an answer to be, as its fields Accept say."""
        return b",".join(value for name, value in self.fields if name.lower() == b"accept").decode("latin-1")

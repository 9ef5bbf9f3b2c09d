"""The head of a request as a value: the content of its request line and header section."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

NOTHING: Final[dict[str, Any]] = {}
"""The variables of a head that was not accepted: none. Nothing is ever added to it."""


class RequestHead(NamedTuple):
    """The head of one request, from any wire.

    It is never changed after it is made, so requests with equal heads may share one.

    A wire sets ``method``, ``target``, ``version``, ``fields`` and ``body_size``, and if possible
    ``expects_continue`` and ``upgrade``. It checks none of them: the policy does, and returns a head that has
    the other attributes too.
    """

    method: str = ""
    """As sent: methods are case-sensitive (RFC 9110 section 9.1)."""
    target: bytes = b""
    """The request target as sent (RFC 9112 section 3.2); on wires without targets, the path and the query."""
    version: str = "1.1"
    """The version of HTTP that the client speaks: ``"1.0"``, ``"1.1"`` or ``"2"``."""
    fields: Sequence[tuple[bytes, bytes]] = ()
    """Names and values of the header fields, as sent and in order; fields with the same name are separate.

    Values have no white space around them. Fields about another hop's connection are left out.
    """
    path: str = ""
    """The path, percent-decoded, one latin-1 character a byte (PEP 3333)."""
    query: str = ""
    """The query as sent, without its question mark."""
    environ: dict[str, Any] = NOTHING
    """The part of the WSGI environ that depends on the head alone. It is copied, and never changed."""
    body_size: int | None = 0
    """Bytes of the body as sent, without framing; 0: no body; ``None``: unknown until its end.

    It must agree with a Content-Length.
    """
    coding: str = ""
    """The value of Content-Encoding if the server decodes it; otherwise empty."""
    expects_continue: bool = False
    """Whether the client waits for ``100 Continue`` before it sends the body (RFC 9110 section 10.1.1), and
    this server has to send it."""
    upgrade: str = ""
    """The protocols that the client offers to switch to (RFC 9110 section 7.8); otherwise empty."""

    @property
    def is_accepted(self) -> bool:
        """Whether the policy has accepted the head. A refused head may be incomplete."""
        return self.environ is not NOTHING

    @property
    def accept(self) -> str:
        """The value of the Accept fields, joined by commas."""
        return b",".join(value for name, value in self.fields if name.lower() == b"accept").decode("latin-1")

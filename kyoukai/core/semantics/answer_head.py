"""The head of an answer as a value that any wire can write."""

from typing import Any


class AnswerHead:
    """Status and fields of an answer, and the size of its content.

    It is never changed after it is made, so equal answers may share one. A wire adds its own fields:
    Content-Length, Date and Server (from :meth:`Exchange.answer_fields`), and how content is delimited.
    :func:`~kyoukai.core.semantics.serialize.read_head` makes and checks a head.

    :param status: code and reason, such as ``"200 OK"``.
    :param fields: names and values, already checked: each can be sent, and none concerns the connection.
    :param lines: the same fields as lines in latin-1.
    :param size: bytes of the content, for Content-Length; ``None`` for no Content-Length. An answer to HEAD
        declares the size that GET would have (RFC 9110 section 9.3.2).
    :param has_content: whether content follows.
    """

    __slots__ = (
        "closes",
        "code",
        "fields",
        "has_content",
        "has_date",
        "has_server",
        "lines",
        "serialized",
        "size",
        "status",
        "upgrade",
    )

    def __init__(
        self,
        status: str,
        fields: tuple[tuple[str, str], ...] = (),
        lines: bytes = b"",
        size: int | None = None,
        has_content: bool = False,
    ) -> None:
        self.status = status
        self.code = int(status[:3])
        """The status as a number."""
        self.fields = fields
        self.lines = lines
        self.size = size
        self.has_content = has_content
        self.closes = False
        """Whether the application wants the connection to end."""
        self.has_date = False
        """Whether the application set Date itself; likewise ``has_server``."""
        self.has_server = False
        self.upgrade = ""
        """The protocol that a 426 asks for; HTTP/1.1 sends it as Upgrade, other wires do not."""
        self.serialized: dict[Any, Any] = {}
        """A cache for wires, each with its own keys: what they made of this head. It is all that changes
        here."""

    def __repr__(self) -> str:
        return f"<AnswerHead {self.status!r} size={self.size} has_content={self.has_content}>"


def answer_size(method: str, status: int, size: int | None, declared: int | None) -> tuple[int | None, bool]:
    """Return the Content-Length of an answer, or ``None``; and whether content is sent.

    :param method: the request's.
    :param size: bytes of the content; ``None`` for a stream of unknown size.
    :param declared: the Content-Length that the application set, or ``None``.
    """
    # RFC 9110 section 8.6: a server MUST NOT send Content-Length with 1xx or 204.
    if status < 200 or status == 204:
        return None, False
    # RFC 9110 sections 9.3.2 and 15.4.5: no body, but the Content-Length that GET would have had.
    if method == "HEAD":
        return (declared if declared is not None and not size else size), False
    if status == 304:
        # An application seldom has the body at hand: an empty one says nothing of its length.
        return size or declared or None, False
    # RFC 9110 section 15.3.6: a 205 has no content, and must declare that.
    if status == 205:
        return 0, False
    if size is not None:
        return size, size > 0
    return declared, True

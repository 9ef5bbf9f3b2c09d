"""The head of an answer as a value: structured until a wire writes it."""

from typing import Any


class AnswerHead:
    """Status and fields of an answer, and what they say of its content.

    It is made once, and never changed: answers that are alike may share one. What a wire says besides is
    the wire's own: Content-Length, Date and Server (:meth:`Exchange.answer_fields` has them), and how content
    is delimited. :func:`~kyoukai.core.semantics.serialize.read_head` makes one, and checks it.

    :param status: code and reason, ``"200 OK"``.
    :param fields: names and values, checked: each can be sent, and none is about the connection.
    :param lines: the same as field lines, in latin-1.
    :param size: bytes of the content, to be declared as Content-Length; ``None``: they are not declared. An
        answer to HEAD declares what GET would have had (RFC 9110 section 9.3.2).
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
        """What a 426 asks the client to go on with; HTTP/1.1 says it in Upgrade, and other wires do not."""
        self.serialized: dict[Any, Any] = {}
        """Where a wire may keep what it made of this head, by keys of its own: all that may be changed."""

    def __repr__(self) -> str:
        return f"<AnswerHead {self.status!r} size={self.size} has_content={self.has_content}>"


def answer_size(method: str, status: int, size: int | None, declared: int | None) -> tuple[int | None, bool]:
    """Return the Content-Length of an answer, ``None`` where it has none, and whether content is sent.

    :param method: of the request.
    :param size: bytes of the content; ``None`` where it is a stream and nobody knows.
    :param declared: the Content-Length that the application set; ``None`` where it set none.
    """
    # RFC 9110 section 8.6: a server MUST NOT send Content-Length with 1xx or 204.
    if status < 200 or status == 204:
        return None, False
    # RFC 9110 sections 9.3.2 and 15.4.5: no body, but the Content-Length that GET would have had.
    if method == "HEAD":
        return (declared if declared is not None and not size else size), False
    if status == 304:
        # An application seldom has the body at hand: none is no length.
        return size or declared or None, False
    # RFC 9110 section 15.3.6: a 205 has no content, and must say that it ends here.
    if status == 205:
        return 0, False
    if size is not None:
        return size, size > 0
    return declared, True

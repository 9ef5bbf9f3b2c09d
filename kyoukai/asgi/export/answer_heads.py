"""The head of an answer as ASGI has it: a status, and fields in bytes."""

from kyoukai.core.semantics.answer_head import AnswerHead

Fields = list[tuple[bytes, bytes]]


def encode_head(head: AnswerHead, version: str) -> Fields:
    """Return the fields of an answer, but for Date and Server, which the server adds; not to be changed.

    :param version: of the request: fields of the connection are HTTP/1's.
    """
    is_http1 = version[:1] == "1"
    key = ("asgi", is_http1)
    known: Fields | None = head.serialized.get(key)
    if known is None:
        known = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in head.fields]
        if head.size is not None:
            known.append((b"content-length", b"%d" % head.size))
        if is_http1:
            options = ["close"] if head.closes else []
            if head.upgrade:
                known.append((b"upgrade", head.upgrade.encode("latin-1")))
                options.append("upgrade")
            if options:
                known.append((b"connection", ", ".join(options).encode()))
        head.serialized[key] = known
    return known

"""The head of an answer in ASGI's form: a status, and fields as bytes."""

from kyoukai.core.semantics.answer_head import AnswerHead

Fields = list[tuple[bytes, bytes]]


def encode_head(head: AnswerHead, version: str) -> Fields:
    """Return the fields of an answer without Date and Server, which the server adds. Do not change the list.

    :param version: of the request. Only HTTP/1 has fields about the connection.
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

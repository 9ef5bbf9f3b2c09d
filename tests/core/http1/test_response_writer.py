"""Answers as bytes: heads, pieces, ends. RFC 9112 sections 4, 6 and 7."""

from typing import Any

import pytest

from kyoukai.core.http1.answer_heads import own_fields
from kyoukai.core.http1.response_writer import NO_ANSWER, ResponseWriter, informational
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.serialize import InvalidResponseError

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
OWN = f"Date: {DATE}\r\nServer: a\r\n".encode()


def answer(status: str = "200 OK", size: int | None = 2, has_content: bool = True, **more: Any) -> AnswerHead:
    head = AnswerHead(status, (("X-A", "b"),), b"X-A: b\r\n", size, has_content)
    for name, value in more.items():
        setattr(head, name, value)
    return head


def written(
    head: AnswerHead, version: str = "1.1", close: bool = False, date: str = DATE, server: str = "a"
) -> tuple[bytes, ResponseWriter]:
    writer = ResponseWriter()
    return writer.head(head, version, close, date, server), writer


def test_before_an_answer_nothing_is_delimited() -> None:
    framing = ResponseWriter().framing
    assert framing is NO_ANSWER
    assert not framing.open_ended


@pytest.mark.parametrize(
    ("head", "version", "close", "end"),
    [
        (answer(), "1.1", False, b"Content-Length: 2\r\n"),
        (answer(size=0, has_content=False), "1.1", False, b"Content-Length: 0\r\n"),
        (answer(size=None, has_content=False), "1.1", False, b""),
        (answer(size=None), "1.1", False, b"Transfer-Encoding: chunked\r\n"),
        (answer(), "1.1", True, b"Content-Length: 2\r\nConnection: close\r\n"),
        (answer(closes=True), "1.1", False, b"Content-Length: 2\r\nConnection: close\r\n"),
        (answer(size=None), "1.1", True, b"Transfer-Encoding: chunked\r\nConnection: close\r\n"),
        (answer(), "1.2", False, b"Content-Length: 2\r\n"),
        # RFC 9112 appendix C.2.2: a client of HTTP/1.0 has to be told that the connection persists.
        (answer(), "1.0", False, b"Content-Length: 2\r\nConnection: keep-alive\r\n"),
        (answer(), "1.0", True, b"Content-Length: 2\r\nConnection: close\r\n"),
        # Section 6.1: no Transfer-Encoding for it.
        (answer(size=None), "1.0", False, b"Connection: close\r\n"),
        (answer(size=None, has_content=False), "1.0", False, b"Connection: keep-alive\r\n"),
    ],
)
def test_a_head(head: AnswerHead, version: str, close: bool, end: bytes) -> None:
    for _ in range(2):
        data, writer = written(head, version, close)
        assert data == b"HTTP/1.1 200 OK\r\nX-A: b\r\n" + OWN + end + b"\r\n"
        assert writer.framing.close is (b": close" in end)
        assert writer.framing.chunked is (b"chunked" in end)
        assert writer.framing.open_ended is (head.has_content and head.size is None and version == "1.0")


def test_a_status_without_a_reason_ends_in_a_space() -> None:
    # RFC 9112 section 4: "MUST send the space [...] even when the reason-phrase is absent".
    data, _ = written(answer("299"))
    assert data.startswith(b"HTTP/1.1 299 \r\nX-A: b\r\n")


@pytest.mark.parametrize(
    ("more", "date", "server", "own"),
    [
        ({}, DATE, "a", OWN),
        ({}, "", "a", b"Server: a\r\n"),
        ({}, DATE, "", f"Date: {DATE}\r\n".encode()),
        ({}, "", "", b""),
        ({"has_date": True}, DATE, "a", b"Server: a\r\n"),
        ({"has_server": True}, DATE, "a", f"Date: {DATE}\r\n".encode()),
        ({"has_date": True, "has_server": True}, DATE, "a", b""),
    ],
)
def test_fields_added_by_the_server(more: dict[str, bool], date: str, server: str, own: bytes) -> None:
    data, _ = written(answer(**more), date=date, server=server)
    assert data == b"HTTP/1.1 200 OK\r\nX-A: b\r\n" + own + b"Content-Length: 2\r\n\r\n"


def test_a_field_of_the_server_s_that_cannot_be_sent() -> None:
    own_fields.cache_clear()
    with pytest.raises(InvalidResponseError):
        written(answer(), server="a\r\nX: y")


def test_a_head_is_made_once_and_its_date_is_that_of_now() -> None:
    head, writer = answer(), ResponseWriter()
    first = writer.head(head, "1.1", False, DATE, "a")
    assert writer.head(head, "1.1", False, DATE, "a") is first
    later = DATE.replace("37", "38")
    second = writer.head(head, "1.1", False, later, "a")
    assert second == first.replace(b":37 ", b":38 ")
    assert writer.head(head, "1.1", False, later, "b") == second.replace(b": a", b": b")
    # Each version and end has its own.
    assert b"close" in writer.head(head, "1.1", True, later, "b")
    assert b"keep-alive" in writer.head(head, "1.0", False, later, "b")
    assert b"onnection" not in writer.head(head, "1.1", False, later, "b")
    assert len(head.serialized) == 3


@pytest.mark.parametrize(
    ("head", "version", "pieces", "expected"),
    [
        (answer(), "1.1", [b"o", b"k"], b"ok"),
        (answer(size=None), "1.0", [b"o", b"k"], b"ok"),
        (answer(size=None), "1.1", [b"o", b"k"], b"1\r\no\r\n1\r\nk\r\n0\r\n\r\n"),
        (answer(size=None), "1.1", [b"x" * 26], b"1a\r\n" + b"x" * 26 + b"\r\n0\r\n\r\n"),
        (answer(size=None), "1.1", [], b"0\r\n\r\n"),
        (answer(size=0, has_content=False), "1.1", [], b""),
    ],
)
def test_content_and_its_end(head: AnswerHead, version: str, pieces: list[bytes], expected: bytes) -> None:
    _, writer = written(head, version)
    assert b"".join(map(writer.data, pieces)) + writer.end(b"", ()) == expected
    if pieces:
        *others, last = pieces
        assert b"".join(map(writer.data, others)) + writer.end(last, ()) == expected


def test_trailers_come_behind_the_last_chunk() -> None:
    _, writer = written(answer(size=None))
    trailers = [("X-Sum", "1"), ("X-Time", "\xe9")]
    assert writer.end(b"ok", trailers) == b"2\r\nok\r\n0\r\nX-Sum: 1\r\nX-Time: \xe9\r\n\r\n"
    assert writer.end(b"", trailers[:1]) == b"0\r\nX-Sum: 1\r\n\r\n"


@pytest.mark.parametrize(("head", "version"), [(answer(), "1.1"), (answer(size=None), "1.0")])
def test_no_trailers_without_chunked_coding(head: AnswerHead, version: str) -> None:
    _, writer = written(head, version)
    assert writer.end(b"ok", [("X-Sum", "1")]) == b"ok"


def test_an_interim_answer() -> None:
    assert informational("100 Continue", ()) == b"HTTP/1.1 100 Continue\r\n\r\n"
    fields = [("Link", "</a>; rel=preload"), ("X", "y")]
    assert informational("103 Early Hints", fields) == (
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nX: y\r\n\r\n"
    )


def test_one_answer_after_the_other_is_delimited_as_its_own_head_says() -> None:
    writer = ResponseWriter()
    writer.head(answer(size=None), "1.1", False, DATE, "a")
    assert writer.end(b"ok", ()) == b"2\r\nok\r\n0\r\n\r\n"
    writer.head(answer(), "1.1", False, DATE, "a")
    assert writer.end(b"ok", ()) == b"ok"


@pytest.mark.parametrize("pieces", [[b"hello"], [b"he", b"llo"], [b"a" * 20, b"b", b"c"]])
@pytest.mark.parametrize("size", [None, 100])
def test_pieces_are_sent_as_one(pieces: list[bytes], size: int | None) -> None:
    _, writer = written(answer(size=size))
    data = b"".join(pieces)
    assert writer.pieces(pieces, len(data)) == writer.data(data)

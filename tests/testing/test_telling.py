"""What a client of HTTP/1.1 says, read as requests that any wire can carry."""

import pytest

from kyoukai.testing import WireRequest
from kyoukai.testing.telling import (
    CHUNKS,
    FRAMING,
    LINES,
    REQUEST_LINE,
    UNFINISHED,
    VERSION,
    UntoldError,
    read_request,
)

HEAD = b"POST /a?b=c HTTP/1.1\r\nHost: a\r\n"
FIELDS = (("Host", "a"),)


def told(data: bytes) -> WireRequest:
    request, rest = read_request(data)
    assert rest == b""
    return request


def test_a_request_without_a_body_and_what_follows_it() -> None:
    request, rest = read_request(b"GET /a HTTP/1.1\r\nHost: a\r\nX-A:  b, c\t\r\nx-a:\r\n\r\nGET /2")
    assert request == WireRequest("GET", "/a", (("Host", "a"), ("X-A", "b, c"), ("x-a", "")))
    assert request.values("x-a") == ["b, c", ""]
    assert rest == b"GET /2"


def test_malformed_words_are_passed_on() -> None:
    request = told(b"G(T \xe9 HTTP/1.1\r\nHost : a b\r\n: c\r\nX\xff: \x00\r \x80\r\n\r\n")
    assert (request.method, request.target) == ("G(T", "\xe9")
    assert request.fields == (("Host ", "a b"), ("", "c"), ("X\xff", "\x00\r \x80"))


def test_a_body_whose_size_is_told() -> None:
    data = HEAD + b"content-length: 005\r\n\r\nhello"
    assert told(data) == WireRequest("POST", "/a?b=c", FIELDS, 5, b"hello")
    assert told(data[:-2]) == WireRequest("POST", "/a?b=c", FIELDS, 5, b"hel", is_whole=False)
    assert told(HEAD + b"Content-Length: 0\r\n\r\n").size == 0


def test_a_body_in_chunks() -> None:
    data = HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2\r\nhe\r\n003\r\nllo\r\n0\r\nX-T: 1\r\nx-u: \r\n\r\n"
    trailers = (("X-T", "1"), ("x-u", ""))
    assert told(data) == WireRequest("POST", "/a?b=c", FIELDS, None, b"hello", trailers)
    last = data.index(b"X-T")
    assert told(data[:last] + b"\r\n") == WireRequest("POST", "/a?b=c", FIELDS, None, b"hello")
    for size, body in ((last + 3, b"hello"), (last, b"hello"), (last - 4, b"hello"), (last - 6, b"hell")):
        request = told(data[:size])
        assert (request.body, request.is_whole, request.trailers) == (body, False, ())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: a\r\n", UNFINISHED),
        (b"\r\nGET / HTTP/1.1\r\n\r\n", REQUEST_LINE),
        (b"GET  / HTTP/1.1\r\n\r\n", REQUEST_LINE),
        (b"GET /\n HTTP/1.1\r\n\r\n", REQUEST_LINE),
        (b"GET / HTTP/1.0\r\n\r\n", VERSION),
        (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", LINES),
        (b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", LINES),
        (b"GET / HTTP/1.1\r\nHost\r\n\r\n", LINES),
        (b"GET / HTTP/1.1\r\nHost:" + b" " * 30 + b"a\r\n\r\n", LINES),
        (HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING),
        (HEAD + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\na", FRAMING),
        (HEAD + b"Content-Length: +1\r\n\r\na", FRAMING),
        (HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n", FRAMING),
        (HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", FRAMING),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0\r\n\r\n", CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n0\r\n\r\n", CHUNKS),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-T\r\n\r\n", LINES),
    ],
)
def test_requests_specific_to_http_1(data: bytes, reason: str) -> None:
    with pytest.raises(UntoldError) as told:
        read_request(data)
    assert str(told.value) == reason

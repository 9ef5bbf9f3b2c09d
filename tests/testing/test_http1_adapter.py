"""HTTP/1 as the kit speaks it where the rules are those of every wire."""

import pytest

from kyoukai.testing.adapter import WireAnswer
from kyoukai.testing.http1_adapter import HTTP1Adapter

HEAD = b"HTTP/1.1 200 OK\r\nX: 1\r\n"


def answer(data: bytes, ended: bool = False, method: str = "GET") -> WireAnswer | None:
    adapter = HTTP1Adapter()
    adapter.encode_head(method, "/", (), 0)
    return adapter.decode_answer(data, ended)


def content(found: WireAnswer | None) -> tuple[bytes, bool, bytes]:
    assert found is not None
    return found.content, found.is_whole, found.rest


def test_a_request() -> None:
    adapter = HTTP1Adapter()
    head = adapter.encode_head("POST", "/a?b", (("Host", "h"), ("X", "1")), 3)
    assert head == b"POST /a?b HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 3\r\n\r\n"
    assert adapter.encode_data(b"abc") + adapter.encode_end() == b"abc"
    assert adapter.reply(b"x") == b""
    assert adapter.room() is None


def test_request_that_differs_only_at_its_end() -> None:
    adapter = HTTP1Adapter()
    assert (
        adapter.encode_head("PUT", "/", (), None) == b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    assert adapter.encode_data(b"x" * 17) == b"11\r\n" + b"x" * 17 + b"\r\n"
    assert adapter.encode_end((("T", "1"),)) == b"0\r\nT: 1\r\n\r\n"


def test_a_tunnel() -> None:
    adapter = HTTP1Adapter()
    offer = adapter.encode_tunnel("echo", "/a", (("Host", "h"),))
    assert offer == b"GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    assert adapter.encode_data(b"abc") + adapter.encode_end() == b"abc"
    assert adapter.decode_tunnel(b"HTTP/1.1 101 Switching Protocols\r\n", False) is None
    head = b"HTTP/1.1 101 Switching Protocols\r\nX: 1\r\n\r\n"
    for ended in (False, True):
        found = adapter.decode_tunnel(head + b"all of it\r\n\r\n", ended)
        assert found == WireAnswer(101, (("X", "1"),), b"all of it\r\n\r\n", is_whole=ended)


def test_an_answer_in_the_place_of_a_tunnel() -> None:
    adapter = HTTP1Adapter()
    adapter.encode_tunnel("echo", "/", ())
    found = adapter.decode_tunnel(b"HTTP/1.1 426 None\r\nContent-Length: 2\r\n\r\nno", False)
    assert found is not None
    assert found.status == 426
    assert content(found) == (b"no", True, b"")
    with pytest.raises(ValueError, match="not the start of an answer"):
        adapter.decode_tunnel(b"SCGI\r\n\r\n", False)


def test_a_head_that_is_not_whole_is_no_answer() -> None:
    assert answer(HEAD) is None
    assert answer(b"HTTP/1.1 103 Early Hints\r\n\r\n") is None


def test_invalid_head_is_refused() -> None:
    with pytest.raises(ValueError, match="not the start of an answer"):
        answer(b"SCGI\r\n\r\n")


def test_status_and_fields() -> None:
    found = answer(
        b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 404 None\r\nA: 1\r\na:2 \r\n\r\n", True
    )
    assert found is not None
    assert found.status == 404
    assert found.interim == [(103, (("Link", "</a>"),))]
    assert found.values("A") == ["1", "2"]


@pytest.mark.parametrize(
    ("data", "ended", "expected"),
    [
        (b"Content-Length: 3\r\n\r\nab", False, (b"ab", False, b"")),
        (b"Content-Length: 3\r\n\r\nabc", False, (b"abc", True, b"")),
        (b"Content-Length: 3\r\n\r\nabcd", False, (b"abc", True, b"d")),
        (b"\r\nabc", False, (b"abc", False, b"")),
        (b"\r\nabc", True, (b"abc", True, b"")),
    ],
)
def test_content(data: bytes, ended: bool, expected: tuple[bytes, bool, bytes]) -> None:
    assert content(answer(HEAD + data, ended)) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", (b"", False, b"")),
        (b"3\r\nab", (b"ab", False, b"")),
        (b"3\r\nabc\r\n", (b"abc", False, b"")),
        (b"3\r\nabc\r\n1\r\nd\r\n0\r\n", (b"abcd", False, b"")),
        (b"3\r\nabc\r\n0\r\n\r\nHTTP", (b"abc", True, b"HTTP")),
        (b"3\r\nabc\r\n0\r\nT: 1\r\n\r\n!", (b"abc", True, b"!")),
    ],
)
def test_chunks(data: bytes, expected: tuple[bytes, bool, bytes]) -> None:
    found = answer(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + data)
    assert content(found) == expected
    assert found is not None
    assert found.trailers == ((("T", "1"),) if b"T: 1" in data else ())


def test_a_chunk_that_goes_on_is_refused() -> None:
    with pytest.raises(ValueError, match="a chunk is followed by"):
        answer(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n")


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_no_content(method: str, status: int) -> None:
    found = answer(b"HTTP/1.1 %d X\r\nContent-Length: 3\r\n\r\nabc" % status, method=method)
    assert content(found) == (b"", True, b"abc")

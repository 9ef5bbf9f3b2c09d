"""What the fields of HTTP/2 say, and which make a request malformed (RFC 9113 sections 8.2 and 8.3)."""

from typing import Any

import pytest
from werkzeug.exceptions import BadRequest

from kyoukai.backends.h2_.heads import (
    MalformedError,
    answer_pairs,
    read_request,
    read_trailers,
    read_urgency,
)
from kyoukai.core.semantics.answer_head import AnswerHead

GET = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/a?b"), (b":authority", b"example.org")]
CONNECT = [(b":method", b"CONNECT"), (b":authority", b"example.org:443")]
WEBSOCKET = [(b":method", b"CONNECT"), (b":protocol", b"websocket"), *GET[1:]]


def read(*fields: tuple[bytes, bytes], has_ended: bool = True) -> Any:
    return read_request([*GET, *fields], has_ended)


def without(name: bytes) -> list[tuple[bytes, bytes]]:
    return [pair for pair in GET if pair[0] != name]


def test_a_request() -> None:
    head, refusal, urgency = read((b"accept", b"*/*"), (b"x", b""))
    assert (head.method, head.target, head.version, head.body_size) == ("GET", b"/a?b", "2", 0)
    assert head.fields == ((b"host", b"example.org"), (b"accept", b"*/*"), (b"x", b""))
    assert (head.expects_continue, head.upgrade, refusal, urgency) == (False, "", None, 3)


def test_a_request_with_a_body() -> None:
    head = read((b"expect", b"100-Continue"), (b"content-length", b"5"), has_ended=False).head
    assert (head.body_size, head.expects_continue) == (None, True)


def test_complete_request_expects_no_continue() -> None:
    assert not read((b"expect", b"100-continue")).head.expects_continue


def test_a_cookie_is_put_together() -> None:
    fields = read((b"cookie", b"a=1"), (b"x", b"y"), (b"cookie", b"b=2")).head.fields
    assert fields == ((b"host", b"example.org"), (b"x", b"y"), (b"cookie", b"a=1; b=2"))


def test_a_host_in_the_place_of_the_authority() -> None:
    head = read_request([*without(b":authority"), (b"host", b"other.example")], True).head
    assert head.fields == ((b"host", b"other.example"),)


@pytest.mark.parametrize("host", [b"example.org", b"EXAMPLE.org"])
def test_a_host_beside_the_same_authority(host: bytes) -> None:
    head, refusal, _ = read((b"host", host))
    assert (head.fields, refusal) == (((b"host", b"example.org"),), None)


@pytest.mark.parametrize(
    "hosts", [[b"other.example"], [b"example.org", b"other.example"], [b"example.org"] * 2, [b""]]
)
def test_a_host_beside_another_authority_is_refused(hosts: list[bytes]) -> None:
    head, refusal, _ = read(*[(b"host", host) for host in hosts])
    assert isinstance(refusal, BadRequest)
    assert head.method == "GET"


@pytest.mark.parametrize(
    "fields",
    [
        *([*GET, (name, b"x")] for name in (b"connection", b"keep-alive", b"proxy-connection", b"upgrade")),
        [*GET, (b"transfer-encoding", b"chunked")],
        [*GET, (b"te", b"gzip")],
        [*GET, (b"te", b"trailers, gzip")],
        *(
            [*GET, (name, b"x")]
            for name in (b"X-Capital", b"", b"a b", b"a:b", b"caf\xc3\xa9", b"a\n", b"a\0")
        ),
        *([*GET, (b"a", value)] for value in (b" x", b"x ", b"\tx", b"x\t", b" ")),
        [*GET, (b":path", b"/")],
        [*GET, (b":status", b"200")],
        [*GET, (b":unknown", b"x")],
        [*GET, (b"a", b"b"), (b":protocol", b"x")],
        [GET[0], (b"cookie", b"a=1"), *GET[1:]],
        *([pair for pair in GET if pair[0] != name] for name in (b":method", b":scheme", b":path")),
        *([*without(name), (name, b"")] for name in (b":method", b":scheme", b":path")),
        [*without(b":path"), (b":path", b"http://example.org/")],
        [*without(b":path"), (b":path", b"a")],
        *([*without(b":scheme"), (b":scheme", name)] for name in (b"h\r\nx", b"1a", b"a b", b"ht\xe9")),
        [*GET, (b":protocol", b"websocket")],
        [*WEBSOCKET[:1], (b":protocol", b""), *WEBSOCKET[2:]],
        [pair for pair in WEBSOCKET if pair[0] != b":scheme"],
        [pair for pair in WEBSOCKET if pair[0] != b":path"],
        [*CONNECT, (b":path", b"/")],
        [*CONNECT, (b":scheme", b"http")],
        CONNECT[:1],
        [*GET, (b"content-length", b"1")],
        [],
    ],
)
def test_malformed(fields: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(MalformedError):
        read_request(fields, True)


def test_faults_left_to_the_policy() -> None:
    for field in ((b"a_b", b"x"), (b"a", b"x\0y"), (b"a", b"\xff"), (b"content-length", b"0")):
        assert field in read(field).head.fields


def test_te_may_name_trailers() -> None:
    assert (b"te", b"Trailers") in read((b"te", b"Trailers")).head.fields


def test_connect_names_where_to() -> None:
    head = read_request(CONNECT, False).head
    assert (head.method, head.target, head.upgrade) == ("CONNECT", b"example.org:443", "")


def test_extended_connect_equals_the_request_of_http_1() -> None:
    head = read_request([*WEBSOCKET, (b"sec-websocket-version", b"13")], False).head
    assert (head.method, head.target, head.upgrade, head.body_size) == ("GET", b"/a?b", "websocket", 0)
    fields = dict(head.fields)
    assert (fields[b"connection"], fields[b"upgrade"]) == (b"Upgrade", b"websocket")
    assert fields[b"sec-websocket-version"] == b"13"
    assert len(fields[b"sec-websocket-key"]) == 24


def test_trailers() -> None:
    assert read_trailers([(b"a", b"b"), (b"c", b"")]) == [(b"a", b"b"), (b"c", b"")]


@pytest.mark.parametrize("name", [b":status", b":path", b"A", b"connection"])
def test_malformed_trailers(name: bytes) -> None:
    with pytest.raises(MalformedError):
        read_trailers([(name, b"x")])


@pytest.mark.parametrize(
    ("value", "urgency"),
    [
        (b"u=0", 0),
        (b"u=7, i", 7),
        (b"i, u=2", 2),
        (b"i,u=2;x", 2),
        (b"", 3),
        (b"i", 3),
        (b"u=8", 3),
        (b"u=12", 3),
        (b"au=1", 3),
        (b"u", 3),
    ],
)
def test_urgency(value: bytes, urgency: int) -> None:
    assert read_urgency(value) == urgency
    assert read((b"priority", value)).urgency == urgency


def test_an_answer() -> None:
    head = AnswerHead("200 OK", (("Content-Type", "text/plain"),))
    assert answer_pairs(head, [*head.fields, ("X", "\xe9")]) == [
        (b":status", b"200"),
        (b"content-type", b"text/plain"),
        (b"x", b"\xe9"),
    ]


def test_white_space_around_a_value_of_an_answer_is_not_sent() -> None:
    """RFC 9113 section 8.2.1: a client may take the answer as malformed."""
    head = AnswerHead("200 OK", ())
    assert answer_pairs(head, [("X-Spaces", " \ta \tb\t "), ("X-Empty", " ")])[1:] == [
        (b"x-spaces", b"a \tb"),
        (b"x-empty", b""),
    ]


def test_a_key_that_a_client_sends_by_extended_connect_is_not_used() -> None:
    """RFC 8441 section 5; who makes this of an HTTP/1.1 request may leave it there."""
    with_key = read_request([*WEBSOCKET, (b"sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ==")], False)
    assert with_key == read_request(WEBSOCKET, False)


@pytest.mark.parametrize("protocol", [b"", b"websocket, h2c", b"web socket"])
def test_a_protocol_is_one_token(protocol: bytes) -> None:
    with pytest.raises(MalformedError):
        read_request([WEBSOCKET[0], (b":protocol", protocol), *WEBSOCKET[2:]], False)


@pytest.mark.parametrize("scheme", [b"", b"h\r\nx", b"1http", b"http:"])
def test_invalid_scheme(scheme: bytes) -> None:
    with pytest.raises(MalformedError):
        read_request([GET[0], (b":scheme", scheme), *GET[2:]], True)

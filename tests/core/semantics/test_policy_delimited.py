"""The policy for wires that delimit bodies by themselves, such as HTTP/2 and SCGI."""

from typing import Any

import pytest

from kyoukai.core.errors import (
    BadRequest,
    ContentTooLarge,
    ExpectationFailed,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    ProtocolError,
    UnsupportedMediaType,
    URITooLong,
)
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.framing import NO_BODY
from kyoukai.core.semantics.policy import Accepted, accept, accept_delimited, check_fields, check_trailers
from kyoukai.core.semantics.request_head import RequestHead

LIMITS = Limits(max_target_size=300, max_head_size=1024, max_field_size=400, max_fields=6, max_body_size=1000)

Fields = list[tuple[bytes, bytes]]

HOST = (b"host", b"example.com")


def ask(*fields: tuple[bytes, bytes], method: str = "POST", target: bytes = b"/", **others: Any) -> Accepted:
    host = others.pop("host", HOST)
    sent = RequestHead(
        method, target, others.pop("version", "2"), [*([] if host is None else [host]), *fields], **others
    )
    return accept_delimited(sent, LIMITS, software="kyoukai")


def test_a_head() -> None:
    accepted = ask((b"accept", b"*/*"), method="GET", target=b"/caf%C3%A9?b=%20")
    assert (accepted.framing, accepted.keep_alive, accepted.fault) == (NO_BODY, True, None)
    head = accepted.head
    assert head.is_accepted
    assert (head.method, head.target, head.version) == ("GET", b"/caf%C3%A9?b=%20", "2")
    assert (head.path, head.query, head.body_size, head.coding) == ("/caf\xc3\xa9", "b=%20", 0, "")
    assert head.environ["SERVER_PROTOCOL"] == "HTTP/2"
    assert head.environ["HTTP_ACCEPT"] == "*/*"
    assert head.environ["HTTP_HOST"] == "example.com"
    assert head.environ["SERVER_SOFTWARE"] == "kyoukai"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_head_is_what_it_would_be_by_http_1(version: str) -> None:
    sent = RequestHead("POST", b"http://other.example/a?b", version, [HOST, (b"Content-Length", b"5")])
    by_http_1, by_another = accept(sent, LIMITS), accept_delimited(sent._replace(body_size=5), LIMITS)
    assert by_another.head == by_http_1.head


@pytest.mark.parametrize(
    ("fields", "size", "expected"),
    [
        pytest.param([], 0, 0, id="no-body"),
        pytest.param([], 5, 5, id="a-size"),
        pytest.param([], None, None, id="until-its-end"),
        pytest.param([b"5"], 5, 5, id="RFC9113-8.1.1-equal"),
        pytest.param([b"5"], None, 5, id="RFC9113-8.1.1-announced"),
        pytest.param([b"0"], 0, 0, id="RFC9113-8.1.1-none"),
        pytest.param([b"0"], None, 0, id="RFC9113-8.1.1-announced-none"),
        pytest.param([b"6"], 5, BadRequest, id="RFC9113-8.1.1-more"),
        pytest.param([b"5"], 0, BadRequest, id="RFC9113-8.1.1-of-no-body"),
        pytest.param([b"0"], 5, BadRequest, id="RFC9113-8.1.1-less"),
        pytest.param([b"five"], 5, BadRequest, id="RFC9110-8.6"),
        pytest.param([b"5,5"], 5, BadRequest, id="RFC9110-8.6-list"),
        pytest.param([b"5", b"5"], 5, BadRequest, id="RFC9110-8.6-twice"),
        pytest.param([b"+5"], None, BadRequest, id="CVE-2023-47627"),
    ],
)
def test_the_size_of_the_body(fields: list[bytes], size: int | None, expected: Any) -> None:
    lengths = [(b"content-length", value) for value in fields]
    if expected is BadRequest:
        with pytest.raises(BadRequest):
            ask(*lengths, body_size=size)
    else:
        assert ask(*lengths, body_size=size).head.body_size == expected


@pytest.mark.parametrize("size", [1001, 1_000_000])
def test_a_size_beyond_the_limit_is_for_who_knows_the_plan(size: int) -> None:
    # An application may let a larger body pass; see Exchange.receive_announced().
    assert ask(body_size=size).head.body_size == size


@pytest.mark.parametrize(
    ("head", "error"),
    [
        pytest.param({"host": None}, BadRequest, id="RFC9110-7.2-no-host"),
        pytest.param({"host": (b"host", b"a b")}, BadRequest, id="RFC9110-7.2-no-host-name"),
        pytest.param({"target": b"a"}, BadRequest, id="RFC9112-3.2.1"),
        pytest.param({"target": b"/" + b"a" * 300}, URITooLong, id="RFC9110-15.5.15"),
        pytest.param({"method": "BREW"}, NotImplementedByServer, id="RFC9110-9.1"),
        pytest.param({"method": "CONNECT", "target": b"a:80"}, NotImplementedByServer, id="RFC9110-9.3.6"),
        pytest.param({"method": "caf\xe9"}, ProtocolError, id="RFC9110-9.1-no-token"),
        pytest.param({"method": ""}, ProtocolError, id="RFC9110-9.1-empty"),
    ],
)
def test_a_head_that_is_refused(head: dict[str, Any], error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        ask(**head)


def test_http_1_0_needs_no_host() -> None:
    assert "HTTP_HOST" not in ask(host=None, version="1.0").head.environ


def test_methods_that_are_declared() -> None:
    sent = RequestHead("BREW", b"/", "2", [HOST])
    assert accept_delimited(sent, LIMITS, {b"BREW"}).head.method == "BREW"
    with pytest.raises(NotImplementedByServer):
        accept_delimited(sent, LIMITS, {b"GET"})


# Fields, which no reader of lines has seen


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param(b"", b"a", id="RFC9110-5.1-empty"),
        pytest.param(b"a b", b"c", id="RFC9110-5.1-space"),
        pytest.param(b" a", b"c", id="RFC9110-5.1-space-before"),
        pytest.param(b"a ", b"c", id="RFC9110-5.1-space-behind"),
        pytest.param(b"a:b", b"c", id="RFC9110-5.1-colon"),
        pytest.param(b"content-length:5\r\nx", b"c", id="RFC9110-5.1-another-field"),
        pytest.param(b":path", b"/", id="RFC9113-8.3-pseudo-header"),
        pytest.param(b"a\r\n", b"c", id="RFC9110-5.1-CRLF"),
        pytest.param(b"a\0", b"c", id="RFC9110-5.1-NUL"),
        pytest.param(b"caf\xe9", b"c", id="RFC9110-5.1-obs-text"),
        pytest.param(b"a", b"b\r\nc: d", id="RFC9113-8.2.1-CRLF"),
        pytest.param(b"a", b"b\n", id="RFC9113-8.2.1-LF"),
        pytest.param(b"a", b"\rb", id="RFC9113-8.2.1-CR"),
        pytest.param(b"a", b"b\0c", id="RFC9113-8.2.1-NUL"),
        pytest.param(b"a", b"b\x7f", id="RFC9110-5.5-DEL"),
        pytest.param(b"a", b"\x1b[2J", id="RFC9110-5.5-escape"),
    ],
)
def test_what_is_no_field(name: bytes, value: bytes) -> None:
    with pytest.raises(BadRequest):
        ask((name, value))
    with pytest.raises(BadRequest):
        check_trailers([(name, value)], LIMITS)


@pytest.mark.parametrize("value", [b"", b"b", b"b:c", b"b\tc", b"\xe9\xff", b" b "])
def test_what_is_one(value: bytes) -> None:
    assert ask((b"x-a", value)).head.environ["HTTP_X_A"] == value.decode("latin-1").strip()


@pytest.mark.parametrize(
    ("fields", "is_accepted"),
    [
        pytest.param([(b"a", b"b" * 399)], True, id="field-400"),
        pytest.param([(b"a", b"b" * 400)], False, id="field-401"),
        pytest.param([(b"a" * 401, b"")], False, id="name-401"),
        pytest.param([(b"a", b"b")] * 5, True, id="fields-6"),
        pytest.param([(b"a", b"b")] * 6, False, id="fields-7"),
        # Host has 15 bytes, each field four besides, and the target one: 1024 in all.
        pytest.param([(b"a", b"b" * 399)] * 2 + [(b"a", b"b" * 191)], True, id="head-1024"),
        pytest.param([(b"a", b"b" * 399)] * 2 + [(b"a", b"b" * 192)], False, id="head-1025"),
    ],
)
def test_limits_of_fields(fields: Fields, is_accepted: bool) -> None:
    if is_accepted:
        ask(*fields)
    else:
        with pytest.raises(HeaderFieldsTooLarge):
            ask(*fields)


def test_what_comes_before_the_fields_counts() -> None:
    fields = [(b"a", b"b" * 100)]
    check_fields(fields, LIMITS, 1024 - 105)
    with pytest.raises(HeaderFieldsTooLarge):
        check_fields(fields, LIMITS, 1024 - 104)


@pytest.mark.parametrize("name", [b"Content-Length", b"transfer-encoding"])
def test_a_trailer_that_frames_the_message(name: bytes) -> None:
    with pytest.raises(BadRequest, match="frames"):
        check_trailers([(b"x-sum", b"1"), (name, b"5")], LIMITS)


def test_trailers() -> None:
    check_trailers([], LIMITS)
    check_trailers([(b"x-sum", b"1")] * 6, LIMITS)
    with pytest.raises(HeaderFieldsTooLarge):
        check_trailers([(b"x-sum", b"1")] * 7, LIMITS)


# What they say


@pytest.mark.parametrize("is_ours", [False, True])
def test_an_expectation(is_ours: bool) -> None:
    # Whether it is met is the wire's: a proxy of SCGI has met it already.
    head = ask((b"expect", b"100-Continue"), body_size=5, expects_continue=is_ours).head
    assert head.expects_continue is is_ours
    with pytest.raises(ExpectationFailed):
        ask((b"expect", b"magic"))
    ask((b"expect", b"magic"), version="1.0")


@pytest.mark.parametrize("size", [5, None])
def test_a_content_coding(size: int | None) -> None:
    accepted = ask((b"content-encoding", b"gzip"), body_size=size)
    assert (accepted.head.coding, accepted.fault) == ("gzip", None)
    accepted = ask((b"content-encoding", b"identity"), body_size=size)
    assert accepted.head.coding == ""
    assert "HTTP_CONTENT_ENCODING" not in accepted.head.environ
    accepted = ask((b"content-encoding", b"br"), body_size=size)
    assert type(accepted.fault) is UnsupportedMediaType
    # The head is accepted, so that the application can be asked.
    assert accepted.head.is_accepted


def test_a_content_coding_of_a_body_that_is_too_large() -> None:
    assert type(ask((b"content-encoding", b"br"), body_size=1001).fault) is ContentTooLarge


def test_a_content_coding_of_no_body() -> None:
    accepted = ask((b"content-encoding", b"br"))
    assert (accepted.head.coding, accepted.fault) == ("", None)


def test_what_the_client_offers_to_go_on_with_is_the_wires() -> None:
    assert ask(upgrade="websocket").head.upgrade == "websocket"
    assert ask((b"connection", b"upgrade"), (b"upgrade", b"websocket")).head.upgrade == ""

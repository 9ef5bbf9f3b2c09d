"""The policy for heads that come by a wire which delimits bodies by itself."""

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
from kyoukai.core.semantics.policy import Accepted, accept_delimited
from kyoukai.core.semantics.request_head import RequestHead

LIMITS = Limits(max_fields=3, max_field_size=300, max_target_size=300, max_body_size=1000)
HOST = (b"host", b"example.com")


def accept(*fields: tuple[bytes, bytes], **parts: Any) -> Accepted:
    sent = RequestHead(**{"method": "POST", "target": b"/a%20b?c", "fields": (HOST, *fields), **parts})
    return accept_delimited(sent, LIMITS, software="kyoukai")


def test_what_a_head_means() -> None:
    accepted = accept((b"x-one", b"1"))
    head = accepted.head
    assert (head.method, head.path, head.query, head.body_size) == ("POST", "/a b", "c", 0)
    assert accepted.fault is None
    assert head.is_accepted
    environ = head.environ
    assert (environ["HTTP_HOST"], environ["HTTP_X_ONE"], environ["REQUEST_URI"]) == (
        "example.com",
        "1",
        "/a%20b?c",
    )
    assert (environ["SERVER_SOFTWARE"], "CONTENT_LENGTH" in environ) == ("kyoukai", False)


def test_the_size_of_the_body_is_in_the_environ_however_it_was_told() -> None:
    for accepted in (accept(body_size=7), accept((b"content-length", b"7"), body_size=None)):
        assert (accepted.head.body_size, accepted.head.environ["CONTENT_LENGTH"]) == (7, "7")


def test_a_body_of_any_size() -> None:
    accepted = accept(body_size=None)
    assert (accepted.head.body_size, "CONTENT_LENGTH" in accepted.head.environ) == (None, False)


def test_a_field_that_says_that_there_is_no_body() -> None:
    assert accept((b"content-length", b"0"), body_size=None).head.body_size == 0


def test_what_the_wire_alone_knows_is_kept() -> None:
    head = accept(body_size=None, expects_continue=True, upgrade="websocket", version="2").head
    assert (head.expects_continue, head.upgrade) == (True, "websocket")
    assert head.environ["SERVER_PROTOCOL"] == "HTTP/2"


@pytest.mark.parametrize(
    ("fields", "parts", "error"),
    [
        ([], {"method": "BREW"}, NotImplementedByServer),
        ([], {"target": b"a b"}, BadRequest),
        ([], {"target": b"/" + b"a" * 300}, URITooLong),
        ([], {"fields": ()}, BadRequest),  # no Host
        ([HOST], {}, BadRequest),
        ([], {"fields": [(b"host", b"a b")]}, BadRequest),
        ([(b"a", b"1")] * 3, {}, HeaderFieldsTooLarge),
        ([(b"a", b"1" * 300)], {}, HeaderFieldsTooLarge),
        ([(b"a b", b"1")], {}, BadRequest),
        ([(b"a", b"1\n2")], {}, BadRequest),
        ([(b"content-length", b"7")], {"body_size": 8}, BadRequest),
        ([(b"content-length", b"+7")], {"body_size": None}, BadRequest),
        ([(b"content-length", b"7"), (b"content-length", b"7")], {"body_size": 7}, BadRequest),
        ([(b"expect", b"more")], {}, ExpectationFailed),
    ],
)
def test_heads_that_are_refused(fields: Any, parts: Any, error: type[ProtocolError]) -> None:
    with pytest.raises(error):
        accept(*fields, **parts)


def test_content_codings() -> None:
    known = accept((b"content-encoding", b"gzip"), body_size=7)
    assert (known.head.coding, known.fault) == ("gzip", None)
    for size, fault in ((7, UnsupportedMediaType), (None, UnsupportedMediaType), (1001, ContentTooLarge)):
        unknown = accept((b"content-encoding", b"br"), body_size=size)
        assert (unknown.head.coding, type(unknown.fault)) == ("", fault)
    none = accept((b"content-encoding", b"identity"), body_size=7)
    assert (none.head.coding, "HTTP_CONTENT_ENCODING" in none.head.environ) == ("", False)
    assert accept((b"content-encoding", b"br")).fault is None

"""The head of a message: as it was sent, as the policy accepts it, and as a parser tells it."""

import pytest

from kyoukai.core.errors import BadRequest, ContentTooLarge, ExpectationFailed, UnsupportedMediaType
from kyoukai.core.http1.message import as_refused, judge, sent_head, tells_the_same
from kyoukai.core.limits import MOST, Limits
from kyoukai.core.semantics.framing import CHUNKED, NO_BODY, Framing

GET = b"GET /a?b HTTP/1.1\r\nHost: a\r\nX-A: b\r\nx-a: c\r\n\r\n"
SMALL = Limits(max_body_size=10)


def post(*fields: bytes) -> bytes:
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: a", *fields, b"", b""])


def test_a_head_as_it_was_sent() -> None:
    head = sent_head(GET)
    assert head[:3] == ("GET", b"/a?b", "1.1")
    assert head.fields == [(b"Host", b"a"), (b"X-A", b"b"), (b"x-a", b"c")]
    assert not head.is_accepted


def test_a_head_that_is_accepted() -> None:
    message = judge(sent_head(GET), Limits(), None, "kyoukai")
    assert message.head.is_accepted
    assert (message.head.path, message.head.query) == ("/a", "b")
    assert message.head.environ["HTTP_X_A"] == "b,c"
    assert message.head.environ["SERVER_SOFTWARE"] == "kyoukai"
    assert message.framing is NO_BODY
    assert (message.keep_alive, message.fault) == (True, None)
    # No parser has been asked.
    assert (message.told, message.parser_is_spent) == (None, False)


def test_head_refused_by_a_parser_is_kept_as_sent() -> None:
    accepted = judge(sent_head(GET), Limits(), None, "kyoukai").head
    refused = as_refused(accepted)
    assert not refused.is_accepted
    assert accepted.is_accepted
    assert refused[:4] == accepted[:4]


def test_refused_head() -> None:
    with pytest.raises(BadRequest):
        judge(sent_head(b"GET / HTTP/1.1\r\n\r\n"), Limits(), None, "kyoukai")


@pytest.mark.parametrize(
    ("field", "framing", "size"),
    [
        (b"Content-Length: 5", Framing(5, False), 5),
        (b"Content-Length: 0", NO_BODY, 0),
        (b"Transfer-Encoding: chunked", CHUNKED, None),
    ],
)
def test_how_a_body_is_delimited(field: bytes, framing: Framing, size: int | None) -> None:
    message = judge(sent_head(post(field)), Limits(), None, "kyoukai")
    assert message.framing == framing
    assert message.head.body_size == size


def test_head_that_ends_the_connection() -> None:
    assert judge(sent_head(post(b"Connection: close")), Limits(), None, "kyoukai").keep_alive is False


@pytest.mark.parametrize(
    ("fields", "max_length", "fault"),
    [
        ([b"Content-Length: 10"], None, None),
        ([b"Content-Length: 11"], None, ContentTooLarge),
        ([b"Content-Length: 11"], MOST, None),
        ([b"Content-Length: 5", b"Content-Encoding: x"], None, UnsupportedMediaType),
        # Of what is refused anyway, nobody is asked for a larger limit.
        ([b"Content-Length: 11", b"Content-Encoding: x"], MOST, ContentTooLarge),
        ([b"Content-Length: 11", b"Expect: x"], None, ContentTooLarge),
        ([b"Content-Length: 11", b"Expect: x"], MOST, ContentTooLarge),
        ([b"Content-Length: 11", b"Expect: x", b"Content-Encoding: x"], MOST, ContentTooLarge),
    ],
)
def test_reason_of_a_refused_body_with_an_accepted_head(
    fields: list[bytes], max_length: int | None, fault: type[Exception] | None
) -> None:
    message = judge(sent_head(post(*fields)), SMALL, max_length, "kyoukai")
    assert message.head.is_accepted
    assert (message.fault and type(message.fault)) == fault


@pytest.mark.parametrize("max_length", [None, MOST])
def test_an_expectation_that_is_not_met_refuses_the_head(max_length: int | None) -> None:
    with pytest.raises(ExpectationFailed):
        judge(sent_head(post(b"Content-Length: 10", b"Expect: x")), SMALL, max_length, "kyoukai")


HEAD = sent_head(GET)
FIELDS = [(b"Host", b"a"), (b"X-A", b"b"), (b"x-a", b"c")]


@pytest.mark.parametrize(
    ("target", "fields", "same"),
    [
        pytest.param(b"/a?b", FIELDS, True, id="the same"),
        pytest.param(b"/a?b", [(name.lower(), value) for name, value in FIELDS], True, id="lower case"),
        pytest.param(b"/a?b", [(name, b"\t %b  " % value) for name, value in FIELDS], True, id="white space"),
        pytest.param(b"/a?b", [(name, b"\n" + value) for name, value in FIELDS], False, id="a line"),
        pytest.param(b"/A?b", FIELDS, False, id="another target"),
        pytest.param(b"", FIELDS, False, id="no target"),
        pytest.param(b"/a?b", FIELDS[:2], False, id="fewer"),
        pytest.param(b"/a?b", [*FIELDS, (b"x", b"y")], False, id="more"),
        pytest.param(b"/a?b", [FIELDS[0], FIELDS[2], FIELDS[1]], False, id="another order"),
        pytest.param(b"/a?b", [(b"Hosts", b"a"), *FIELDS[1:]], False, id="another name"),
        pytest.param(b"/a?b", [(b"Host", b"A"), *FIELDS[1:]], False, id="another value"),
        pytest.param(b"/a?b", [(b"Host", b"a"), (b"X-A", b"b, c")], False, id="joined"),
        pytest.param(b"/a?b", [], False, id="none"),
    ],
)
def test_whether_a_parser_tells_the_same(
    target: bytes, fields: list[tuple[bytes, bytes]], same: bool
) -> None:
    assert tells_the_same(HEAD, target, fields) is same

"""The parser by itself: what it calls, and what it refuses, wherever its input is cut."""

import random

import pytest

from kyoukai.backends.reference.parser import RequestParser
from kyoukai.core.errors import (
    BadRequest,
    ContentTooLarge,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    ProtocolError,
    URITooLong,
    VersionNotSupported,
)
from kyoukai.core.limits import Limits

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
GET_EVENTS = ["begin", ("url", b"/"), (b"Host", b"a"), ("head", b"GET", "1.1", True), "complete"]
POST = b"POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"
POST_EVENTS = [
    "begin",
    ("url", b"/p"),
    (b"Host", b"a"),
    (b"Content-Length", b"5"),
    ("head", b"POST", "1.1", True),
    ("body", b"hello"),
    "complete",
]
CHUNKED_HEAD = b"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_EVENTS = [
    "begin",
    ("url", b"/c"),
    (b"Transfer-Encoding", b"chunked"),
    ("head", b"PUT", "1.1", True),
]
CHUNKED = CHUNKED_HEAD + b"5;a=b\r\nhello\r\n06\r\n world\r\n0\r\nX-Sum: \t1 \r\nConnection: close\r\n\r\n"
CHUNKED_WITH_TRAILERS_EVENTS = [
    *CHUNKED_EVENTS,
    ("body", b"hello world"),
    (b"X-Sum", b"1"),
    (b"Connection", b"close"),
    "complete",
]
OLD = b"GET http://a/?b HTTP/1.0\r\nConnection: x, Keep-Alive\r\nEmpty:\r\nObs: \x80\xff\r\n\r\n"
OLD_EVENTS = [
    "begin",
    ("url", b"http://a/?b"),
    (b"Connection", b"x, Keep-Alive"),
    (b"Empty", b""),
    (b"Obs", b"\x80\xff"),
    ("head", b"GET", "1.0", True),
    "complete",
]
BARE = b"OPTIONS * HTTP/1.9\r\n\r\n"
BARE_EVENTS = ["begin", ("url", b"*"), ("head", b"OPTIONS", "1.9", True), "complete"]

ALL = GET + POST + CHUNKED + b"\r\n\r\n" + OLD + BARE
ALL_EVENTS = GET_EVENTS + POST_EVENTS + CHUNKED_WITH_TRAILERS_EVENTS + OLD_EVENTS + BARE_EVENTS


@pytest.mark.parametrize(
    ("data", "events"),
    [
        (GET, GET_EVENTS),
        (POST, POST_EVENTS),
        (CHUNKED, CHUNKED_WITH_TRAILERS_EVENTS),
        (CHUNKED_HEAD + b"0\r\n\r\n", [*CHUNKED_EVENTS, "complete"]),
        (OLD, OLD_EVENTS),
        (BARE, BARE_EVENTS),
        (b"\r\n" + GET, GET_EVENTS),
        (b"\r\n\r\n\r\n" + POST + b"\r\n", POST_EVENTS),
        (GET * 3, GET_EVENTS * 3),
        (ALL, ALL_EVENTS),
        (POST.replace(b"Length: 5", b"Length: 005"), None),
        (POST.replace(b"5", b"0").removesuffix(b"hello") + GET, None),
    ],
)
def test_valid_requests_however_they_are_cut(run_every_way, data, events):
    outcome = run_every_way(data)
    assert outcome.error is None
    if events is not None:
        assert outcome.events == events


def test_empty_body_is_no_body(run):
    data = POST.replace(b"5", b"0").removesuffix(b"hello")
    assert run([data]).events == [
        e if e != (b"Content-Length", b"5") else (b"Content-Length", b"0")
        for e in POST_EVENTS
        if e[0] != "body"
    ]


@pytest.mark.parametrize(
    "offer",
    [
        pytest.param(b"Connection: x, Upgrade\r\nUpgrade: h2c", id="as-it-should-be"),
        pytest.param(b"Connection: x\r\nUpgrade: h2c", id="not-an-option-of-Connection"),
        pytest.param(b"Connection: upgrade", id="of-nothing"),
    ],
)
@pytest.mark.parametrize("data", [GET, POST, CHUNKED])
def test_it_reads_on_behind_an_offer_to_upgrade(run_every_way, data, offer):
    # Whether the connection becomes another protocol's is not for the parser to say.
    head, body = data.split(b"\r\n\r\n", 1)
    outcome = run_every_way(head + b"\r\n" + offer + b"\r\n\r\n" + body + GET)
    assert outcome.error is None
    assert outcome.events[-len(GET_EVENTS) :] == GET_EVENTS
    assert outcome.events.count("complete") == 2


@pytest.mark.parametrize(
    ("head", "persists"),
    [
        (b"GET / HTTP/1.1\r\n", True),
        (b"GET / HTTP/1.9\r\n", True),
        (b"GET / HTTP/1.0\r\n", False),
        (b"GET / HTTP/1.1\r\nCONNECTION: Close\r\n", False),
        (b"GET / HTTP/1.1\r\nConnection: x\r\nconnection: y, close\r\n", False),
        (b"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n", True),
        (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nConnection: close\r\n", False),
    ],
)
def test_persistence(run, head, persists):
    (said,) = [event[3] for event in run([head + b"\r\n"]).events if event[0] == "head"]
    assert said is persists


def test_state_of_a_message_does_not_reach_the_next(run_every_way):
    outcome = run_every_way(
        GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + GET + OLD.replace(b"Keep-Alive", b"y")
    )
    assert [event[3] for event in outcome.events if event[0] == "head"] == [False, True, False]


def with_field(line):
    return b"GET / HTTP/1.1\r\nHost: a\r\n" + line + b"\r\n\r\n"


# What a head or a trailer section may not be, one of each kind: the rest is with core.http1.readers.
REFUSED = {
    "space after version": (b"GET / HTTP/1.1 \r\n\r\n", BadRequest),
    "endless method": (b"A" * 33, NotImplementedByServer),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n", VersionNotSupported),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VersionNotSupported),
    "HTTP/0.9": (b"GET /\r\n", VersionNotSupported),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BadRequest),
    "bare LF before": (b"\nGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare CR before": (b"\rGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", BadRequest),
    "bare CR": (b"GET / HTTP/1.1\rHost: a\r\r", BadRequest),
    "bare CR ends a field (CVE-2023-30589)": (with_field(b"x: y\rz: w"), BadRequest),
    "space before colon (CVE-2021-22959)": (with_field(b"Content-Length : 5"), BadRequest),
    "folded (CVE-2022-32215)": (with_field(b"Transfer-Encoding: chunked\r\n , x"), BadRequest),
    "vertical tab before value (CVE-2019-16789)": (with_field(b"Transfer-Encoding: \x0bchunked"), BadRequest),
    "backtracking (CVE-2020-5236)": (with_field(b"Bad-header: " + b"x" * 200 + b"\x10"), BadRequest),
    "unknown method": (b"FOO / HTTP/1.1\r\n", NotImplementedByServer),
    "tunnel": (b"CONNECT a:80 HTTP/1.1\r\n", NotImplementedByServer),
    "target of no form": (b"GET * HTTP/1.1\r\n", BadRequest),
    "two lengths": (with_field(b"Content-Length: 5\r\nContent-Length: 5"), BadRequest),
    "a list of lengths": (with_field(b"Content-Length: 5, 5"), BadRequest),
    "signed length": (with_field(b"Content-Length: +5"), BadRequest),
    "length and coding": (with_field(b"content-length: 5\r\ntransfer-encoding: chunked"), BadRequest),
    "coding in 1.0": (b"GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", BadRequest),
    "two codings": (with_field(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked"), BadRequest),
    "no-break space (GHSA-753j-mpmx-qq6g)": (with_field(b"Transfer-Encoding: \xa0chunked"), BadRequest),
    "identity": (with_field(b"Transfer-Encoding: identity"), BadRequest),
    "gzip, chunked": (with_field(b"Transfer-Encoding: gzip, chunked"), NotImplementedByServer),
    "chunk data without CRLF (CVE-2025-43859)": (CHUNKED_HEAD + b"5\r\nhelloXX0\r\n\r\n", BadRequest),
    "bare CR ends a chunk line": (CHUNKED_HEAD + b"5\rXhello\r\n0\r\n\r\n", BadRequest),
    "newline in an extension (CVE-2024-52304)": (CHUNKED_HEAD + b"5;\n\r\nhello\r\n0\r\n\r\n", BadRequest),
    "chunk size with underscore (CVE-2023-47627)": (CHUNKED_HEAD + b"0_2e\r\n", BadRequest),
    "white space in a chunk line": (CHUNKED_HEAD + b"5 ;a\r\nhello\r\n0\r\n\r\n", BadRequest),
    "chunk larger than any body": (CHUNKED_HEAD + b"fffffffff\r\n", ContentTooLarge),
    "request as trailer (CVE-2025-53643)": (CHUNKED_HEAD + b"0\r\nGET / HTTP/1.1\r\n\r\n", BadRequest),
    "length in trailers": (CHUNKED_HEAD + b"0\r\ncontent-length: 0\r\n\r\n", BadRequest),
    "coding in trailers": (CHUNKED_HEAD + b"0\r\nTransfer-Encoding: chunked\r\n\r\n", BadRequest),
    "obs-fold in trailers": (CHUNKED_HEAD + b"0\r\nx: y\r\n z\r\n\r\n", BadRequest),
    "bare LF in trailers": (CHUNKED_HEAD + b"0\r\nx: y\n\r\n", BadRequest),
    "bare CR after trailers": (CHUNKED_HEAD + b"0\r\n\rX", BadRequest),
}


@pytest.mark.parametrize(("data", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(run_every_way, data, error):
    outcome = run_every_way(GET + data + GET)
    assert type(outcome.error) is error
    assert outcome.events[: len(GET_EVENTS)] == GET_EVENTS
    # GHSA-9298-4cf8-g4wj: nothing that comes after the fault is served.
    assert outcome.events.count("complete") == 1


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\x16",
        b"GET / HTTP/2.0\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n",
        with_field(b"Content-Length: x"),
        CHUNKED_HEAD + b"5\n",
        CHUNKED_HEAD + b"x\r\n",
        CHUNKED_HEAD + b"5\r\nhelloX",
        CHUNKED_HEAD + b"0\r\nx\r\n",
    ],
)
def test_a_fault_is_reported_at_the_byte_that_shows_it(run, data):
    outcome = run([data])
    assert isinstance(outcome.error, ProtocolError)
    assert run([data[:-1]]).error is None


@pytest.mark.parametrize("data", [GET, b"\r\n" + GET, CHUNKED_HEAD, OLD])
def test_nothing_is_called_before_the_head_is_whole(run, data):
    assert run([data[:-1]]).events == []
    assert run([data[i : i + 1] for i in range(len(data) - 1)]).events == []
    assert run([data]).events[:1] == ["begin"]


def test_a_refused_head_is_not_called_back(run_every_way):
    for data in (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n"):
        assert run_every_way(data).events == []


def test_an_error_does_not_repeat_what_the_client_sent(run):
    for data, _ in REFUSED.values():
        description = run([data.replace(b"Host", b"Secret").replace(b"GET", b"SECRET")]).error.description
        assert "secret" not in description.lower()
        assert description.isascii()
        assert description.isprintable()


def test_after_an_error_nothing_is_called_and_it_is_raised_again(recorder):
    recorder.parser = parser = RequestParser(recorder)
    with pytest.raises(BadRequest) as first:
        parser.feed_data(GET + b"GET / HTTP/1.1\r\nx\r\n")
    events = list(recorder.events)
    for data in (b"", GET):
        with pytest.raises(BadRequest) as later:
            parser.feed_data(data)
        assert later.value is first.value
    assert recorder.events == events


@pytest.mark.parametrize(
    "callback",
    ["on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete"],
)
@pytest.mark.parametrize("exception", [ZeroDivisionError, BadRequest, KeyboardInterrupt])
@pytest.mark.parametrize("size", [1, 1000])
def test_exception_of_a_callback_is_raised_unchanged(recorder, callback, exception, size):
    raised = exception()

    def fail(*args):
        recorder.events.append(callback)
        raise raised

    setattr(recorder, callback, fail)
    recorder.parser = parser = RequestParser(recorder)
    caught = []
    for i in range(0, len(POST), size):
        try:
            parser.feed_data(POST[i : i + size])
        except exception as error:
            caught.append(error)
    assert caught
    assert all(error is raised for error in caught)
    assert recorder.events.count(callback) == 1
    assert recorder.events[-1] == callback


def test_the_policy_above_speaks_before_the_framing_check(recorder):
    def refuse():
        raise NotImplementedByServer

    recorder.on_headers_complete = refuse
    recorder.parser = parser = RequestParser(recorder)
    with pytest.raises(NotImplementedByServer):
        parser.feed_data(with_field(b"Content-Length: x"))


def test_a_framing_fault_comes_after_the_head_is_complete(run_every_way):
    outcome = run_every_way(b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n")
    assert outcome.events == [
        "begin",
        ("url", b"/"),
        (b"Content-Length", b"x"),
        ("head", b"GET", "1.1", True),
    ]


def head_of(size):
    """Return a head of ``size`` bytes."""
    return b"GET / HTTP/1.1\r\nX: " + b"a" * (size - 23) + b"\r\n\r\n"


class TestLimits:
    """That each limit reaches what keeps it, exactly at the bound and one above."""

    def test_target(self, run_every_way):
        data = b"GET /%b HTTP/1.1\r\n\r\n"
        assert run_every_way(data % (b"a" * 255), max_target_size=256).error is None
        for refused in (data % (b"a" * 256), b"GET /" + b"a" * 256):
            outcome = run_every_way(refused, max_target_size=256)
            assert type(outcome.error) is URITooLong
            assert outcome.events == []

    def test_head(self, run_every_way):
        assert run_every_way(head_of(1024) + GET, max_head_size=1024).error is None
        outcome = run_every_way(head_of(1025), max_head_size=1024)
        assert type(outcome.error) is HeaderFieldsTooLarge
        assert outcome.events == []

    def test_empty_lines_count_as_the_head(self, run_every_way):
        assert run_every_way(b"\r\n\r\n" + head_of(1020), max_head_size=1024).error is None
        outcome = run_every_way(b"\r\n\r\n" + head_of(1021), max_head_size=1024)
        assert type(outcome.error) is HeaderFieldsTooLarge

    def test_the_limit_is_each_head_s_own(self, run_every_way):
        outcome = run_every_way((b"\r\n" + head_of(1022)) * 2 + GET, max_head_size=1024)
        assert outcome.error is None
        assert outcome.events.count("complete") == 3

    def test_field(self, run_every_way):
        data = b"GET / HTTP/1.1\r\nHost: \t %b\t \r\n\r\n"
        assert run_every_way(data % (b"a" * 252), max_field_size=256).error is None
        outcome = run_every_way(data % (b"a" * 253), max_field_size=256)
        assert type(outcome.error) is HeaderFieldsTooLarge

    def test_count_of_fields(self, run_every_way):
        data = b"GET / HTTP/1.1\r\n%b\r\n"
        assert run_every_way(data % (b"a: b\r\n" * 3), max_fields=3).error is None
        outcome = run_every_way(data % (b"a: b\r\n" * 4), max_fields=3)
        assert type(outcome.error) is HeaderFieldsTooLarge
        assert outcome.events == []

    def test_trailers(self, run_every_way):
        data = CHUNKED_HEAD + b"0\r\n%b\r\n"
        assert run_every_way(data % (b"a: b\r\n" * 3), max_fields=3).error is None
        assert type(run_every_way(data % (b"a: b\r\n" * 4), max_fields=3).error) is HeaderFieldsTooLarge
        assert run_every_way(data % b"a: %b\r\n" % (b"b" * 1017), max_head_size=1024).error is None
        outcome = run_every_way(data % b"a: %b\r\n" % (b"b" * 1018), max_head_size=1024)
        assert type(outcome.error) is HeaderFieldsTooLarge
        assert "complete" not in outcome.events

    def test_chunk_extensions(self, run_every_way):
        data = CHUNKED_HEAD + b"1;%b\r\na\r\n" * 2 + b"0\r\n\r\n"
        assert run_every_way(data % (b"a" * 511, b"a" * 511), max_head_size=1024).error is None
        outcome = run_every_way(data % (b"a" * 511, b"a" * 512), max_head_size=1024)
        assert type(outcome.error) is BadRequest

    def test_chunks(self, run_every_way):
        data = CHUNKED_HEAD + b"5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n"
        assert run_every_way(data, max_body_size=10).events[-2:] == [("body", b"helloworld"), "complete"]
        outcome = run_every_way(data, max_body_size=9)
        assert type(outcome.error) is ContentTooLarge
        assert outcome.events[-1] == ("body", b"hello")


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
        (CHUNKED_HEAD, b"0"),
        (CHUNKED_HEAD + b"1;", b"a"),
        (CHUNKED_HEAD + b"0\r\n", b"a: b\r\n"),
        (CHUNKED_HEAD + b"0\r\na:", b"b"),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 400])
def test_no_more_than_the_limit_is_held(recorder, start, endless, size):
    # CVE-2026-54277, CVE-2025-69228, CVE-2024-22019: an endless element in small fragments.
    recorder.parser = parser = RequestParser(recorder, Limits(max_head_size=1024, max_fields=1000))
    parser.feed_data(start)
    held = 0

    def flood():
        nonlocal held
        for fed in range(0, 5000, size):
            held = max(held, len(parser._buffer.data))
            assert fed <= 1024 + 18 + size
            parser.feed_data((endless * size)[:size])

    with pytest.raises(ProtocolError):
        flood()
    assert held <= 1024 + 18


def test_a_body_is_passed_on_without_a_copy(recorder):
    pieces = []
    recorder.on_body = pieces.append
    recorder.parser = parser = RequestParser(recorder)
    parser.feed_data(b"POST / HTTP/1.1\r\nContent-Length: 3000\r\n\r\n")
    body = [b"a" * 1000, b"b" * 1000, b"c" * 1000]
    for piece in body:
        parser.feed_data(piece)
        assert parser._buffer.data == b""
    assert all(got is fed for got, fed in zip(pieces, body, strict=True))
    assert recorder.events[-1] == "complete"


def test_pipelined_requests_are_read_where_they_lie(recorder):
    data = (GET + POST + CHUNKED) * 500
    recorder.parser = parser = RequestParser(recorder)
    recorder.on_message_complete = lambda: same.append(parser._buffer.data is data)
    same = []
    parser.feed_data(data)
    assert same == [True] * 1500
    assert parser._buffer.data == b""


# Heads that were read before, as a connection feeds them


def test_a_checked_head_is_fed_by_itself(recorder):
    recorder.parser = parser = RequestParser(recorder, is_checked=True)
    for data in (GET, POST, CHUNKED, OLD, BARE):
        head, end, body = data.partition(b"\r\n\r\n")
        parser.feed_data(head + end)
        for i in range(len(body)):
            parser.feed_data(body[i : i + 1])
    events = GET_EVENTS + POST_EVENTS + CHUNKED_WITH_TRAILERS_EVENTS + OLD_EVENTS + BARE_EVENTS
    assert recorder.events == events
    assert parser._buffer.data == b""


def test_a_checked_head_is_not_checked_again(recorder):
    recorder.parser = parser = RequestParser(recorder, Limits(max_head_size=1024), is_checked=True)
    parser.feed_data(head_of(2000))
    parser.feed_data(b"GET / HTTP/7.7\r\nHost : a\r\n\r\n")
    assert recorder.events.count("complete") == 2
    assert recorder.events[-3:-1] == [(b"Host ", b"a"), ("head", b"GET", "7.7", True)]


def test_the_body_of_a_checked_head_is_checked(recorder):
    recorder.parser = parser = RequestParser(recorder, is_checked=True)
    parser.feed_data(CHUNKED_HEAD)
    with pytest.raises(BadRequest):
        parser.feed_data(b"5 \r\n")


def test_a_checked_head_with_a_framing_fault(recorder):
    recorder.parser = parser = RequestParser(recorder, is_checked=True)
    with pytest.raises(BadRequest):
        parser.feed_data(with_field(b"Content-Length: x"))


def test_a_new_parser_knows_no_message(recorder):
    parser = RequestParser(recorder)
    parser.feed_data(b"")
    assert (parser.get_method(), parser.get_http_version(), recorder.events) == (b"", "", [])


def mutate(data, rng):
    """Return ``data`` with some bytes replaced, taken out, put in, or a piece of it twice."""
    mutable = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        i = rng.randrange(len(mutable))
        match rng.randrange(4):
            case 0:
                mutable[i] = rng.choice(b'\r\n \t:;,\x00\x0b\x7f\x80\xffaZ059/.-_"')
            case 1:
                del mutable[i : i + rng.randrange(1, 4)]
            case 2:
                mutable[i:i] = rng.choice(
                    [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"0", b";a", b"\x00", b","]
                )
            case _:
                mutable[i:i] = mutable[rng.randrange(len(mutable)) :][: rng.randrange(1, 30)]
    return bytes(mutable)


@pytest.mark.parametrize("seed", range(20))
def test_mutated_requests_however_they_are_cut(run, seed):
    rng = random.Random(seed)
    for _ in range(60):
        data = mutate(ALL, rng)
        limits = rng.choice(
            [{}, {"max_head_size": 1024, "max_field_size": 256, "max_fields": 3, "max_body_size": 8}]
        )
        whole = run([data], **limits)
        assert whole.error is None or isinstance(whole.error, ProtocolError)
        bytewise = run([data[i : i + 1] for i in range(len(data))], **limits)
        places = sorted(rng.choices(range(len(data)), k=5))
        pieces = [data[i:j] for i, j in zip([0, *places], [*places, len(data)], strict=True)]
        for cut in (bytewise, run(pieces, **limits)):
            assert cut.events == whole.events, (seed, data, pieces)
            assert cut.fault == whole.fault, (seed, data, pieces)

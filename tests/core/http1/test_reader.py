"""The reader by itself: bytes in, and out come requests for a queue, bodies for exchanges, or one fault."""

import asyncio
import gc
import logging
import signal
import weakref
from typing import Any

import pytest

from kyoukai.core.errors import BadRequest, ContentTooLarge, UnsupportedMediaType, URITooLong
from kyoukai.core.http1.parser_errors import Disagreement
from kyoukai.core.http1.states import ARRIVING, BODY, ENDED, IDLE
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.framing import CHUNKED, Framing
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.server_state import NEVER

from ...serving import error_records
from .fakes import FakeExchange, FakeParser, FakeReceiver, ParseError

GET = b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
PUT = b"PUT /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKS = b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"
OFFER = b"Connection: upgrade\r\nUpgrade: h2c\r\n"


def told(data: bytes) -> list[Any]:
    """Return what a parser calls for a head, up to its end."""
    request_line, *lines = data.rstrip(b"\r\n").split(b"\r\n")
    fields = [line.split(b": ") for line in lines]
    return [
        "on_message_begin",
        ("on_url", request_line.split(b" ")[1]),
        *(("on_header", name, value) for name, value in fields),
        "on_headers_complete",
    ]


NO_BODY_TOLD = [[*told(GET), "on_message_complete"]]
BODY_TOLD = [told(POST), [("on_body", b"hello"), "on_message_complete"]]
CHUNKS_TOLD = [
    told(PUT),
    [("on_body", b"hello"), ("on_body", b"!"), ("on_header", b"X-Sum", b" 1\t"), "on_message_complete"],
]


def reading(
    *scripts: list[Any], method: bytes = b"GET", limits: Limits | None = None, app: Any = None, **said: Any
) -> FakeReceiver:
    """Return what a reader reads for, whose parsers follow the scripts, one each; the last one goes on."""
    left = [list(script) for script in scripts]

    def make(calls: Any) -> FakeParser:
        parser = FakeParser(calls, left.pop(0) if left else [])
        parser.method = method
        vars(parser).update(said)
        return parser

    return FakeReceiver(make, limits, app)


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


# Requests


@pytest.mark.parametrize("pieces", [[GET], bytewise(GET), [GET[:9], GET[9:]], [b"\r\n" + GET]])
def test_a_request_without_a_body_is_queued(pieces: list[bytes]) -> None:
    receiver = reading(NO_BODY_TOLD)
    receiver.feed(*pieces)
    [exchange] = receiver.queue.waiting
    assert exchange.head[:3] == ("GET", b"/get", "1.1")
    assert exchange.head.fields == [(b"Host", b"a")]
    assert exchange.head.is_accepted
    assert exchange.calls == ["queued"]
    assert receiver.parser.fed == [GET]
    assert receiver.errors == []
    reader = receiver.reader
    assert (reader.parsing.state, reader.exchange, reader.deadline) == (IDLE, None, NEVER)


def test_buffered_body_is_delivered_whole() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")
    receiver.feed(POST + b"hello")
    [exchange] = receiver.exchanges
    assert exchange.calls == ["content", "queued"]
    assert exchange.pieces == [b"hello"]
    assert receiver.queue.waiting == [exchange]
    assert receiver.parser.fed == [POST, b"hello"]
    assert (receiver.reader.parsing.state, receiver.reader.exchange) == (IDLE, None)


def test_later_body_is_delivered_as_it_arrives() -> None:
    script = [told(POST), [("on_body", b"he")], [("on_body", b"llo"), "on_message_complete"]]
    receiver = reading(script, method=b"POST")
    receiver.feed(POST)
    [exchange] = receiver.exchanges
    assert exchange.calls == ["announced", "await"]
    assert receiver.reader.exchange is exchange
    assert receiver.reader.parsing.state is BODY
    receiver.feed(b"he")
    assert exchange.pieces == [b"he"]
    receiver.feed(b"llo")
    assert exchange.pieces == [b"he", b"llo"]
    assert exchange.calls == ["announced", "await", "await", "end"]
    assert exchange.trailers == []
    assert exchange.body is not None
    assert exchange.body.noted == [2, 3]
    assert receiver.reader.exchange is None
    assert receiver.answered == []


def test_chunked_body_is_recorded_with_its_trailers() -> None:
    receiver = reading(CHUNKS_TOLD, method=b"PUT")
    receiver.feed(PUT + CHUNKS)
    [exchange] = receiver.exchanges
    assert exchange.calls == ["announced", "end"]
    assert exchange.content == b"hello!"
    assert exchange.trailers == [(b"X-Sum", b"1")]
    assert exchange.body is not None
    assert exchange.body.noted == [len(CHUNKS)]
    assert receiver.parser.fed == [PUT, CHUNKS]


def test_body_plan_is_requested_before_a_buffered_body() -> None:
    class Planning:
        plans_every_body = True

    receiver = reading(BODY_TOLD, method=b"POST", app=Planning())
    receiver.feed(POST + b"hello")
    assert receiver.exchanges[0].calls == ["announced", "end"]


def test_end_of_an_answered_requests_body_is_recorded() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")
    receiver.feed(POST)
    [exchange] = receiver.exchanges
    exchange.is_answered = True
    receiver.feed(b"hello")
    assert receiver.answered == [exchange]


def test_nothing_is_read_while_the_queue_is_full() -> None:
    receiver = reading(NO_BODY_TOLD * 3)
    receiver.queue.is_full = True
    receiver.feed(GET + GET)
    assert receiver.reader.is_held
    receiver.feed(GET)
    assert len(receiver.queue.waiting) == 1
    assert receiver.parser.fed == [GET]
    receiver.queue.is_full = False
    receiver.reader.read_on()
    assert not receiver.reader.is_held
    assert len(receiver.queue.waiting) == 3
    assert receiver.reader.take_unread() == b""


# The last one


def test_nothing_is_read_behind_the_last_body() -> None:
    last = POST[:-2] + b"Connection: close\r\n\r\n"
    receiver = reading([told(last), BODY_TOLD[1]], method=b"POST")
    receiver.feed(last + b"hello" + GET)
    assert receiver.queue.waiting == receiver.exchanges
    assert receiver.reader.is_ended
    assert receiver.reader.take_unread() == GET


@pytest.mark.parametrize("by", ["field", "version", "stop"])
def test_nothing_is_read_behind_the_last_request(by: str) -> None:
    last = {
        "field": GET[:-2] + b"Connection: close\r\n\r\n",
        "version": b"GET /get HTTP/1.0\r\n\r\n",
        "stop": GET,
    }[by]
    receiver = reading(
        [[*told(last), "on_message_complete"]],
        **({"version": "1.0"} if by == "version" else {}),
    )
    receiver.server.stopping = by == "stop"
    receiver.feed(last + GET)
    [exchange] = receiver.queue.waiting
    assert exchange.keep_alive is (by == "stop")
    assert receiver.reader.is_ended
    assert receiver.parser.fed == [last]
    assert receiver.reader.take_unread() == GET


def test_a_reader_can_be_ended() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")
    receiver.feed(POST)
    receiver.reader.end()
    assert (receiver.reader.parsing.state, receiver.reader.exchange) == (ENDED, None)
    receiver.reader.end()
    assert receiver.reader.is_ended


def test_reader_releases_its_references() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")
    receiver.feed(POST + b"he")
    parser = weakref.ref(receiver.parser)
    receiver.reader.release()
    assert receiver.reader.exchange is None
    receiver.parsers.clear()
    gc.collect()
    assert parser() is None
    assert receiver.reader.take_unread() == b""


def test_reader_can_be_released_by_a_callback() -> None:
    receiver = reading(NO_BODY_TOLD * 2)
    is_reading = []

    def release(exchange: FakeExchange) -> None:
        is_reading.append(receiver.reader.is_reading)
        receiver.reader.release()

    receiver.prepare = release
    assert not receiver.reader.is_reading
    receiver.feed(GET)
    assert is_reading == [True]
    assert not receiver.reader.is_reading


# Deadlines, and what is known of a head


def test_head_timeout_starts_at_the_first_byte_and_is_not_extended() -> None:
    receiver = reading(NO_BODY_TOLD * 2, limits=Limits(head_timeout=10))
    clock = receiver.server.clock
    receiver.feed(b"\r\n")
    assert (receiver.reader.parsing.state, receiver.reader.deadline) == (IDLE, NEVER)
    receiver.feed(b"G")
    assert (receiver.reader.parsing.state, receiver.reader.deadline) == (ARRIVING, clock + 10)
    receiver.server.clock += 5
    receiver.feed(GET[1:-1])
    assert receiver.reader.deadline == clock + 10
    receiver.feed(GET[-1:])
    assert (receiver.reader.parsing.state, receiver.reader.deadline) == (IDLE, NEVER)
    receiver.feed(GET)
    assert receiver.reader.deadline is NEVER


@pytest.mark.parametrize(
    ("sent", "known"),
    [
        (b"", ("", b"", "1.1")),
        (b"PO", ("", b"", "1.1")),
        (b"POST /somewhere", ("POST", b"/somewhere", "1.1")),
        (b"POST /somewhere HTTP/1.0\r\nHo", ("POST", b"/somewhere", "1.0")),
    ],
)
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "second"])
def test_contents_of_a_late_head(sent: bytes, known: Any, before: bytes) -> None:
    receiver = reading(NO_BODY_TOLD)
    receiver.feed(before, sent)
    head = receiver.reader.known_head()
    assert head[:3] == known
    assert not head.is_accepted


# Refusals


@pytest.mark.parametrize(
    ("data", "status", "known"),
    [
        (b"\n" + GET, 400, ("", b"")),
        (b"GET  / HTTP/1.1\r\n", 400, ("GET", b"")),
        (b"HEAD /a HTTP/1.1\r\n\r\n", 400, ("HEAD", b"/a")),
        (b"HEAD /a HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, ("HEAD", b"/a")),
        (b"HEAD /a HTTP/1.1\r\nHost : a\r\n\r\n", 400, ("HEAD", b"/a")),
        (b"BREW /a HTTP/1.1\r\nHost: a\r\n\r\n", 501, ("BREW", b"/a")),
        (b"HEAD /%b HTTP/1.1\r\nHost: a\r\n\r\n" % (b"a" * 9000), 414, ("HEAD", None)),
    ],
)
@pytest.mark.parametrize("before", [b"", GET], ids=["first", "second"])
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte-by-byte"])
def test_refused_head_reaches_no_parser(
    data: bytes, status: int, known: Any, before: bytes, cut: Any
) -> None:
    receiver = reading(NO_BODY_TOLD)
    receiver.feed(*cut(before + data))
    assert receiver.statuses == [status]
    assert receiver.parser.fed == [GET] * bool(before)
    assert len(receiver.exchanges) == bool(before)
    [head] = receiver.refused
    assert not head.is_accepted
    assert head.method == known[0]
    assert head.target == known[1] or known[1] is None
    assert receiver.reader.is_ended


@pytest.mark.parametrize(
    ("field", "error"),
    [
        (b"Content-Length: 11", ContentTooLarge),
        (b"Content-Length: 5\r\nContent-Encoding: x", UnsupportedMediaType),
    ],
)
def test_a_body_that_is_refused_belongs_to_a_head_that_is_accepted(field: bytes, error: Any) -> None:
    head = b"POST /post HTTP/1.1\r\nHost: a\r\n" + field + b"\r\n\r\n"
    receiver = reading([told(head)], method=b"POST", limits=Limits(max_body_size=10))
    receiver.feed(head + b"hello")
    [exchange] = receiver.exchanges
    assert exchange.calls == ["refuse"]
    assert type(exchange.error) is error
    assert exchange.head.is_accepted
    assert receiver.errors == []
    # Whether the application is told again does not depend on what came before.
    assert not receiver.server.heads


def test_an_application_that_is_asked_may_take_a_larger_body() -> None:
    class Asked:
        def receive_head(self, environ: Any) -> None:
            """Be asked."""

    head = POST.replace(b"5", b"11")
    receiver = reading([told(head)], method=b"POST", limits=Limits(max_body_size=10), app=Asked())
    receiver.feed(head)
    assert receiver.exchanges[0].calls == ["announced", "await"]


def test_a_body_that_the_exchange_refuses_is_not_read() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")

    def refuse(exchange: FakeExchange) -> None:
        exchange.refuses_body = ContentTooLarge()

    receiver.prepare = refuse
    receiver.feed(POST)
    assert receiver.exchanges[0].calls == ["announced"]
    assert receiver.parser.fed == [POST]


def test_refused_whole_body_is_not_queued() -> None:
    head = POST.replace(b"\r\n\r\n", b"\r\nContent-Encoding: gzip\r\n\r\n")
    receiver = reading([told(head), *BODY_TOLD[1:]], method=b"POST")

    def refuse(exchange: FakeExchange) -> None:
        exchange.refuses_body = ContentTooLarge()

    receiver.prepare = refuse
    receiver.feed(head + b"hello")
    assert receiver.exchanges[0].calls == ["whole"]
    assert receiver.queue.waiting == []


def test_valid_request_is_served_before_a_later_fault() -> None:
    script = [told(PUT), [("on_body", b"hello")]]
    receiver = reading(script, method=b"PUT")
    receiver.feed(PUT + b"5\r\nhello\r\nnonsense\r\n")
    [exchange] = receiver.exchanges
    assert exchange.content == b"hello"
    assert receiver.parser.fed == [PUT, b"5\r\nhello\r\n"]
    assert receiver.statuses == [400]
    assert receiver.refused == [exchange.head]


def test_a_body_may_be_as_large_as_its_exchange_says() -> None:
    receiver = reading([told(PUT), [("on_body", b"hello")]], method=b"PUT")

    def limit(exchange: FakeExchange) -> None:
        exchange.max_size = 5

    receiver.prepare = limit
    receiver.feed(PUT, b"5\r\nhello\r\n1\r\n!")
    assert receiver.statuses == [413]
    assert receiver.exchanges[0].content == b"hello"


# What comes out of a parser


@pytest.mark.parametrize(
    ("raised", "status", "logged"),
    [
        (ParseError("x"), 418, False),
        (URITooLong(), 414, False),
        (TypeError("x"), 500, True),
        (asyncio.CancelledError(), 500, True),
    ],
    ids=["its own", "the server's", "a bug", "a cancellation"],
)
@pytest.mark.parametrize("where", ["head", "body", "whole body"])
def test_parser_exceptions(
    raised: Any, status: int, logged: bool, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = reading([raised] if where == "head" else [told(POST), raised], method=b"POST")
    receiver.feed(*([POST, b"hello"] if where == "body" else [POST + b"hello"]))
    assert receiver.statuses == [status]
    [head] = receiver.refused
    assert (head.method, head.target) == ("POST", b"/post")
    assert head.is_accepted is (where != "head")
    assert bool(error_records(caplog)) is logged
    assert receiver.reader.is_ended


def test_parser_error_after_a_head_refuses_the_head() -> None:
    receiver = reading([*NO_BODY_TOLD, [*told(POST), ParseError()]])
    receiver.feed(GET, POST)
    [head] = receiver.refused
    assert (head.method, head.target) == ("POST", b"/post")
    assert head.is_accepted


def test_process_exit_is_raised() -> None:
    receiver = reading([KeyboardInterrupt()])
    # A server that another test ran in this process may have left a handler of its own.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            receiver.feed(GET)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert receiver.errors == []


def test_error_while_reading_is_logged_and_a_500(caplog: pytest.LogCaptureFixture) -> None:
    receiver = reading(NO_BODY_TOLD)

    def fail(exchange: FakeExchange) -> None:
        raise ZeroDivisionError

    receiver.prepare = fail
    receiver.feed(GET)
    assert receiver.statuses == [500]
    [record] = error_records(caplog)
    assert record.getMessage() == "reading failed"


def test_parser_errors_are_not_translated_after_release() -> None:
    receiver = reading([[*told(GET)[:2], "release", TypeError("x")]])
    receiver.reader.parsing.parser.calls = Releasing(receiver)
    receiver.feed(GET)
    assert receiver.translated == []
    assert receiver.errors == []


class Releasing:
    """Passes all on, and releases the reader when asked."""

    def __init__(self, receiver: FakeReceiver) -> None:
        self.receiver = receiver

    def __getattr__(self, name: str) -> Any:
        reader = self.receiver.reader
        return reader.release if name == "release" else getattr(reader.parsing, name)


# A method that the parser does not know


MKWORKSPACE = GET.replace(b"GET /get", b"MKWORKSPACE /get")


@pytest.mark.parametrize("after", [0, 1, 3])
def test_refused_method_is_retried_as_post(after: int) -> None:
    receiver = reading(
        [[*told(MKWORKSPACE)[:after], ParseError()]],
        [[*told(MKWORKSPACE), "on_message_complete"]],
        method=b"POST",
    )
    receiver.feed(MKWORKSPACE)
    assert [parser.fed for parser in receiver.parsers] == [
        [MKWORKSPACE],
        [MKWORKSPACE.replace(b"MKWORKSPACE", b"POST")],
    ]
    [exchange] = receiver.queue.waiting
    assert exchange.head.method == "MKWORKSPACE"
    assert receiver.errors == []


def test_rare_method_is_retried_each_time() -> None:
    refuses, takes = [ParseError()], [[*told(MKWORKSPACE), "on_message_complete"]]
    receiver = reading(refuses, *[[*takes, *refuses]] * 4, method=b"POST")
    receiver.feed(*[MKWORKSPACE] * 4)
    assert receiver.errors == []
    assert MKWORKSPACE in receiver.server.heads
    assert [exchange.head.method for exchange in receiver.queue.waiting] == ["MKWORKSPACE"] * 4
    # The one that knows POST alone reads the next message first.
    assert [len(parser.fed) for parser in receiver.parsers] == [1, 2, 2, 2, 1]
    # What it was given does not count for another method.
    receiver.parser.script = list(NO_BODY_TOLD)
    receiver.parser.method = b"GET"
    receiver.feed(GET)
    assert receiver.errors == []
    assert receiver.exchanges[-1].head.method == "GET"


def test_the_other_parser_may_stop_for_an_upgrade() -> None:
    head = MKWORKSPACE[:-2] + OFFER + b"\r\n"
    stops = ParseError("an upgrade")
    receiver = reading([ParseError()], [[*told(head), "on_message_complete", stops]], method=b"POST")
    receiver.resumes = True
    receiver.feed(head)
    assert receiver.errors == []
    assert receiver.resumed == [(stops, None)]
    assert [exchange.head.method for exchange in receiver.queue.waiting] == ["MKWORKSPACE"]


@pytest.mark.parametrize(
    ("data", "raised", "status"),
    [(GET, ParseError(), 418), (MKWORKSPACE, TypeError(), 500), (MKWORKSPACE, URITooLong(), 414)],
    ids=["a usual method", "a bug", "a refusal"],
)
def test_other_faults_are_not_retried(
    data: bytes, raised: Exception, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = reading([raised])
    receiver.feed(data)
    assert len(receiver.parsers) == 1
    assert receiver.statuses == [status]


def test_error_of_the_second_parser_counts() -> None:
    receiver = reading([ParseError("first")], [ParseError("second")])
    receiver.feed(MKWORKSPACE)
    assert [str(exc) for exc in receiver.translated] == ["second"]
    assert receiver.statuses == [418]
    assert receiver.refused[0].method == "MKWORKSPACE"


# A parser that stops for an upgrade


@pytest.mark.parametrize("completes", [True, False])
@pytest.mark.parametrize(
    ("head", "framing"),
    [
        (POST[:-2] + OFFER + b"\r\n", Framing(5, False)),
        (PUT[:-2] + OFFER + b"\r\n", CHUNKED),
    ],
    ids=["sized", "chunked"],
)
def test_a_parser_that_stops_at_a_head_is_resumed(head: bytes, framing: Framing, completes: bool) -> None:
    stops = ParseError("an upgrade")
    calls = [*told(head), "on_message_complete"] if completes else told(head)
    receiver = reading([[*calls, stops]], method=head.split()[0])
    receiver.resumes = True
    receiver.feed(head)
    assert receiver.resumed == [(stops, framing)]
    assert receiver.reader.parsing.state is BODY
    assert receiver.exchanges[0].calls == ["announced", "await"]
    assert receiver.exchanges[0].head.upgrade == "h2c"


def test_a_parser_that_stops_at_a_head_without_a_body_is_resumed() -> None:
    stops = ParseError("an upgrade")
    head = GET[:-2] + OFFER + b"\r\n"
    receiver = reading([[*told(head), "on_message_complete", stops]])
    receiver.resumes = True
    receiver.feed(head)
    assert receiver.resumed == [(stops, None)]
    assert receiver.queue.waiting == receiver.exchanges
    assert receiver.reader.parsing.state is IDLE


@pytest.mark.parametrize("where", ["in the head", "a refusal", "no upgrade"])
def test_a_parser_that_fails_is_not_resumed(where: str) -> None:
    calls = told(GET)[:2] if where == "in the head" else [*told(GET), "on_message_complete"]
    receiver = reading([[*calls, BadRequest() if where == "a refusal" else ParseError()]])
    receiver.resumes = where != "no upgrade"
    receiver.feed(GET)
    assert len(receiver.resumed) == (where == "no upgrade")
    assert receiver.statuses == [400 if where == "a refusal" else 418]


# Two readings that differ


@pytest.mark.parametrize(
    ("script", "data", "server", "parser"),
    [
        pytest.param([[]], GET, "read a whole head", "has not come to its end", id="says nothing"),
        pytest.param([told(GET)[:-1]], GET, "read a whole head", "has not come to its end", id="half a head"),
        pytest.param(
            [[*told(GET.replace(b"/get", b"/other")), "on_message_complete"]],
            GET,
            "has read one head",
            "has read another target, or other fields",
            id="another target",
        ),
        pytest.param(
            [[*told(GET.replace(b": a", b": b")), "on_message_complete"]],
            GET,
            "has read one head",
            "has read another target, or other fields",
            id="another value",
        ),
        pytest.param(
            [told(GET)],
            GET,
            "read that it ends after 0 bytes of content",
            "waits for more after 0",
            id="waits for a body",
        ),
        pytest.param(
            [[*told(POST), "on_message_complete"]],
            POST,
            "read that it ends after 5 bytes of content",
            "ends it after 0",
            id="no body",
        ),
        pytest.param(
            [told(POST), [("on_body", b"hell"), "on_message_complete"]],
            POST + b"hello",
            "read that it ends after 5 bytes of content",
            "ends it after 4",
            id="short",
        ),
        pytest.param(
            [told(POST), [("on_body", b"hello!"), "on_message_complete"]],
            POST + b"hello",
            "read that it ends after 5 bytes of content",
            "ends it after 6",
            id="long",
        ),
        pytest.param(
            [told(POST), [("on_body", b"hello")]],
            POST + b"hello",
            "read that it ends after 5 bytes of content",
            "waits for more after 5",
            id="no end",
        ),
        pytest.param(
            [told(PUT), [("on_body", b"hello"), "on_message_complete"]],
            PUT + b"5\r\nhello\r\n",
            "has not come to its last chunk",
            "ends it after 5",
            id="before the last chunk",
        ),
        pytest.param(
            [told(PUT), [("on_body", b"hello")]],
            PUT + b"5\r\nhello\r\n0\r\n\r\n",
            "read its last chunk after 5 bytes of content",
            "waits for more after 5",
            id="behind the last chunk",
        ),
        pytest.param(
            [told(PUT), [("on_body", b"hell"), "on_message_complete"]],
            PUT + b"5\r\nhello\r\n0\r\n\r\n",
            "read its last chunk after 5 bytes of content",
            "ends it after 4",
            id="loses a byte of a chunk",
        ),
        pytest.param(
            [[*told(GET), "on_message_complete", ("on_body", b"x")]],
            GET,
            "has come to the end",
            "tells of a body",
            id="a body behind the end",
        ),
        pytest.param(
            [told(POST), [("on_body", b"he")], [("on_body", b"llo"), *CHUNKS_TOLD[1][2:]]],
            [POST, b"he", b"llo"],
            "read no trailer section",
            "tells of trailer fields",
            id="trailers of a sized body",
        ),
        pytest.param(
            [told(POST), [("on_body", b"hello"), *CHUNKS_TOLD[1][2:]]],
            POST + b"hello",
            "read no trailer section",
            "tells of trailer fields",
            id="trailers of a whole body",
        ),
    ],
)
def test_a_parser_that_reads_another_message_is_refused(
    script: list[Any], data: Any, server: str, parser: str, caplog: pytest.LogCaptureFixture
) -> None:
    pieces = [data] if isinstance(data, bytes) else data
    receiver = reading(script, method=pieces[0].split()[0])
    receiver.feed(*pieces)
    [error] = receiver.errors
    assert isinstance(error, Disagreement)
    assert (error.server, error.parser) == (server, parser)
    # Who logs it is the connection. It names the request that it is about.
    assert receiver.refused[0].target == pieces[0].split()[1]
    assert [record for record in caplog.records if record.levelno > logging.DEBUG] == []
    assert receiver.queue.waiting == []


@pytest.mark.parametrize("said", [{"method": b"HEAD"}, {"version": "1.0"}])
def test_a_parser_that_reads_another_request_line_is_refused(said: dict[str, Any]) -> None:
    receiver = reading(NO_BODY_TOLD)
    vars(receiver.parser).update(said)
    receiver.feed(GET)
    [error] = receiver.errors
    assert isinstance(error, Disagreement)
    assert error.parser == "has read another method, or another version"


def test_parser_calls_outside_a_message_are_dropped() -> None:
    script = [
        [*told(GET), "on_message_complete", ("on_header", b"X-Stray", b"1")],
        told(PUT),
        [("on_body", b"hello"), ("on_body", b"!"), "on_message_complete"],
    ]
    receiver = reading(script, get_method=lambda: receiver.parser.fed[-1].split()[0])
    receiver.feed(GET, PUT + CHUNKS)
    assert receiver.errors == []
    assert receiver.exchanges[1].trailers == []


@pytest.mark.parametrize("calls", [["on_message_begin"], ["on_headers_complete"], ["on_message_complete"]])
def test_a_parser_that_breaks_the_order_of_its_calls_has_a_bug(
    calls: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    receiver = reading([[*told(GET), "on_message_complete", *calls]])
    receiver.feed(GET)
    assert receiver.statuses == [500]
    assert len(error_records(caplog)) == 1


# Heads that come again


def test_a_head_that_comes_again_is_judged_once_and_told_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    receiver = reading(NO_BODY_TOLD * 5)
    asked = []
    receiver.parser.get_method = lambda: asked.append("method") or b"GET"
    receiver.feed(*[GET] * 2)
    heads = [exchange.head for exchange in receiver.exchanges]
    monkeypatch.setattr("kyoukai.core.http1.reader.judge", None)
    receiver.feed(*[GET] * 3)
    assert receiver.errors == []
    assert receiver.parser.fed == [GET] * 5
    assert [exchange.head for exchange in receiver.exchanges] == [heads[0]] * 5
    assert receiver.exchanges[-1].head is heads[1]
    # What it says of the same bytes is the same.
    assert asked == ["method"] * 2


def test_known_head_may_be_reported_in_an_equivalent_form() -> None:
    other = [[*told(GET.replace(b"Host: a", b"host: a")), "on_message_complete"]]
    receiver = reading(NO_BODY_TOLD * 3 + other * 2 + NO_BODY_TOLD)
    receiver.feed(*[GET] * 6)
    assert receiver.errors == []
    assert [exchange.head.fields for exchange in receiver.exchanges] == [[(b"Host", b"a")]] * 6


def test_a_parser_that_takes_one_message_is_replaced() -> None:
    receiver = reading(*[NO_BODY_TOLD] * 5, keeps_alive=False)
    receiver.feed(*[GET] * 5)
    assert [parser.fed for parser in receiver.parsers] == [[GET]] * 5
    assert receiver.errors == []


def test_a_parser_that_ends_with_a_trailer_field_is_replaced() -> None:
    receiver = reading(CHUNKS_TOLD, NO_BODY_TOLD)
    first = receiver.parser
    first.method = b"PUT"
    # It takes a trailer field for a header field.
    first.should_keep_alive = lambda: len(first.fed) == 1
    receiver.feed(PUT + CHUNKS, GET)
    assert [parser.fed for parser in receiver.parsers] == [[PUT, CHUNKS], [GET]]
    assert receiver.errors == []
    assert receiver.exchanges[0].keep_alive is True


# Parsers that take the head as the server has read it


class BodyParser:
    """Reads bodies alone. It has no other methods."""

    def __init__(self, calls: Any) -> None:
        self.calls = calls
        self.heads: list[RequestHead] = []
        self.fed: list[bytes] = []
        self.left: int | None = 0
        self.buffer = b""
        self.raises: BaseException | None = None

    def begin_message(self, head: RequestHead) -> None:
        self.heads.append(head)
        self.left = head.body_size
        if self.raises is not None:
            raise self.raises

    def feed_data(self, data: bytes, /) -> None:
        self.fed.append(data)
        if self.left is not None:
            self.left -= len(data)
            self.calls.on_body(data)
            if not self.left:
                self.calls.on_message_complete()
            return
        # It knows one chunked body.
        self.buffer += data
        if self.buffer == CHUNKS:
            self.buffer = b""
            self.calls.on_body(b"hello")
            self.calls.on_body(b"!")
            self.calls.on_header(b"X-Sum", b" 1")
            self.calls.on_message_complete()


def test_a_parser_may_take_the_head_and_get_bodies_alone() -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.feed(GET + POST + b"hello" + PUT + CHUNKS + GET + POST, b"he", b"llo")
    assert receiver.errors == []
    [parser] = receiver.parsers
    assert [head.target for head in parser.heads] == [b"/get", b"/post", b"/put", b"/get", b"/post"]
    assert all(head.is_accepted for head in parser.heads)
    assert parser.fed == [b"hello", CHUNKS, b"he", b"llo"]
    assert [exchange.calls for exchange in receiver.exchanges] == [
        ["queued"],
        ["content", "queued"],
        ["announced", "end"],
        ["queued"],
        ["announced", "await", "await", "end"],
    ]
    assert [exchange.content for exchange in receiver.exchanges] == [b"", b"hello", b"hello!", b"", b"hello"]
    assert [exchange.head for exchange in receiver.exchanges] == parser.heads
    assert receiver.reader.parsing.state is IDLE


def test_trailers_are_read_byte_by_byte_and_kept_apart() -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.feed(*bytewise(PUT + CHUNKS + POST + b"hello" + PUT + CHUNKS))
    assert receiver.errors == []
    assert [exchange.trailers for exchange in receiver.exchanges] == [
        [(b"X-Sum", b"1")],
        [],
        [(b"X-Sum", b"1")],
    ]
    assert len(receiver.parsers) == 1


def test_repeated_heads_reach_the_body_parser_again() -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.feed(*[GET] * 5)
    [parser] = receiver.parsers
    assert len(parser.heads) == len(receiver.queue.waiting) == 5
    assert GET in receiver.server.heads


def test_refused_head_does_not_reach_the_body_parser() -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.feed(b"GET / HTTP/1.1\r\n\r\n")
    assert receiver.statuses == [400]
    assert receiver.parser.heads == []


@pytest.mark.parametrize(
    ("raised", "status", "logged"),
    [(ParseError("x"), 418, False), (BadRequest(), 400, False), (TypeError("x"), 500, True)],
    ids=["its own", "the server's", "a bug"],
)
@pytest.mark.parametrize("head", [GET, POST])
def test_body_parser_may_refuse_a_head(
    raised: Exception, status: int, logged: bool, head: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.parser.raises = raised
    receiver.feed(head)
    assert receiver.statuses == [status]
    assert receiver.refused[0].target == head.split()[1]
    assert not receiver.refused[0].is_accepted
    assert bool(error_records(caplog)) is logged


@pytest.mark.parametrize("raises", [True, False])
def test_upgrade_offer_reaches_the_body_parser(raises: bool) -> None:
    receiver = FakeReceiver(BodyParser)
    receiver.resumes = True
    if raises:
        receiver.parser.raises = ParseError("an upgrade")
    receiver.feed(GET[:-2] + OFFER + b"\r\n", POST[:-2] + OFFER + b"\r\n", b"hello")
    assert receiver.errors == []
    assert [exchange.head.upgrade for exchange in receiver.exchanges] == ["h2c", "h2c"]
    assert receiver.exchanges[1].content == b"hello"
    assert [framing for _, framing in receiver.resumed] == ([None, Framing(5, False)] if raises else [])


@pytest.mark.parametrize(
    ("left", "parser"),
    [(4, "waits for more after 5"), (-1, "ends it after 4"), (6, "waits for more after 5")],
)
def test_body_parser_must_find_the_same_end(left: int, parser: str) -> None:
    class Errs(BodyParser):
        def feed_data(self, data: bytes, /) -> None:
            if left < 0:
                data = data[:left]
            self.calls.on_body(data)
            if left < 0:
                self.calls.on_message_complete()

    receiver = FakeReceiver(Errs)
    receiver.feed(POST + b"hello")
    [error] = receiver.errors
    assert isinstance(error, Disagreement)
    assert (error.server, error.parser) == ("read that it ends after 5 bytes of content", parser)


def test_head_events_of_the_body_parser_are_ignored() -> None:
    class Tells(BodyParser):
        def begin_message(self, head: RequestHead) -> None:
            self.calls.on_url(b"/other")
            self.calls.on_header(b"X-Sum", b"0")
            super().begin_message(head)

    receiver = FakeReceiver(Tells)
    receiver.feed(GET + PUT + CHUNKS + POST, b"hello" + GET)
    assert receiver.errors == []
    assert [exchange.head.target for exchange in receiver.exchanges] == [b"/get", b"/put", b"/post", b"/get"]
    assert [exchange.trailers for exchange in receiver.exchanges] == [None, [(b"X-Sum", b"1")], [], None]


def test_body_parser_may_not_begin_a_message(caplog: pytest.LogCaptureFixture) -> None:
    class Errs(BodyParser):
        def begin_message(self, head: RequestHead) -> None:
            self.calls.on_message_begin()

    receiver = FakeReceiver(Errs)
    receiver.feed(GET)
    assert receiver.statuses == [500]
    assert len(error_records(caplog)) == 1


def test_each_new_parser_is_checked_for_receive_head() -> None:
    made = iter([BodyParser, lambda calls: FakeParser(calls, [list(step) for step in NO_BODY_TOLD])])
    receiver = FakeReceiver(lambda calls: next(made)(calls))
    receiver.feed(GET)
    receiver.reader.parsing.make_parser()
    receiver.feed(GET)
    first, second = receiver.parsers
    assert (len(first.heads), first.fed, second.fed) == (1, [], [GET])
    assert receiver.errors == []


def test_the_time_of_a_head_does_not_run_on_for_its_body() -> None:
    receiver = reading(BODY_TOLD, method=b"POST")
    receiver.feed(POST[:9])
    assert receiver.reader.deadline is not NEVER
    receiver.feed(POST[9:])
    assert (receiver.reader.parsing.state, receiver.reader.deadline) == (BODY, NEVER)


def test_reported_body_of_a_bodyless_message_is_a_disagreement() -> None:
    receiver = reading([[*told(GET), ("on_body", b"x"), "on_message_complete"]])
    receiver.feed(GET)
    assert receiver.statuses == [400]

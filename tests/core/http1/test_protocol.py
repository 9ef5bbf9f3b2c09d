"""Where a message ends is read by the core: what parsers are given, and what one that errs can do."""

import asyncio
import gzip
import logging
import re
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from kyoukai.core.errors import BadRequest
from kyoukai.core.http1.protocol import HTTPProtocol
from kyoukai.core.http1.states import ARRIVING, BODY, IDLE
from kyoukai.core.limits import Limits
from kyoukai.core.serving.server_state import Server
from kyoukai.testing.recorder import RecordingApplication, Seen
from kyoukai.testing.transport import MemoryTransport
from tests.logged import unnumbered

from ...serving import error_records

GET = b"GET /get HTTP/1.1\r\nHost: a\r\n\r\n"
POST_HEAD = b"POST /post HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"
POST = POST_HEAD + b"hello"
CHUNKED_HEAD = b"PUT /put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
CHUNKED_BODY = b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"
GZIP_BODY = gzip.compress(b"hello", mtime=0)
GZIP_HEAD = b"PUT /put HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(
    GZIP_BODY
)

TURNS = 20
"""Turns of the loop after which a request that waits for nothing is answered."""


class LaxParser:
    """A parser that takes whatever looks like a request. Lines end in CRLF, LF or CR."""

    fed: list[bytes]

    def __init__(self, protocol: HTTPProtocol) -> None:
        self.protocol = protocol
        self.fed = protocol.fed  # type: ignore[attr-defined]
        self.left: int | None = None
        self.is_chunked = False
        self.taken = 0
        self.method = b""
        self.version = ""

    def body_size(self, length: int) -> int:
        """Return how many bytes of body it takes where so many were announced."""
        return length

    def feed_data(self, data: bytes, /) -> None:
        self.fed.append(data)
        if self.left is None:
            self.feed_head(data)
        else:
            self.feed_body(data)

    def feed_head(self, data: bytes) -> None:
        lines = re.split(rb"\r\n|\r|\n", data)
        request_line = next(line for line in lines if line)
        self.method, target, version = request_line.split()
        self.version = version[5:].decode()
        protocol = self.protocol
        protocol.on_message_begin()
        protocol.on_url(target)
        length = 0
        self.is_chunked = False
        for line in lines[lines.index(request_line) + 1 :]:
            name, _, value = line.partition(b":")
            if name:
                protocol.on_header(name.strip(), value.strip())
            if name.strip().lower() == b"content-length":
                length = int(value)
            if name.strip().lower() == b"transfer-encoding":
                length, self.is_chunked = len(CHUNKED_BODY), True
        protocol.on_headers_complete()
        self.left, self.taken = self.body_size(length), 0
        self.end_if_nothing_is_left()

    def feed_body(self, data: bytes) -> None:
        assert self.left is not None
        body = data[: self.left]
        self.taken += len(body)
        self.left -= len(body)
        if not self.is_chunked:
            self.protocol.on_body(body)
        elif not self.left:
            # It knows one chunked body.
            self.protocol.on_body(b"hello")
            if self.taken == len(CHUNKED_BODY):
                self.protocol.on_body(b"!")
                self.protocol.on_header(b"X-Sum", b"1")
        self.end_if_nothing_is_left()

    def end_if_nothing_is_left(self) -> None:
        if self.left == 0:
            self.left = None
            self.protocol.on_message_complete()

    def get_method(self) -> bytes:
        return self.method

    def get_http_version(self) -> str:
        return self.version

    def should_keep_alive(self) -> bool:
        return True


class Result(NamedTuple):
    """What came of a connection."""

    statuses: list[int]
    seen: list[Seen]
    fed: list[bytes]
    closed: bool
    received: bytes


class Conversation:
    """A connection in memory, over a parser of the test's. Its clock stands still."""

    application: Any

    def __init__(
        self,
        parser: Any,
        limits: Limits | None = None,
        server: Server | None = None,
        application: Any = None,
    ) -> None:
        class TestedProtocol(HTTPProtocol):
            fed: list[bytes]

            def make_parser(self) -> Any:
                return parser(self)

        self.application = application or RecordingApplication()
        self.server = server or Server(limits)
        self.protocol = TestedProtocol(
            SimpleNamespace(app=self.application, server=self.server),  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            "127.0.0.1",
            80,
        )
        self.protocol.fed = []
        self.transport = MemoryTransport(self.protocol)
        self.transport.connect()

    async def send(self, *pieces: bytes, turns: int = TURNS) -> None:
        for piece in pieces:
            self.transport.feed(piece)
            await self.let_turn(turns)

    async def let_turn(self, turns: int = TURNS) -> None:
        for _ in range(turns):
            await asyncio.sleep(0)

    async def leave(self) -> Result:
        await self.let_turn()
        closed = self.transport.ended
        self.transport.feed_eof()
        await self.let_turn()
        assert self.transport.closed
        assert self.transport.failure is None
        assert not self.server.connections
        received = bytes(self.transport.received)
        statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", received)]
        seen = getattr(self.application, "seen", [])
        return Result(statuses, seen, self.protocol.fed, closed, received)


def converse_by_every_cutting(
    parser: Any, data: bytes, limits: Limits | None = None, turns: int = TURNS
) -> list[Result]:
    """Send ``data`` whole, byte by byte, and in two at every position; return what came of each."""
    cut_in_two = ([data[:i], data[i:]] for i in range(1, len(data)))

    async def run() -> list[Result]:
        results = []
        for pieces in ([data], bytewise(data), *cut_in_two):
            conversation = Conversation(parser, limits)
            await conversation.send(*pieces, turns=turns)
            results.append(await conversation.leave())
        return results

    return asyncio.run(run())


def converse(parser: Any, *pieces: bytes, limits: Limits | None = None, turns: int = TURNS) -> Result:
    """Send the pieces, and return what came of it."""

    async def run() -> Result:
        conversation = Conversation(parser, limits)
        await conversation.send(*pieces, turns=turns)
        return await conversation.leave()

    return asyncio.run(run())


def bytewise(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


# What a parser is given


def test_requests_are_served_by_any_parser_that_agrees() -> None:
    for result in converse_by_every_cutting(LaxParser, POST + GET + CHUNKED_HEAD + CHUNKED_BODY + GET):
        assert result.statuses == [200] * 4
        assert [seen.target for seen in result.seen] == ["/post", "/get", "/put", "/get"]
        assert [seen.body for seen in result.seen] == [b"hello", b"", b"hello!", b""]
        assert result.seen[2].trailers == (("X-Sum", "1"),)
        assert result.closed is False


@pytest.mark.parametrize("before", [b"", b"\r\n", b"\r\n\r\n"])
def test_a_parser_is_given_whole_heads_and_of_a_body_exactly_its_bytes(before: bytes) -> None:
    data = before + POST + before + CHUNKED_HEAD + CHUNKED_BODY + before + GET
    for result in converse_by_every_cutting(LaxParser, data, turns=1):
        fed = result.fed
        heads = [piece for piece in fed if piece.endswith(b"\r\n\r\n") and b" HTTP/1.1\r\n" in piece]
        assert heads == [POST_HEAD, CHUNKED_HEAD, GET]
        first, second, third = (fed.index(head) for head in heads)
        assert b"".join(fed[first + 1 : second]) == b"hello"
        assert b"".join(fed[second + 1 : third]) == CHUNKED_BODY
        assert third == len(fed) - 1


def test_one_request_in_one_piece_is_not_copied() -> None:
    result = converse(LaxParser, GET)
    assert result.fed[0] is GET


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\nHost: a\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\n",
        b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
        b"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\rHost: a\r\r",
        b"GET / HTTP/1.1\r\nHost: a\r\n X: y\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nX: \x00\r\n\r\n",
    ],
)
def test_lax_parser_never_sees_refused_input(data: bytes) -> None:
    for result in converse_by_every_cutting(LaxParser, data + GET):
        assert result.fed == []
        assert result.statuses == [400]
        assert b"\r\nConnection: close\r\n" in result.received
        assert result.closed is True
    # It would have.
    parser = LaxParser(SimpleNamespace(**{name: lambda *_: None for name in CALLS}, fed=[]))  # type: ignore[arg-type]
    parser.feed_data(data)
    assert parser.fed == [data]


CALLS = ("on_message_begin", "on_url", "on_header", "on_headers_complete", "on_body", "on_message_complete")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"5\nhello\n0\n\n", 400),
        (b"5\r\nhello\n0\r\n\r\n", 400),
        (b"5 \r\nhello\r\n0\r\n\r\n", 400),
        (b"5;\r\nhello\r\n0\r\n\r\n", 400),
        (b"0x5\r\nhello\r\n0\r\n\r\n", 400),
        (b"5\r\nhello\r\n0\r\nGET / HTTP/1.1\r\n\r\n", 400),
        (b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n", 400),
        (b"b\r\nhello world\r\n0\r\n\r\n", 413),
        (b"5\r\nhello\r\n5\r\nworld\r\n1\r\n", 413),
    ],
)
def test_no_parser_decides_how_a_body_is_made(body: bytes, status: int) -> None:
    for result in converse_by_every_cutting(LaxParser, CHUNKED_HEAD + body + GET, Limits(max_body_size=10)):
        assert result.statuses == [status]
        assert result.seen == []
        assert result.closed is True


def test_input_after_a_refusal_is_not_parsed() -> None:
    for result in converse_by_every_cutting(LaxParser, GET + b"x\r\n" + GET):
        assert (result.statuses, result.fed) == ([200, 400], [GET])


def test_input_after_the_last_request_is_not_parsed() -> None:
    last = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    for result in converse_by_every_cutting(LaxParser, last + GET):
        assert (result.statuses, result.fed, result.closed) == ([200], [last], True)


# A parser that finds another end


class EndsLate(LaxParser):
    """Takes the first byte of the next message for the body's last one."""

    def body_size(self, length: int) -> int:
        return length + 1


class EndsEarly(LaxParser):
    """Takes a body for shorter than it is, and the rest of it for nothing."""

    def body_size(self, length: int) -> int:
        return length // 2


class ReadsNoBodies(LaxParser):
    """Ends each message with its head."""

    def body_size(self, length: int) -> int:
        return 0


class TakesTheRest(EndsEarly):
    """Takes a body for shorter than it is, and the rest of it for the next request."""

    def feed_body(self, data: bytes) -> None:
        rest = data[self.left :]
        super().feed_body(data)
        if rest:
            self.protocol.on_message_begin()
            self.protocol.on_url(rest)


class NeverEnds(LaxParser):
    """Tells of heads, and of no message's end."""

    def end_if_nothing_is_left(self) -> None:
        pass


class SaysNothing(LaxParser):
    """Reads, and calls nothing."""

    def feed_data(self, data: bytes, /) -> None:
        self.fed.append(data)


class NeverBegins(LaxParser):
    """Tells of a target out of nowhere."""

    def feed_head(self, data: bytes) -> None:
        self.protocol.on_url(b"/")


def check_refused(result: Result, served: int, statuses: tuple[int, ...] = (400,)) -> None:
    """Check that the connection ended with a refusal, after ``served`` requests at most."""
    assert result.closed is True
    assert result.statuses[-1] in statuses
    assert result.statuses[:-1] == [200] * len(result.seen)
    assert len(result.seen) <= served
    assert result.received.count(b"\r\nConnection: close\r\n") == 1


@pytest.mark.parametrize("head_and_body", [(POST_HEAD, b"hello"), (CHUNKED_HEAD, CHUNKED_BODY), (GET, b"")])
@pytest.mark.parametrize("parser", [EndsLate, NeverEnds, SaysNothing, NeverBegins])
def test_a_parser_that_ends_a_message_late(
    parser: Any, head_and_body: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    data = b"".join(head_and_body)
    for result in converse_by_every_cutting(parser, data + GET):
        check_refused(result, served=0)
        assert b"not certain where the message ends" in result.received
        assert GET not in result.fed[1:]
    # A disagreement is the client's fault or the parser's: nobody can tell.
    assert error_records(caplog) == []


@pytest.mark.parametrize(
    ("parser", "data", "ends"),
    [
        (EndsLate, POST, "POST '/post'|read that it ends after 5 bytes of content|waits for more after 5"),
        (NeverEnds, POST, "POST '/post'|read that it ends after 5 bytes of content|waits for more after 5"),
        (EndsEarly, POST, "POST '/post'|read that it ends after 5 bytes of content|ends it after 2"),
        (
            EndsEarly,
            CHUNKED_HEAD + CHUNKED_BODY,
            "PUT '/put'|read its last chunk after 6 bytes of content|ends it after 5",
        ),
        (
            ReadsNoBodies,
            CHUNKED_HEAD + CHUNKED_BODY[:3],
            "PUT '/put'|has not come to its last chunk|ends it after 0",
        ),
        (NeverEnds, GET, "GET '/get'|read that it ends after 0 bytes of content|waits for more after 0"),
        (ReadsNoBodies, POST, "POST '/post'|read that it ends after 5 bytes of content|ends it after 0"),
        (SaysNothing, GET, "GET '/get'|read a whole head|has not come to its end"),
        (NeverBegins, GET, "GET '/get'|read a whole head|has not come to its end"),
    ],
)
def test_a_disagreement_is_one_line_of_the_log_with_both_ends(
    parser: Any, data: bytes, ends: str, caplog: pytest.LogCaptureFixture
) -> None:
    check_refused(converse(parser, data), served=0)
    request, server, told = ends.split("|")
    text = f"refusing {request}, as it is not certain where it ends: the server {server}, the parser {told}"
    assert [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "kyoukai.protocol"
    ] == [("WARNING", text)]


EARLY = pytest.mark.parametrize(
    ("head", "body"),
    [
        pytest.param(POST_HEAD, b"hello", id="sized"),
        pytest.param(CHUNKED_HEAD, CHUNKED_BODY, id="chunked"),
        # GHSA-9298-4cf8-g4wj: what one reads as a body, the other one as a request.
        pytest.param(POST_HEAD.replace(b"5", b"%d" % len(GET)), GET, id="request-for-a-body"),
    ],
)


@EARLY
@pytest.mark.parametrize("parser", [EndsEarly, ReadsNoBodies])
def test_a_parser_that_ends_a_message_early(parser: Any, head: bytes, body: bytes) -> None:
    for result in converse_by_every_cutting(parser, head + body + GET):
        check_refused(result, served=1)
        assert b"not certain where the message ends" in result.received


@EARLY
def test_a_parser_that_takes_the_rest_of_a_body_for_a_request(head: bytes, body: bytes) -> None:
    for result in converse_by_every_cutting(TakesTheRest, head + body + GET):
        check_refused(result, served=1, statuses=(400, 500))


def test_a_parser_that_ends_a_message_before_all_of_it_has_come(
    caplog: pytest.LogCaptureFixture,
) -> None:
    result = converse(EndsEarly, POST_HEAD + b"hel", b"lo" + GET)
    check_refused(result, served=1)
    assert error_records(caplog) == []


# A parser that breaks the order of its calls


class TwoInOne(LaxParser):
    """Takes each head for two requests."""

    def feed_head(self, data: bytes) -> None:
        super().feed_head(data)
        super().feed_head(data)


class TwoInABody(LaxParser):
    """Takes a body for a request as soon as it is whole."""

    def feed_body(self, data: bytes) -> None:
        super().feed_body(data)
        if self.left is None:
            self.feed_head(GET)


class BeginsTwice(LaxParser):
    """Begins each message twice."""

    def feed_head(self, data: bytes) -> None:
        self.protocol.on_message_begin()
        super().feed_head(data)


class CompletesTwice(LaxParser):
    """Ends each message twice."""

    def end_if_nothing_is_left(self) -> None:
        if self.left == 0:
            self.protocol.on_message_complete()
        super().end_if_nothing_is_left()


class CompletesTheHeadTwice(LaxParser):
    """Tells of each head's end twice."""

    def end_if_nothing_is_left(self) -> None:
        self.protocol.on_headers_complete()


class BeginsInTheBody(LaxParser):
    """Begins a message where another one's body is."""

    def feed_body(self, data: bytes) -> None:
        self.protocol.on_message_begin()


class CompletesWithoutAHead(LaxParser):
    """Ends a message that has no head."""

    def feed_head(self, data: bytes) -> None:
        self.protocol.on_message_begin()
        self.protocol.on_message_complete()


class Fails(LaxParser):
    """Raises what no parser should."""

    def feed_head(self, data: bytes) -> None:
        raise ZeroDivisionError


@pytest.mark.parametrize(
    ("parser", "request_bytes", "served"),
    [
        pytest.param(TwoInOne, GET, 1, id="two-in-one-head"),
        pytest.param(TwoInABody, POST, 1, id="two-in-one-body"),
        pytest.param(BeginsTwice, GET, 0, id="begins-twice"),
        pytest.param(CompletesTwice, GET, 1, id="completes-twice"),
        pytest.param(CompletesTheHeadTwice, POST, 0, id="completes-the-head-twice"),
        pytest.param(BeginsInTheBody, POST, 0, id="begins-in-a-body"),
        pytest.param(CompletesWithoutAHead, GET, 0, id="completes-without-a-head"),
        pytest.param(Fails, GET, 0, id="fails"),
    ],
)
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte-by-byte"])
def test_a_parser_that_breaks_the_order_of_its_calls(
    parser: Any, request_bytes: bytes, served: int, cut: Any, caplog: pytest.LogCaptureFixture
) -> None:
    result = converse(parser, *cut(request_bytes + GET))
    check_refused(result, served, (500,))
    assert len(error_records(caplog)) == 1
    assert error_records(caplog)[0].levelno == logging.ERROR


def test_a_parser_that_refuses_what_the_core_takes() -> None:
    class Refuses(LaxParser):
        def feed_head(self, data: bytes) -> None:
            raise BadRequest("Nobody may know why.")

    for result in converse_by_every_cutting(Refuses, POST + GET):
        assert (result.statuses, result.closed, len(result.fed)) == ([400], True, 1)


def test_a_parser_that_takes_no_more_requests_is_replaced() -> None:
    made = []

    class OneMessage(LaxParser):
        def __init__(self, protocol: HTTPProtocol) -> None:
            super().__init__(protocol)
            made.append(self)
            self.messages = 0

        def feed_head(self, data: bytes) -> None:
            assert not self.messages, "it was spent"
            self.messages += 1
            super().feed_head(data)

        def should_keep_alive(self) -> bool:
            return False

    result = converse(OneMessage, POST + GET, GET)
    assert result.statuses == [200] * 3
    assert result.closed is False
    assert len(made) == 3


# Heads that come again


@pytest.mark.parametrize(
    "request_bytes",
    [
        GET,
        b"HEAD /%61?b=%61 HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\nA_B: 3\r\n\r\n",
        b"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.0\r\nConnection: keep-alive\r\nUpgrade: x\r\n\r\n",
        b"GET / HTTP/1.9\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        POST,
        CHUNKED_HEAD + CHUNKED_BODY,
        GZIP_HEAD + GZIP_BODY,
        b"POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\ny",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_repeated_request_is_unchanged(request_bytes: bytes) -> None:
    for result in converse_by_every_cutting(LaxParser, request_bytes * 4 + GET):
        assert result.statuses == [200] * 5
        assert result.seen[1:4] == [result.seen[0]] * 3
        assert result.seen[4].target == "/get"


@pytest.mark.parametrize(
    ("head", "bodies"),
    [
        (POST_HEAD, [b"hello", b"world", b"\r\n\r\n!", b"GET /"]),
        (POST_HEAD[:-2] + b"Expect: 100-continue\r\n\r\n", [b"hello", b"world", b"again", b"after"]),
    ],
)
def test_a_head_that_comes_again_with_another_body(head: bytes, bodies: list[bytes]) -> None:
    alone = [converse(LaxParser, head + body).seen[0] for body in bodies]
    sent = b"".join(head + body for body in bodies)
    for result in converse_by_every_cutting(LaxParser, sent + GET):
        assert [status for status in result.statuses if status != 100] == [200] * 5
        assert result.seen[:4] == alone


def test_an_expectation_that_comes_again_is_met_again() -> None:
    async def run() -> None:
        conversation = Conversation(LaxParser)
        head = POST_HEAD[:-2] + b"Expect: 100-continue\r\n\r\n"
        for number in range(4):
            await conversation.send(head)
            assert conversation.transport.received.count(b"HTTP/1.1 100 Continue") == number + 1
            await conversation.send(b"hell%d" % number)
        assert head in conversation.server.heads
        result = await conversation.leave()
        assert [seen.body for seen in result.seen] == [b"hell%d" % number for number in range(4)]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: a \r\nX : y\r\n\r\n", 400),
    ],
)
def test_refusal_is_repeated_for_a_repeated_request(request_bytes: bytes, status: int) -> None:
    async def run() -> None:
        server = Server()
        for _ in range(4):
            conversation = Conversation(LaxParser, server=server)
            await conversation.send(request_bytes)
            assert (await conversation.leave()).statuses == [status]
        assert not server.heads

    asyncio.run(run())


def test_a_head_that_comes_again_closes_again() -> None:
    async def run() -> None:
        server = Server()
        for _ in range(4):
            conversation = Conversation(LaxParser, server=server)
            await conversation.send(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
            result = await conversation.leave()
            assert (result.statuses, result.closed) == ([200], True)

    asyncio.run(run())


@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
@pytest.mark.parametrize(
    ("told", "difference"),
    [
        ((b"/get", b"/other"), "another target, or other fields"),
        ((b"Host: a", b"Host: b"), "another target, or other fields"),
        ((b"Host: a", b"Hast: a"), "another target, or other fields"),
        ((b"Host: a\r\n", b"Host: a\r\nHost: a\r\n"), "another target, or other fields"),
        ((b"Host: a\r\n", b""), "another target, or other fields"),
    ],
)
def test_parser_with_a_different_head_is_always_refused(
    number: int, told: tuple[bytes, bytes], difference: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Changes(LaxParser):
        def feed_head(self, data: bytes) -> None:
            super().feed_head(data.replace(*told) if len(self.fed) == number else data)

    result = converse(Changes, *[GET] * 5)
    check_refused(result, served=number - 1)
    assert [seen.target for seen in result.seen] == ["/get"] * (number - 1)
    text = "refusing GET '/get', as it is not certain where it ends: the server has read one head, the parser"
    assert [
        (record.levelname, record.getMessage())
        for record in caplog.records
        if record.name == "kyoukai.protocol"
    ] == [("WARNING", f"{text} has read {difference}")]


@pytest.mark.parametrize(
    "told",
    [(b"GET", b"PUT"), (b"GET", b"get"), (b"HTTP/1.1", b"HTTP/1.0")],
    ids=["method", "case", "version"],
)
def test_a_parser_that_reads_another_request_line_is_refused(
    told: tuple[bytes, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    class Changes(LaxParser):
        def feed_head(self, data: bytes) -> None:
            super().feed_head(data.replace(*told))

    for result in converse_by_every_cutting(Changes, GET + GET):
        check_refused(result, served=0)
    records = [record for record in caplog.records if record.name == "kyoukai.protocol"]
    texts = {record.getMessage().partition("the parser ")[2] for record in records}
    assert texts == {"has read another method, or another version"}
    assert {record.levelname for record in records} == {"WARNING"}


@pytest.mark.parametrize("change", [bytes.lower, bytes.upper], ids=["lower", "upper"])
def test_a_parser_may_tell_names_in_another_case_and_leave_white_space(change: Any) -> None:
    class Changes(LaxParser):
        def __init__(self, protocol: Any) -> None:
            super().__init__(protocol)
            on_header = protocol.on_header
            self.protocol = SimpleNamespace(
                **{name: getattr(protocol, name) for name in CALLS if name != "on_header"},
                on_header=lambda name, value: on_header(change(name), b" \t" + value + b" "),
            )

    for result in converse_by_every_cutting(Changes, GET * 3 + CHUNKED_HEAD + CHUNKED_BODY):
        assert result.statuses == [200] * 4
        # What the application sees is as it was sent.
        assert [seen.fields["host"] for seen in result.seen] == ["a"] * 4
        [(name, value)] = result.seen[3].trailers
        assert (name.lower(), value) == ("x-sum", "1")


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
    ],
)
def test_the_policy_speaks_before_a_parser_can_fail(
    head: bytes, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    for result in converse_by_every_cutting(Fails, head + GET):
        assert (result.statuses, result.fed, result.closed) == ([status], [], True)
    assert error_records(caplog) == []


def test_cache_of_heads_is_bounded_and_skips_single_heads() -> None:
    async def run() -> None:
        conversation = Conversation(LaxParser)
        heads = conversation.server.heads
        for number in range(heads.most + 10):
            head = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n" % number
            await conversation.send(head, turns=3)
            assert head not in heads
            await conversation.send(head, turns=3)
            assert head in heads
            assert len(heads) <= heads.most
        large = b"GET / HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"y" * 3000)
        await conversation.send(large, large, large)
        assert large not in heads
        await conversation.leave()

    asyncio.run(run())


# Deadlines, by a clock that the test moves


def body_deadline(protocol: HTTPProtocol) -> float:
    """Return when the body being received is late."""
    assert protocol.reader.exchange is not None
    assert protocol.reader.exchange.body is not None
    return protocol.reader.exchange.body.deadline


def test_the_time_of_a_head_runs_from_the_first_byte_of_its_request_line() -> None:
    async def run() -> Result:
        conversation = Conversation(LaxParser, Limits(head_timeout=10))
        protocol, server = conversation.protocol, conversation.server
        begin = server.clock
        await conversation.send(b"\r\n", b"\r\n\r")
        assert protocol.state is IDLE
        await conversation.send(b"\n", b"G")
        assert protocol.state is ARRIVING
        assert protocol.reader.deadline == begin + 10
        server.clock += 9
        await conversation.send(*bytewise(GET[1:-1]))
        assert protocol.reader.deadline == begin + 10
        protocol.sweep(begin + 9.9)
        assert protocol.state is ARRIVING
        protocol.sweep(begin + 10)
        return await conversation.leave()

    result = asyncio.run(run())
    assert (result.statuses, result.closed, result.fed) == ([408], True, [])


@pytest.mark.parametrize(
    ("limits", "late"),
    [
        # 10 bytes after 6 seconds, 10 more after another 6: which is the first deadline to pass?
        pytest.param({"body_timeout": 10, "min_body_rate": 0}, 12 + 10, id="no-progress"),
        pytest.param({"body_timeout": 10, "min_body_rate": 10}, 10 + 20 / 10, id="too-slow-all-in-all"),
        pytest.param({"body_timeout": 10, "min_body_rate": 1}, 12 + 10, id="fast-enough"),
    ],
)
def test_when_a_body_is_late(limits: dict[str, float], late: float) -> None:
    async def run() -> Result:
        conversation = Conversation(LaxParser, Limits.from_mapping(limits))
        protocol, server = conversation.protocol, conversation.server
        begin = server.clock
        await conversation.send(POST_HEAD.replace(b"5", b"1000"))
        assert protocol.state is BODY
        assert body_deadline(protocol) == begin + 10
        for _ in range(2):
            server.clock += 6
            await conversation.send(b"x" * 10)
        assert body_deadline(protocol) == pytest.approx(begin + late)
        protocol.sweep(begin + late - 0.1)
        assert protocol.state is BODY
        protocol.sweep(begin + late + 0.1)
        return await conversation.leave()

    result = asyncio.run(run())
    assert (result.statuses, result.closed, result.seen) == ([408], True, [])


def test_the_time_of_a_body_does_not_run_while_its_client_waits() -> None:
    async def run() -> Result:
        conversation = Conversation(LaxParser, Limits(body_timeout=10, min_body_rate=100))
        protocol, server, application = (
            conversation.protocol,
            conversation.server,
            conversation.application,
        )
        go = asyncio.Event()
        process_request = application.process_request

        async def wait(*args: Any) -> Any:
            await go.wait()
            return await process_request(*args)

        application.process_request = wait
        expecting = POST_HEAD.replace(b"5", b"1000\r\nExpect: 100-continue")
        await conversation.send(GET + expecting)
        assert conversation.transport.received == b""
        # The first answer takes longer than any body may.
        server.clock += 100
        protocol.sweep(server.clock)
        go.set()
        await conversation.let_turn()
        assert conversation.transport.received.endswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        assert body_deadline(protocol) == server.clock + 10
        await conversation.send(b"x" * 100)
        assert body_deadline(protocol) == server.clock + 10
        protocol.sweep(server.clock)
        await conversation.send(b"x" * 900)
        return await conversation.leave()

    result = asyncio.run(run())
    assert result.statuses == [200, 100, 200]
    assert [len(seen.body) for seen in result.seen] == [0, 1000]
    assert result.closed is False


@pytest.mark.parametrize(
    ("outcome", "logged"),
    [
        ("abc", "the application failed on GET '/get'"),
        (ValueError("no"), "the application failed on GET '/get'"),
        (asyncio.CancelledError(), "the application was cancelled on GET '/get'"),
    ],
    ids=["no response", "an error", "what it waits for is cancelled"],
)
def test_failing_application_is_a_500_and_the_connection_continues(
    outcome: Any, logged: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def process_request(*args: Any) -> Any:
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def run() -> Result:
        conversation = Conversation(LaxParser)
        usual = conversation.application.process_request
        conversation.application.process_request = process_request
        await conversation.send(GET)
        conversation.application.process_request = usual
        await conversation.send(GET)
        return await conversation.leave()

    assert asyncio.run(run()).statuses == [500, 200]
    assert unnumbered(caplog.messages) == [logged]
    if outcome == "abc":
        assert "process_request returned 'abc'; it must return a Response" in caplog.text


def test_cancelled_application_gets_no_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> bytes:
        conversation = Conversation(LaxParser)
        waiting = asyncio.Event()

        async def process_request(*args: Any) -> Any:
            await waiting.wait()

        conversation.application.process_request = process_request
        await conversation.send(GET)
        conversation.protocol.abort()
        await conversation.let_turn()
        return bytes(conversation.transport.received)

    assert asyncio.run(run()) == b""
    assert caplog.messages == []


def test_an_abort_of_the_next_turn_leaves_a_lost_connections_transport_alone() -> None:
    async def run() -> list[str]:
        conversation = Conversation(LaxParser)
        aborts: list[str] = []

        async def process_request(*args: Any) -> Any:
            await asyncio.Event().wait()

        conversation.application.process_request = process_request
        await conversation.send(GET)
        conversation.transport.abort = lambda: aborts.append("abort")  # type: ignore[method-assign]
        conversation.protocol.abort()
        # The client's reset arrives in the same turn of the loop.
        conversation.protocol.connection_lost(ConnectionResetError())
        await conversation.let_turn()
        conversation.protocol.abort()
        return aborts

    assert asyncio.run(run()) == []

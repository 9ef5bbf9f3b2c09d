"""Bodies that an application plans: whom it is asked about, and what a stream is told by the connection."""

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import BadRequest
from kyoukai.core.exchange.body_stream import HIGH_WATER, BodyStream, ClientGoneError
from kyoukai.core.http1.exchange import DRAIN_SIZE
from kyoukai.core.http1.protocol import HTTPProtocol
from kyoukai.core.limits import Limits
from kyoukai.core.serving.application import BodyPlan

from ...serving import error_records
from .test_protocol import (
    CHUNKED_HEAD,
    GET,
    GZIP_BODY,
    GZIP_HEAD,
    POST_HEAD,
    Conversation,
    LaxParser,
    body_deadline,
    bytewise,
)

POST = POST_HEAD + b"hello"
STREAM = BodyPlan(stream=True)


class Planning:
    """An application that plans as it is told, and answers with what it reads."""

    request_class = Request

    def __init__(self, plan: BodyPlan | None, plans_every_body: bool = True) -> None:
        self.plan = plan
        self.plans_every_body = plans_every_body
        self.asked: list[dict[str, Any]] = []
        self.answered: list[str] = []
        self.reads = True
        self.go_on = asyncio.Event()
        self.go_on.set()

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        self.asked.append(environ)
        return self.plan

    async def process_request(self, request: Request, parent_context: Any) -> Response:
        self.answered.append(request.path)
        await self.go_on.wait()
        if not self.reads:
            return Response("answered")
        stream = request.environ.get("kyoukai.body")
        return Response(request.get_data() if stream is None else await stream.read())


def converse(
    plan: BodyPlan | None,
    function: Callable[[Conversation, Planning], Awaitable[None]],
    limits: Limits | None = None,
    plans_every_body: bool = True,
) -> tuple[Any, Planning]:
    """Hold a conversation, and return what came of it, and of the application."""

    async def main() -> tuple[Any, Planning]:
        application = Planning(plan, plans_every_body)
        conversation = Conversation(LaxParser, limits, application=application)
        await function(conversation, application)
        return await conversation.leave(), application

    return asyncio.run(main())


def stream_of(protocol: HTTPProtocol) -> BodyStream:
    """Return the stream of the body being received."""
    assert protocol.reader.exchange is not None
    assert protocol.reader.exchange.body is not None
    stream = protocol.reader.exchange.body.stream
    assert stream is not None
    return stream


def sending(*pieces: bytes) -> Callable[[Conversation, Planning], Awaitable[None]]:
    async def send(conversation: Conversation, application: Planning) -> None:
        await conversation.send(*pieces)

    return send


@pytest.mark.parametrize("plan", [None, STREAM, BodyPlan(max_size=5), BodyPlan(True, 5)])
@pytest.mark.parametrize("cut", [lambda data: [data], bytewise], ids=["whole", "byte-by-byte"])
def test_each_head_with_a_body_is_asked_about(plan: BodyPlan | None, cut: Any) -> None:
    # The third time, and from then on, the head is one that is known.
    data = POST * 4 + GET + CHUNKED_HEAD + b"5;a=b\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n"
    result, application = converse(plan, sending(*cut(data)))
    small = plan is not None and plan.max_size is not None
    assert result.statuses == [200] * 5 + [413 if small else 200]
    assert [environ["PATH_INFO"] for environ in application.asked] == ["/post"] * 4 + ["/put"]
    assert application.asked[0]["REMOTE_ADDR"] == "127.0.0.1"
    assert result.received.count(b"\r\n\r\nhello") == (4 if small else 5)


def test_buffered_bodies_may_be_ignored() -> None:
    result, application = converse(STREAM, sending(POST, *bytewise(POST)), plans_every_body=False)
    assert result.statuses == [200] * 2
    assert len(application.asked) == 1


@pytest.mark.parametrize(("most", "status"), [(4, 413), (5, 200)])
@pytest.mark.parametrize("stream", [False, True])
def test_the_plan_goes_before_the_limit(most: int, status: int, stream: bool) -> None:
    for limits in (Limits(max_body_size=3), Limits()):
        result, application = converse(BodyPlan(stream, most), sending(POST), limits)
        assert result.statuses == [status]
        assert application.answered == (["/post"] if status == 200 else [])


@pytest.mark.parametrize("stream", [False, True])
def test_limit_applies_to_decoded_bytes(stream: bool) -> None:
    result, _ = converse(BodyPlan(stream, 100), sending(GZIP_HEAD + GZIP_BODY), Limits(max_body_size=3))
    assert result.statuses == [200]
    coded = gzip.compress(b"hello", mtime=0)
    assert len(coded) > 4
    result, _ = converse(BodyPlan(stream, 4), sending(GZIP_HEAD + coded))
    assert result.statuses == [413]


@pytest.mark.parametrize(
    ("content", "status"), [(gzip.compress(bytes(1000), mtime=0), 413), (b"no gzip", 400)]
)
def test_content_coding_fault_ends_the_connection(content: bytes, status: int) -> None:
    head = b"PUT /put HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
    for stream in (False, True):
        result, _ = converse(BodyPlan(stream, 100), sending(head % len(content) + content))
        assert (result.statuses, result.closed) == ([status], True)
        assert b"\r\nConnection: close\r\n" in result.received


EXPECTING = POST_HEAD[:-2] + b"Expect: 100-continue\r\n\r\n"


def test_continue_is_sent_when_the_reader_wants_the_body() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.go_on.clear()
        await conversation.send(EXPECTING)
        assert application.answered == ["/post"]
        assert body_deadline(conversation.protocol) > 1e300
        assert not conversation.transport.received
        application.go_on.set()
        await conversation.let_turn()
        assert body_deadline(conversation.protocol) < 1e300
        assert conversation.transport.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        await conversation.send(b"hello" + GET)

    result, _ = converse(STREAM, send)
    assert result.statuses == [100, 200, 200]


def test_continue_is_sent_at_once_for_a_body_into_memory() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        await conversation.send(EXPECTING)
        assert application.answered == []
        await conversation.send(b"hello")

    assert converse(None, send)[0].statuses == [100, 200]


def test_the_rest_of_a_body_is_read_over_before_the_next_request() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.reads = False
        for _ in range(3):
            await conversation.send(POST_HEAD + b"he", b"llo")
        assert conversation.protocol.reader.exchange is None
        assert conversation.protocol.deadline < 1e300

    result, _ = converse(STREAM, send)
    assert (result.statuses, result.closed) == ([200] * 3, False)


@pytest.mark.parametrize("end", ["stop", "late", "fault", "eof"])
def test_the_rest_of_a_body_does_not_come_in_order(end: str) -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.reads = False
        protocol, server = conversation.protocol, conversation.server
        await conversation.send(POST_HEAD + b"he")
        assert conversation.transport.received.count(b"HTTP/1.1 ") == 1
        if end == "stop":
            server.stopping = True
            await conversation.send(b"llo")
        elif end == "late":
            protocol.sweep(server.clock + 1000)
        elif end == "fault":
            protocol.handle_parser_exception(BadRequest())
        else:
            conversation.transport.feed_eof()
        await conversation.let_turn()
        assert conversation.transport.ended

    result, _ = converse(STREAM, send)
    assert result.statuses == [200]


@pytest.mark.parametrize(("rest", "is_read_over"), [(DRAIN_SIZE, True), (DRAIN_SIZE + 1, False)])
def test_the_rest_of_a_large_body_ends_the_connection(rest: int, is_read_over: bool) -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.reads = False
        application.go_on.clear()
        size = 2 * HIGH_WATER
        await conversation.send(POST_HEAD.replace(b"5", b"%d" % (size + rest)), bytes(size))
        assert not conversation.transport.is_reading()
        application.go_on.set()
        await conversation.let_turn()
        assert conversation.transport.is_reading()
        await conversation.send(bytes(rest), GET)

    result, _ = converse(STREAM, send)
    assert result.statuses == ([200, 200] if is_read_over else [200])
    assert (b"\r\nConnection: close\r\n" in result.received) is not is_read_over


def test_fault_behind_unread_content() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.go_on.clear()
        await conversation.send(POST_HEAD.replace(b"5", b"1000000"), bytes(2 * HIGH_WATER))
        assert not conversation.transport.is_reading()
        conversation.protocol.handle_parser_exception(BadRequest())
        assert conversation.transport.is_reading()
        application.go_on.set()

    result, _ = converse(STREAM, send)
    assert (result.statuses, result.closed) == ([400], True)


def test_a_body_that_nobody_wants() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        await conversation.send(POST_HEAD)
        assert application.answered == ["/post"]
        await conversation.send(b"hello" + GET)

    result, _ = converse(BodyPlan(refused=True), send, Limits(max_body_size=3))
    assert result.statuses == [200, 200]
    assert b"hello" not in result.received


def test_an_application_that_fails_to_plan(caplog: pytest.LogCaptureFixture) -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        application.receive_head = lambda environ: 1 / 0  # type: ignore[assignment, method-assign, return-value]
        await conversation.send(POST)

    result, application = converse(None, send)
    assert (result.statuses, result.closed, application.answered) == ([500], True, [])
    assert len(error_records(caplog)) == 1


def test_reading_is_paused_without_a_reader() -> None:
    size = 10 * HIGH_WATER

    async def send(conversation: Conversation, application: Planning) -> None:
        transport, protocol = conversation.transport, conversation.protocol
        application.go_on.clear()
        await conversation.send(POST_HEAD.replace(b"5", b"%d" % size) + bytes(HIGH_WATER))
        assert transport.is_reading()
        assert body_deadline(protocol) < 1e300
        await conversation.send(b"x", bytes(size - HIGH_WATER - 1))
        assert not transport.is_reading()
        assert body_deadline(protocol) > 1e300
        assert stream_of(protocol).unread == HIGH_WATER + 1
        application.go_on.set()
        await conversation.let_turn()
        assert transport.is_reading()
        await conversation.send(GET)

    result, _ = converse(STREAM, send)
    assert result.statuses == [200, 200]
    assert b"Content-Length: %d\r\n" % size in result.received


def test_a_failure_of_the_parser_is_told_to_the_reader() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        await conversation.send(CHUNKED_HEAD)
        assert application.answered == ["/put"]
        await conversation.send(b"x\r\n" + GET)

    result, _ = converse(STREAM, send)
    assert (result.statuses, result.closed) == ([400], True)


def test_nothing_is_left_of_a_stream_that_was_cut_off() -> None:
    async def send(conversation: Conversation, application: Planning) -> None:
        await conversation.send(POST_HEAD)
        stream = stream_of(conversation.protocol)
        conversation.transport.feed_reset()
        await conversation.let_turn()
        with pytest.raises(ClientGoneError):
            stream.check()
        assert conversation.protocol.reader.exchange is None
        assert not conversation.server.connections

    converse(STREAM, send)

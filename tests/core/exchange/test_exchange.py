"""One request and its answer over a wire in memory: what is called, in which order, and what is dropped."""

import asyncio
import contextvars
import gc
import gzip
import logging
import signal
import sys
import weakref
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import pytest
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from kyoukai.core.applications.exchange_calls import read_content
from kyoukai.core.errors import BadRequest, ContentTooLarge, RequestTimeout
from kyoukai.core.exchange.body_stream import HIGH_WATER, BodyStream, ClientGoneError
from kyoukai.core.features import HTTP1_FEATURES, Feature
from kyoukai.core.limits import Limits
from kyoukai.core.semantics import policy
from kyoukai.core.semantics.methods import SERVED_METHODS
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.semantics.serialize import InvalidResponseError
from kyoukai.core.serving.application import BodyPlan
from kyoukai.core.serving.observing import told
from tests.core.wires import App, LowerApp, MemoryExchange, MemoryOwner, PlanningApp, head, run, turns
from tests.logged import unnumbered

POST = head("POST", body_size=None)
STREAMED = BodyPlan(stream=True)


def echo(request: Request) -> Response:
    """Answer with the body."""
    return Response(request.get_data())


async def ended(exchange: MemoryExchange) -> None:
    """Wait until an exchange is answered."""
    for _ in range(100):
        if exchange.is_answered:
            return
        await asyncio.sleep(0)
    raise AssertionError(f"no answer but {exchange.calls}")


# What it starts with


def test_initial_state() -> None:
    async def main() -> None:
        before = perf_counter()
        exchange = MemoryExchange()
        assert before <= exchange.began <= perf_counter()
        assert exchange.head == RequestHead()
        assert (exchange.status, exchange.sent, exchange.body, exchange.error) == (0, 0, None, None)
        assert (exchange.is_begun, exchange.is_answered, exchange.task) == (False, False, None)
        assert (exchange.client_gone, exchange.client_ended) == (False, False)
        assert exchange.app is exchange.owner.app
        assert exchange.component is None
        exchange.owner.component = component = object()
        assert exchange.component is component
        assert exchange.server is exchange.owner.server
        assert exchange.has_turn

    run(main)


def test_nothing_is_shared_between_two() -> None:
    # hypercorn #274: the state of one request was seen by the next.
    async def main() -> None:
        owner = MemoryOwner(App(echo))
        one, other = MemoryExchange(owner), MemoryExchange(owner)
        one.receive(POST)
        one.receive_body(b"of the one")
        one.lose()
        assert not other.client_gone
        other.receive(POST)
        other.receive_body(b"of the other")
        other.receive_end()
        await ended(other)
        assert other.data == b"of the other"

    run(main)


# A request, and its answer


def test_a_request_without_a_body() -> None:
    async def main() -> None:
        owner = MemoryOwner()
        exchange = MemoryExchange(owner)
        exchange.receive(head("GET", target=b"/a?b"))
        await ended(exchange)
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]
        assert (exchange.data, exchange.sent, exchange.status) == (b"hello", 5, 200)
        [request] = owner.app.requests
        assert (request.path, request.query_string, request.host) == ("/a", b"b", "example.com")
        assert request.environ["SERVER_PROTOCOL"] == "HTTP/2"
        assert request.environ["REMOTE_ADDR"] == "192.0.2.1"
        assert request.environ["kyoukai.protocol"] is exchange
        assert exchange.task is None

    run(main)


def test_a_body_in_memory() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(echo)))
        exchange.receive(POST)
        for piece in (b"one ", b"two ", b"three"):
            assert exchange.calls == []
            exchange.receive_body(piece)
        exchange.receive_end([(b"x-sum", b"5")])
        await ended(exchange)
        assert exchange.data == b"one two three"
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]
        [request] = exchange.app.requests
        assert request.environ["kyoukai.trailers"] == [(b"x-sum", b"5")]

    run(main)


def test_a_body_that_came_along_with_its_head() -> None:
    async def main() -> None:
        owner = MemoryOwner(PlanningApp(echo, STREAMED))
        exchange = MemoryExchange(owner)
        accepted = MemoryExchange(MemoryOwner(App(echo)))
        accepted.receive(head("POST", body_size=6))
        exchange.head = accepted.head
        exchange.take_whole(b"abcdef")
        assert (exchange.body, exchange.content) == (None, b"abcdef")
        assert exchange.is_whole
        assert not exchange.is_begun
        exchange.begin()
        await ended(exchange)
        assert exchange.data == b"abcdef"
        # Nobody was asked how it is wanted.
        assert owner.app.asked == []

    run(main)


@pytest.mark.parametrize("is_lost", [False, True])
def test_a_body_that_came_along_is_dropped_where_nobody_will_read_it(is_lost: bool) -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner())
        exchange.take_whole(b"abcdef")
        if is_lost:
            exchange.lose()
        else:
            exchange.refuse(RequestTimeout())
        assert exchange.content is None

    run(main)


@pytest.mark.parametrize(
    ("coding", "content", "status"),
    [
        pytest.param("", bytes(31), 413, id="too-large"),
        pytest.param("gzip", gzip.compress(bytes(31)), 413, id="too-large-once-decoded"),
        pytest.param("gzip", b"no gzip", 400, id="no-such-coding"),
        pytest.param("gzip", gzip.compress(b"a")[:-1], 400, id="cut-short"),
    ],
)
def test_a_body_that_came_along_and_is_refused(coding: str, content: bytes, status: int) -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(limits=Limits(max_body_size=30)))
        exchange.head = RequestHead(
            "POST", b"/", "2", path="/", environ={"A": "b"}, body_size=len(content), coding=coding
        )
        exchange.take_whole(content)
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.status == status

    run(main)


def test_a_body_that_has_a_content_coding() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(echo)))
        exchange.receive(head("POST", (b"content-encoding", b"gzip"), body_size=None))
        exchange.receive_body(gzip.compress(b"hello"))
        exchange.receive_end()
        await ended(exchange)
        assert exchange.data == b"hello"

    run(main)


def test_each_request_has_context_variables_of_its_own() -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")

    def answer(request: Request) -> Response:
        before = variable.get()
        variable.set(request.path)
        return Response(before)

    async def main() -> None:
        owner = MemoryOwner(App(answer))
        owner.server.context.run(variable.set, "the server's")
        for path in (b"/1", b"/2"):
            exchange = MemoryExchange(owner)
            exchange.receive(head("GET", target=path))
            await ended(exchange)
            assert exchange.data == b"the server's"
        assert variable.get() == ""

    run(main)


# A body that is streamed


def test_a_streamed_body() -> None:
    async def answer(request: Request) -> Response:
        stream: BodyStream = request.environ["kyoukai.body"]
        return Response(b"-".join([piece async for piece in stream]))

    async def main() -> None:
        owner = MemoryOwner(PlanningApp(answer, STREAMED))
        exchange = MemoryExchange(owner)
        exchange.receive(POST)
        assert [environ["REQUEST_METHOD"] for environ in owner.app.asked] == ["POST"]
        # It is answered from its head on.
        assert exchange.is_begun
        for piece in (b"a", b"b"):
            await turns()
            assert owner.app.requests
            exchange.receive_body(piece)
        await turns()
        exchange.receive_end()
        await ended(exchange)
        assert exchange.data == b"a-b"
        assert exchange.names == ["head", "end", "answered"]

    run(main)


def test_a_client_waits_while_too_much_lies_unread() -> None:
    may_read: list[asyncio.Event] = []

    async def answer(request: Request) -> Response:
        await may_read[0].wait()
        return Response(str(len(await request.environ["kyoukai.body"].read())))

    async def main() -> None:
        may_read.append(asyncio.Event())
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(POST)
        exchange.receive_body(bytes(HIGH_WATER))
        assert exchange.calls == []
        exchange.receive_body(b"x")
        assert exchange.calls == [("pause",)]
        # It is not late while it waits.
        exchange.sweep(exchange.server.clock + 1_000_000)
        assert exchange.error is None
        may_read[0].set()
        await turns()
        assert exchange.calls == [("pause",), ("resume",)]
        exchange.receive_end()
        await ended(exchange)
        assert exchange.data == b"%d" % (HIGH_WATER + 1)

    run(main)


def test_streamed_body_with_a_broken_coding() -> None:
    async def answer(request: Request) -> Response:
        return Response(await request.environ["kyoukai.body"].read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(head("POST", (b"content-encoding", b"gzip"), body_size=None))
        exchange.receive_body(b"no gzip at all")
        await ended(exchange)
        assert exchange.status == 400
        assert isinstance(exchange.error, BadRequest)
        # The rest of it is dropped.
        assert exchange.body is not None
        before = exchange.body.size
        exchange.receive_body(b"more")
        exchange.receive_end()
        assert exchange.body.size == before

    run(main)


def test_an_answer_before_the_body_is_whole() -> None:
    kept = []

    async def answer(request: Request) -> Response:
        kept.append(request.environ["kyoukai.body"])
        # Where tasks begin at once, the body has not come yet.
        await asyncio.sleep(0)
        return Response("early")

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(POST)
        exchange.receive_body(bytes(HIGH_WATER + 1))
        await ended(exchange)
        assert exchange.data == b"early"
        # The client may go on, and then the wire learns of the end.
        assert exchange.calls == [("pause",), ("head", 200), ("end",), ("resume",), ("answered",)]
        assert exchange.body is not None
        assert not exchange.body.is_whole
        with pytest.raises(RuntimeError, match="can no longer be read"):
            await kept[0].read()
        # What still comes is counted, and dropped.
        exchange.receive_body(bytes(HIGH_WATER + 1))
        assert exchange.body.size == 2 * (HIGH_WATER + 1)
        assert kept[0].unread == 0
        exchange.receive_end()
        assert exchange.body.is_whole
        assert exchange.names[-1] == "answered"

    run(main)


def test_a_body_that_nobody_wants() -> None:
    def answer(request: Request) -> Response:
        return Response(request.get_data() or b"no body")

    async def main() -> None:
        limits = Limits(max_body_size=10)
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, BodyPlan(refused=True)), limits))
        exchange.receive(head("POST", body_size=1_000))
        exchange.receive_body(bytes(500))
        await ended(exchange)
        assert (exchange.status, exchange.data) == (200, b"no body")

    run(main)


@pytest.mark.parametrize("size", [100, None])
def test_a_plan_may_let_a_larger_body_pass(size: int | None) -> None:
    async def main() -> None:
        owner = MemoryOwner(PlanningApp(echo, BodyPlan(max_size=100)), Limits(max_body_size=10))
        exchange = MemoryExchange(owner)
        exchange.receive(head("POST", body_size=size))
        exchange.receive_body(bytes(100))
        exchange.receive_end()
        await ended(exchange)
        assert (exchange.status, exchange.sent) == (200, 100)

    run(main)


@pytest.mark.parametrize("plan", [None, STREAMED])
@pytest.mark.parametrize(
    ("trailers", "status"),
    [
        pytest.param([(b"x-sum", b"1")], 200, id="RFC9110-6.5"),
        pytest.param([(b"content-length", b"5")], 400, id="RFC9110-6.5.1-framing"),
        pytest.param([(b"x-sum", b"1\r\n")], 400, id="RFC9110-5.5"),
        pytest.param([(b"x-sum", b"1")] * 101, 431, id="RFC6585-5"),
    ],
)
def test_trailers_are_held_to_the_policy(trailers: Any, status: int, plan: Any) -> None:
    async def answer(request: Request) -> Response:
        stream = request.environ.get("kyoukai.body")
        return Response(request.get_data() if stream is None else await stream.read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, plan)))
        exchange.receive(POST)
        exchange.receive_body(b"abc")
        exchange.receive_end(trailers)
        await ended(exchange)
        assert exchange.status == status
        assert exchange.names == ["head", "end", "answered"]

    run(main)


# Refusals


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(RequestHead("GET", b"/", "2"), 400, id="no-host"),
        pytest.param(head("GET", target=b"a"), 400, id="target"),
        pytest.param(head("BREW"), 501, id="method"),
        pytest.param(head("POST", (b"content-encoding", b"br"), body_size=5), 415, id="coding"),
        pytest.param(head("POST", body_size=1_000_000_000), 413, id="size"),
        pytest.param(head("POST", (b"content-length", b"6"), body_size=5), 400, id="length"),
        pytest.param(head("GET", (b"expect", b"magic")), 417, id="expectation"),
        pytest.param(head("GET", *[(b"a", b"b")] * 1000), 431, id="fields"),
    ],
)
def test_a_head_that_is_refused(sent: RequestHead, status: int) -> None:
    async def main() -> None:
        owner = MemoryOwner()
        exchange = MemoryExchange(owner)
        exchange.receive(sent)
        # At once, and by no application.
        assert exchange.calls == [("head", status), ("end",), ("answered",)]
        assert exchange.data.startswith(b"%d " % status)
        assert owner.app.requests == []
        assert exchange.head.method == sent.method
        # What comes behind it is dropped.
        exchange.receive_body(b"abc")
        exchange.receive_end()
        exchange.refuse(BadRequest())
        await turns()
        assert len(exchange.calls) == 3
        assert owner.app.requests == []

    run(main)


def test_refusal_is_answered_in_the_accepted_type() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.receive(head("BREW", (b"accept", b"application/json")))
        assert b'"status": 501' in exchange.data
        exchange = MemoryExchange()
        exchange.receive(head("HEAD", (b"expect", b"magic")))
        assert (exchange.status, exchange.data, exchange.sent) == (417, b"", 0)

    run(main)


@pytest.mark.parametrize("pieces", [[11], [5, 6], [10, 1]])
def test_a_body_that_is_too_large(pieces: list[int]) -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(echo), Limits(max_body_size=10)))
        exchange.receive(POST)
        for size in pieces:
            exchange.receive_body(bytes(size))
        assert exchange.status == 413
        exchange.receive_body(bytes(1))
        exchange.receive_end()
        await turns()
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.app.requests == []

    run(main)


@pytest.mark.parametrize("content", [b"", b"1234", b"123456"])
@pytest.mark.parametrize("plan", [None, STREAMED])
def test_a_body_that_is_not_as_long_as_announced(content: bytes, plan: Any) -> None:
    async def answer(request: Request) -> Response:
        return Response(await request.environ["kyoukai.body"].read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, plan)))
        exchange.receive(head("POST", body_size=5))
        if content:
            exchange.receive_body(content)
        exchange.receive_end()
        await ended(exchange)
        assert (exchange.status, exchange.names) == (400, ["head", "end", "answered"])

    run(main)


def test_fault_of_a_streamed_body_is_raised_to_its_reader() -> None:
    caught: list[Exception] = []

    async def answer(request: Request) -> Response:
        try:
            await request.environ["kyoukai.body"].read()
        except ContentTooLarge as error:
            caught.append(error)
        return Response("an answer all the same")

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, BodyPlan(stream=True, max_size=5))))
        exchange.receive(POST)
        exchange.receive_body(b"123456")
        await ended(exchange)
        assert isinstance(exchange.error, ContentTooLarge)
        assert (exchange.status, exchange.data) == (200, b"an answer all the same")
        assert len(caught) == 1

    run(main)


def test_only_the_first_refusal_counts() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.receive(POST)
        exchange.refuse(RequestTimeout())
        exchange.refuse(ContentTooLarge())
        assert exchange.names == ["head", "end", "answered"]
        assert isinstance(exchange.error, RequestTimeout)

    run(main)


def test_a_refusal_keeps_no_traceback() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        with pytest.raises(BadRequest) as caught:
            raise BadRequest from ValueError()
        error = caught.value
        exchange.refuse(error)
        assert (error.__traceback__, error.__cause__, error.__context__) == (None, None, None)
        assert exchange.status == 400

    run(main)


class RefusingApp(PlanningApp):
    """An application that answers refusals."""

    def __init__(self) -> None:
        super().__init__(echo)
        self.refusals: list[Any] = []

    async def process_refusal(self, request: Request, parent_context: Any, error: Any) -> Response:
        self.refusals.append(error)
        with pytest.raises(type(error)):
            request.get_data()
        with pytest.raises(type(error)):
            await request.environ["kyoukai.body"].read()
        return Response(f"its own {error.code}", error.code)


def test_an_application_that_answers_refusals() -> None:
    async def main() -> None:
        owner = MemoryOwner(RefusingApp(), Limits(max_body_size=10))
        for sent, pieces, status in (
            (POST, [bytes(11)], 413),
            (head("POST", body_size=11), [], 413),
            (head("POST", (b"content-encoding", b"br"), body_size=5), [], 415),
        ):
            exchange = MemoryExchange(owner)
            exchange.receive(sent)
            for piece in pieces:
                exchange.receive_body(piece)
            await ended(exchange)
            assert (exchange.status, exchange.data) == (status, b"its own %d" % status)
            assert exchange.names == ["head", "end", "answered"]
        # The error is not the one that is kept: what is raised has a traceback.
        assert exchange.error is not owner.app.refusals[-1]
        # A head that was not accepted, and an error that is no refusal, are the server's affair.
        for refused in (head("BREW", body_size=5), head("POST", target=b"a", body_size=5)):
            exchange = MemoryExchange(owner)
            exchange.receive(refused)
            assert b"its own" not in exchange.data
        exchange = MemoryExchange(owner)
        exchange.receive(POST)
        exchange.refuse(NotFound())
        assert exchange.status == 404
        assert len(owner.app.refusals) == 3

    run(main)


@pytest.mark.parametrize("fault", [ValueError("x"), NotFound(), SystemExit(), asyncio.CancelledError()])
def test_an_application_that_raises_where_it_is_asked_for_a_plan(
    fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        owner = MemoryOwner(PlanningApp(echo, fault))

        # Outside of any task, as a transport calls.
        exchange = MemoryExchange(owner)
        loop.call_soon(exchange.receive, head("POST", target=b"/a", body_size=5))
        await ended(exchange)
        assert exchange.status == 500
        exchange.receive_body(b"12345")
        exchange.receive_end()
        assert exchange.names == ["head", "end", "answered"]
        assert owner.app.requests == []

    run(main)
    [record] = caplog.records
    assert unnumbered(record.getMessage()) == "receive_head failed on POST '/a'"
    assert record.exc_info is not None
    assert record.exc_info[1] is fault


def test_an_interrupt_while_a_plan_is_asked_for_ends_the_process() -> None:
    async def main() -> None:
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            with pytest.raises(KeyboardInterrupt):
                MemoryExchange(MemoryOwner(PlanningApp(echo, KeyboardInterrupt()))).receive(POST)
        finally:
            signal.signal(signal.SIGINT, before)

    run(main)


def test_invalid_plan(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(echo, 5)))
        exchange.receive(POST)
        assert exchange.status == 500

    run(main)
    assert len(caplog.records) == 1


def test_a_refusal_that_is_raised_where_a_plan_is_asked_for() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(echo, ContentTooLarge())))
        exchange.receive(POST)
        assert exchange.status == 413

    run(main)


# 100 Continue: of a wire that has it


class Continuing(MemoryExchange):
    """A wire that lets the client send the body."""

    def receive(self, sent: RequestHead) -> None:
        self.awaits_continue = sent.expects_continue
        super().receive(sent)

    def send_continue(self) -> None:
        super().send_continue()
        self.calls.append(("continue",))
        if self.body is not None:
            self.await_body()


EXPECTING = head("POST", (b"expect", b"100-continue"), body_size=None, expects_continue=True)


def test_a_body_in_memory_is_asked_for() -> None:
    async def main() -> None:
        exchange = Continuing(MemoryOwner(App(echo)))
        exchange.receive(EXPECTING)
        assert exchange.calls == [("continue",)]
        assert not exchange.awaits_continue
        exchange.receive_body(b"abc")
        exchange.receive_end()
        await ended(exchange)
        assert exchange.names == ["continue", "head", "end", "answered"]

    run(main)


def test_a_body_is_not_asked_for_before_its_turn() -> None:
    class Waiting(Continuing):
        has_turn = False

    async def main() -> None:
        exchange = Waiting(MemoryOwner(App(echo)))
        exchange.receive(EXPECTING)
        assert exchange.calls == []
        assert exchange.awaits_continue
        # Its time does not run.
        exchange.sweep(exchange.server.clock + 1_000_000)
        assert exchange.error is None
        exchange.send_continue()
        exchange.sweep(exchange.server.clock + 1_000_000)
        assert exchange.status == 408

    run(main)


def test_a_streamed_body_is_asked_for_when_it_is_read() -> None:
    async def answer(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(await request.environ["kyoukai.body"].read())

    async def main() -> None:
        exchange = Continuing(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(EXPECTING)
        assert exchange.calls == []
        await turns()
        assert exchange.calls == [("continue",)]
        exchange.receive_body(b"abc")
        exchange.receive_end()
        await ended(exchange)
        assert exchange.data == b"abc"
        assert exchange.names.count("continue") == 1

    run(main)


def test_unread_body_is_not_requested() -> None:
    async def main() -> None:
        exchange = Continuing(MemoryOwner(PlanningApp(lambda request: Response("no"), STREAMED)))
        exchange.receive(EXPECTING)
        await ended(exchange)
        assert exchange.names == ["head", "end", "answered"]

    run(main)


def test_a_body_cannot_be_asked_for_once_the_answer_has_begun() -> None:
    caught = []

    async def answer(request: Request) -> Response:
        async def body() -> AsyncIterator[bytes]:
            await asyncio.sleep(0)
            yield b"a"
            try:
                await request.environ["kyoukai.body"].read()
            except RuntimeError as error:
                caught.append(str(error))

        return Response(body())  # type: ignore[arg-type]

    async def main() -> None:
        exchange = Continuing(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(EXPECTING)
        await ended(exchange)
        assert exchange.names == ["head", "end", "answered"]

    run(main)
    assert caught == ["the answer has begun without 100 Continue, so the client does not send the body"]


def test_wire_without_expectations() -> None:
    # The field may be there: whoever carries the request has met it.
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(echo)))
        exchange.receive(head("POST", (b"expect", b"100-continue"), body_size=3))
        assert not exchange.head.expects_continue
        exchange.receive_body(b"abc")
        exchange.receive_end()
        await ended(exchange)
        assert exchange.data == b"abc"

    run(main)


# Deadlines


def test_a_body_that_does_not_come() -> None:
    async def main() -> None:
        limits = Limits(body_timeout=10, min_body_rate=0)
        exchange = MemoryExchange(MemoryOwner(App(echo), limits))
        exchange.sweep(1_000_000_000)
        server = exchange.server
        exchange.receive(POST)
        exchange.sweep(server.clock + 9)
        assert exchange.calls == []
        # Each piece gives it as much time again.
        server.clock += 9
        exchange.receive_body(b"a")
        exchange.sweep(server.clock + 9)
        assert exchange.calls == []
        exchange.sweep(server.clock + 10)
        assert exchange.calls == [("head", 408), ("end",), ("answered",)]
        assert isinstance(exchange.error, RequestTimeout)
        # Once is enough.
        exchange.sweep(server.clock + 100)
        exchange.receive_body(b"b")
        exchange.receive_end()
        assert len(exchange.calls) == 3

    run(main)


def test_a_body_that_is_whole_is_not_late() -> None:
    async def wait(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(wait)))
        exchange.receive(POST)
        exchange.receive_end()
        exchange.sweep(exchange.server.clock + 1_000_000)
        assert exchange.error is None
        assert exchange.task is not None
        exchange.task.cancel()
        await turns()

    run(main)


def test_late_streamed_body_is_raised_to_its_reader() -> None:
    async def answer(request: Request) -> Response:
        return Response(await request.environ["kyoukai.body"].read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(POST)
        await turns()
        exchange.sweep(exchange.server.clock + 1_000_000)
        await ended(exchange)
        assert (exchange.status, exchange.names) == (408, ["head", "end", "answered"])

    run(main)


# The client


def wait_for_ever(kept: list[str]) -> App:
    async def wait(request: Request) -> Response:
        kept.append("begun")
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            kept.append("cancelled")
            raise
        raise AssertionError

    return App(wait)


@pytest.mark.parametrize("cancel", [False, True])
def test_a_client_that_is_lost_while_a_handler_runs(cancel: bool) -> None:
    async def main() -> None:
        kept: list[str] = []
        owner = MemoryOwner(wait_for_ever(kept), cancel_on_disconnect=cancel)
        exchange = MemoryExchange(owner)
        exchange.receive(head())
        await turns()
        task = exchange.task
        assert task is not None
        exchange.lose()
        exchange.lose()
        await turns()
        # A stop waits for it: it runs on where it is not cancelled.
        assert kept == (["begun", "cancelled"] if cancel else ["begun"])
        assert (task in owner.server._tasks) is not cancel
        assert exchange.client_gone
        if not cancel:
            task.cancel()
            await turns()
        assert exchange.calls == []

    run(main)


def test_an_answer_that_is_made_for_a_client_that_is_gone() -> None:
    async def main() -> None:
        may_answer = asyncio.Event()

        async def answer(request: Request) -> Response:
            await may_answer.wait()
            return Response("too late")

        exchange = MemoryExchange(MemoryOwner(App(answer)))
        exchange.receive(head())
        await turns()
        exchange.lose()
        may_answer.set()
        await ended(exchange)
        assert exchange.calls == []
        assert exchange.status == 0

    run(main)


def test_a_streamed_answer_ends_with_its_client() -> None:
    kept: list[str] = []

    async def body() -> AsyncIterator[bytes]:
        try:
            yield b"a"
            await asyncio.Event().wait()
        finally:
            kept.append("closed")

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(lambda request: Response(body()))))  # type: ignore[arg-type]
        exchange.receive(head())
        await turns()
        assert exchange.names == ["head", "data"]
        exchange.lose()
        await turns()
        assert kept == ["closed"]
        assert exchange.names == ["head", "data"]

    run(main)


def test_body_reader_learns_that_the_client_is_lost() -> None:
    caught: list[type[BaseException]] = []

    async def answer(request: Request) -> Response:
        try:
            await request.environ["kyoukai.body"].read()
        except ConnectionResetError as error:
            caught.append(type(error))
        return Response()

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, STREAMED)))
        exchange.receive(POST)
        await turns()
        exchange.lose()
        await ended(exchange)
        assert caught == [ClientGoneError]

    run(main)


@pytest.mark.parametrize(
    "call",
    [
        pytest.param(lambda exchange: exchange.receive_body(bytes(20)), id="body"),
        pytest.param(lambda exchange: exchange.receive_end(), id="end"),
        pytest.param(lambda exchange: exchange.refuse(BadRequest()), id="refusal"),
        pytest.param(lambda exchange: exchange.end_client(), id="the-clients-end"),
        pytest.param(lambda exchange: exchange.sweep(exchange.server.clock + 1_000_000), id="time"),
    ],
)
@pytest.mark.parametrize("plan", [None, STREAMED])
def test_data_after_a_loss_is_dropped(call: Any, plan: Any) -> None:
    async def wait(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(wait, plan), Limits(max_body_size=10)))
        exchange.receive(POST)
        exchange.receive_body(b"abc")
        await turns()
        was_begun = exchange.is_begun
        exchange.lose()
        call(exchange)
        await turns()
        assert exchange.calls == []
        assert (exchange.is_begun, exchange.error) == (was_begun, None)
        assert exchange.body is not None
        assert exchange.body.size == 3
        if exchange.task is not None:
            exchange.task.cancel()
            await turns()

    run(main)


def test_a_client_that_ends_its_side_gets_its_answer() -> None:
    async def main() -> None:
        may_answer = asyncio.Event()

        async def answer(request: Request) -> Response:
            await request.environ["kyoukai.protocol"].wait_client_ended()
            await may_answer.wait()
            return Response("still there")

        exchange = MemoryExchange(MemoryOwner(App(answer)))
        exchange.receive(head())
        await turns()
        assert not exchange.client_ended
        exchange.end_client()
        assert exchange.client_ended
        assert not exchange.client_gone
        may_answer.set()
        await ended(exchange)
        assert exchange.data == b"still there"

    run(main)


def test_a_client_that_ends_its_side_in_a_body() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(echo)))
        exchange.receive(POST)
        exchange.receive_body(b"abc")
        exchange.end_client()
        assert exchange.calls == [("head", 400), ("end",), ("answered",)]

    run(main)


@pytest.mark.parametrize("sent", [head(), POST])
def test_a_client_that_ends_its_side_is_gone_where_handlers_are_cancelled(sent: RequestHead) -> None:
    async def main() -> None:
        kept: list[str] = []
        exchange = MemoryExchange(MemoryOwner(wait_for_ever(kept), cancel_on_disconnect=True))
        exchange.receive(sent)
        await turns()
        exchange.end_client()
        await turns()
        assert exchange.client_gone
        assert exchange.calls == []
        assert kept == ([] if sent is POST else ["begun", "cancelled"])

    run(main)


def test_a_client_that_does_not_read_gets_no_more_answers_made() -> None:
    async def main() -> None:
        owner = MemoryOwner()
        exchange = MemoryExchange(owner)
        exchange.pause_writing()
        exchange.receive(head())
        await turns()
        assert owner.app.requests == []
        exchange.resume_writing()
        await ended(exchange)
        assert exchange.names == ["head", "end", "answered"]
        # Or none at all.
        exchange = MemoryExchange(owner)
        exchange.pause_writing()
        exchange.receive(head())
        await turns()
        exchange.lose()
        await turns()
        assert len(owner.app.requests) == 1
        assert exchange.calls == []

    run(main)


# Early hints


LINK = [("Link", "</style.css>; rel=preload; as=style")]


def hinting(answer: Any, **settings: Any) -> MemoryExchange:
    async def process(request: Request) -> Response:
        protocol = request.environ["kyoukai.protocol"]
        return Response(str(await answer(protocol)))

    return MemoryExchange(MemoryOwner(App(process), **settings))


def test_early_hints() -> None:
    async def main() -> None:
        async def hint(protocol: Any) -> Any:
            return [protocol.send_early_hints(LINK), protocol.send_early_hints({"Link": ["a", "b"]})]

        exchange = hinting(hint)
        exchange.receive(head())
        await ended(exchange)
        assert exchange.data == b"[True, True]"
        assert exchange.calls[:2] == [
            ("informational", "103 Early Hints", LINK),
            ("informational", "103 Early Hints", [("Link", "a"), ("Link", "b")]),
        ]
        assert exchange.names[2:] == ["head", "end", "answered"]
        # The answer is there: it is too late.
        assert exchange.send_early_hints(LINK) is False
        assert len(exchange.calls) == 5

    run(main)


def test_early_hints_from_a_thread() -> None:
    async def main() -> None:
        is_answered = asyncio.Event()

        async def hint(protocol: Any) -> Any:
            return await asyncio.to_thread(protocol.send_early_hints, LINK)

        exchange: Any = hinting(hint)
        note = exchange.answered
        exchange.answered = lambda: (note(), is_answered.set())
        exchange.receive(head())
        await asyncio.wait_for(is_answered.wait(), 20)
        assert exchange.data == b"True"
        assert exchange.names == ["informational", "head", "end", "answered"]

    run(main)


def test_early_hints_that_are_not_sent() -> None:
    async def main() -> None:
        async def hint(protocol: Any) -> Any:
            return protocol.send_early_hints(LINK)

        async def hint_nothing(protocol: Any) -> Any:
            return protocol.send_early_hints([])

        async def hint_paused(protocol: Any) -> Any:
            protocol.pause_writing()
            return protocol.send_early_hints(LINK)

        for exchange, version in (
            (hinting(hint), "1.0"),
            (hinting(hint, features=HTTP1_FEATURES - {Feature.EARLY_HINTS}), "2"),
            (hinting(hint_nothing), "2"),
            (hinting(hint_paused), "2"),
        ):
            exchange.receive(head(version=version))
            await ended(exchange)
            assert (exchange.data, exchange.names) == (b"False", ["head", "end", "answered"])

        exchange = hinting(hint)
        exchange.lose()
        assert exchange.send_early_hints(LINK) is False
        assert exchange.calls == []

    run(main)


def test_early_hints_that_cannot_be_sent() -> None:
    async def main() -> None:
        with pytest.raises(InvalidResponseError):
            MemoryExchange().send_early_hints([("Link", "a\r\n")])

    run(main)


def test_a_wire_that_has_no_interim_answers() -> None:
    class Plain(MemoryExchange):
        def send_informational(self, status: str, fields: Any) -> bool:
            return super(MemoryExchange, self).send_informational(status, fields)

    async def main() -> None:
        exchange = Plain()
        assert exchange.send_early_hints(LINK) is False
        assert exchange.calls == []

    run(main)


# Streamed answers


def test_a_streamed_answer() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)
        yield b"b"

    def answer(request: Request) -> Response:
        response: Any = Response(body())  # type: ignore[arg-type]
        response.trailers = {"X-Sum": "1"}
        return response  # type: ignore[no-any-return]

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(answer)))
        exchange.receive(head("GET", (b"te", b"trailers")))
        await ended(exchange)
        assert exchange.names[0] == "head"
        assert exchange.names[-2:] == ["end", "answered"]
        assert set(exchange.names[1:-2]) <= {"data"}
        assert (exchange.data, exchange.sent) == (b"ab", 2)
        assert exchange.trailers == [("X-Sum", "1")]
        assert exchange.answer is not None
        assert exchange.answer.size is None

    run(main)


def test_content_that_is_large_goes_in_pieces() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(lambda request: Response(bytes(200_000)))))
        exchange.receive(head())
        await ended(exchange)
        assert (len(exchange.data), exchange.sent) == (200_000, 200_000)
        assert exchange.names.count("data") > 1
        assert exchange.answer is not None
        assert exchange.answer.size == 200_000

    run(main)


@pytest.mark.parametrize(
    ("fault", "level"), [(ValueError("x"), logging.ERROR), (BadRequest("x"), logging.DEBUG)]
)
def test_a_streamed_answer_that_fails(fault: Exception, level: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.protocol")

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        raise fault

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(lambda request: Response(body()))))  # type: ignore[arg-type]
        exchange.receive(head(target=b"/a"))
        await ended(exchange)
        # What was there before is the client's, and the wire goes on.
        assert exchange.names == ["head", "data", "reset", "answered"]

    run(main)
    [record] = [record for record in caplog.records if record.levelno == level]
    assert unnumbered(record.getMessage()) == "the body of the answer to GET '/a' failed"


@pytest.mark.parametrize("when", ["before", "while"])
def test_task_cancellation_is_not_an_answer_failure(when: str, caplog: pytest.LogCaptureFixture) -> None:
    class Ending(Headers):
        def __iter__(self) -> Any:
            task: Any = asyncio.current_task()
            task.cancel()
            raise asyncio.CancelledError

    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        list(Ending())

    async def main() -> None:
        response: Any = Response(body()) if when == "while" else Response("a")  # type: ignore[arg-type]
        if when == "before":
            response.headers = Ending()
        exchange = MemoryExchange(MemoryOwner(App(lambda request: response)))
        exchange.receive(head())
        await ended(exchange)
        assert exchange.names[-2:] == ["reset", "answered"]
        assert "end" not in exchange.names

    run(main)
    assert caplog.messages == []


def test_lost_client_is_not_an_answer_failure(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "kyoukai.protocol")

    async def main() -> None:
        exchange = MemoryExchange()

        async def body() -> AsyncIterator[bytes]:
            yield b"a"
            exchange.lose()
            raise ValueError

        rest = exchange.write_response(Response(body()), {"REQUEST_METHOD": "GET"})  # type: ignore[arg-type]
        assert rest is not None
        await rest
        # What there was is tried, and nothing more.
        assert exchange.names == ["head"]

    run(main)
    assert caplog.messages == ["a client disconnected before it had its whole answer"]


def test_an_answer_that_cannot_be_sent(caplog: pytest.LogCaptureFixture) -> None:
    def answer(request: Request) -> Response:
        response = Response("no")
        response.headers["X-Own"] = "\N{SNOWMAN}"
        return response

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(answer)))
        exchange.receive(head(target=b"/a"))
        await ended(exchange)
        assert exchange.calls == [("head", 500), ("end",), ("answered",)]

    run(main)
    assert unnumbered(caplog.messages) == ["the answer to GET '/a' cannot be sent"]


def test_all_fields_of_an_answer() -> None:
    async def main() -> None:
        owner = MemoryOwner(App(lambda request: Response("abc", headers=[("X-Own", "1")])))
        exchange = MemoryExchange(owner)
        exchange.receive(head())
        await ended(exchange)
        assert exchange.answer is not None
        assert exchange.answer_fields(exchange.answer) == [
            ("X-Own", "1"),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", "3"),
            ("Date", owner.server.date),
            ("Server", "kyoukai"),
        ]
        own = [("Date", "then"), ("Server", "its own")]
        owner = MemoryOwner(App(lambda request: Response(iter([b"a"]), headers=own, mimetype="a/b")))
        exchange = MemoryExchange(owner)
        exchange.receive(head("HEAD"))
        await ended(exchange)
        assert exchange.answer is not None
        assert sorted(exchange.answer_fields(exchange.answer)) == [("Content-Type", "a/b"), *own]
        owner = MemoryOwner(App(lambda request: Response(status=204)), server_field="")
        owner.server.date = ""
        exchange = MemoryExchange(owner)
        exchange.receive(head())
        await ended(exchange)
        assert exchange.answer is not None
        assert "Server" not in dict(exchange.answer_fields(exchange.answer))
        assert "Date" not in dict(exchange.answer_fields(exchange.answer))

    run(main)


# Who observes answers


Told = list[tuple[str, int, int, int, bool, bool]]


def notebook(notes: Told) -> Any:
    """Return an observer that keeps what it is told."""

    def observe(exchange: Any, request: Any, response: Any) -> None:
        head = exchange.head
        note = (head.method, exchange.status, exchange.received, exchange.sent)
        notes.append((*note, request is not None, response is not None))

    return observe


def test_observers_are_told_of_each_answer_once() -> None:
    notes: Told = []

    async def main() -> None:
        owner = MemoryOwner(App(echo), Limits(max_body_size=10), observers=[notebook(notes)])
        for sent, pieces in (
            (head("GET", target=b"/a"), []),
            (POST, [b"123", b"45"]),
            (POST, [bytes(11)]),
            (head("BREW"), []),
        ):
            exchange = MemoryExchange(owner)
            exchange.receive(sent)
            for piece in pieces:
                exchange.receive_body(piece)
            exchange.receive_end()
            await ended(exchange)
        whole = MemoryExchange(owner)
        whole.head = whole_head()
        whole.take_whole(b"1234")
        whole.begin()
        await ended(whole)
        lost = MemoryExchange(owner)
        lost.receive(POST)
        lost.lose()
        await turns()

    run(main)
    sizes = [note[3] for note in notes]
    assert notes == [
        ("GET", 200, 0, 0, True, True),
        ("POST", 200, 5, 5, True, True),
        ("POST", 413, 11, sizes[2], False, True),
        ("BREW", 501, 0, sizes[3], False, True),
        ("POST", 200, 4, 4, True, True),
    ]
    assert sizes[2] > 0
    assert sizes[3] > 0


def whole_head() -> RequestHead:
    """Return an accepted head whose body of four bytes came along."""
    sent = head("POST", (b"content-length", b"4"), body_size=4)
    return policy.accept_delimited(sent, Limits(), SERVED_METHODS, "kyoukai").head


def test_observers_are_told_where_the_client_was_gone_before_the_answer() -> None:
    notes: Told = []
    go_on = asyncio.Event()

    async def answer(request: Request) -> Response:
        await go_on.wait()
        return Response(b"late")

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(answer), observers=[notebook(notes)]))
        exchange.receive(head())
        await turns(1)
        exchange.lose()
        go_on.set()
        await turns()

    run(main)
    assert notes == [("GET", 0, 0, 0, True, True)]


def test_an_observer_that_fails_is_logged_and_the_others_are_told(caplog: pytest.LogCaptureFixture) -> None:
    notes: Told = []

    def fail(exchange: Any, request: Any, response: Any) -> None:
        raise RuntimeError("no room")

    async def main() -> None:
        owner = MemoryOwner(App(echo), observers=[fail, notebook(notes)])
        for sent in (head(), head("BREW")):
            exchange = MemoryExchange(owner)
            exchange.receive(sent)
            await ended(exchange)

    run(main)
    messages = [record.getMessage() for record in caplog.records if record.name != "kyoukai.refusals"]
    assert messages == ["an observer of answers failed"] * 2
    assert [note[:2] for note in notes] == [("GET", 200), ("BREW", 501)]


def test_an_observer_does_not_hold_up_an_interrupt() -> None:
    def interrupt(exchange: Any, request: Any, response: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            told([interrupt])(None, None, None)  # type: ignore[misc]
    finally:
        signal.signal(signal.SIGINT, before)


# The end


def test_a_task_that_ends_cuts_the_answer_off() -> None:
    async def main() -> None:
        kept: list[str] = []
        exchange = MemoryExchange(MemoryOwner(wait_for_ever(kept)))
        exchange.receive(head())
        await turns()
        task = exchange.task
        assert task is not None
        task.cancel()
        await turns()
        assert kept == ["begun", "cancelled"]
        assert exchange.calls == [("reset",), ("answered",)]
        assert exchange.task is None

    run(main)


def test_nothing_is_kept_of_an_exchange_that_is_over() -> None:
    async def main() -> None:
        owner = MemoryOwner(PlanningApp(lambda request: Response("early"), STREAMED))
        exchange = MemoryExchange(owner)
        exchange.receive(POST)
        exchange.receive_body(b"abc")
        await ended(exchange)
        exchange.receive_end()
        owner.app.requests.clear()
        owner.app.asked.clear()
        kept = weakref.ref(exchange.body.stream)  # type: ignore[union-attr]
        del exchange
        await turns()
        gc.collect()
        assert kept() is None

    run(main)


def test_generator_exit_ends_only_the_task_of_the_exchange() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        assert not exchange.is_ended_by(GeneratorExit())
        exchange.task = asyncio.current_task()  # type: ignore[assignment]
        assert not exchange.is_ended_by(GeneratorExit())
        other = asyncio.ensure_future(asyncio.sleep(0))
        exchange.task = other
        assert exchange.is_ended_by(GeneratorExit())
        await other
        assert not exchange.is_ended_by(ValueError())
        assert not exchange.is_ended_by(SystemExit())

    run(main)


def test_both_forms_of_applications_are_answered_for() -> None:
    async def lower(exchange: Any) -> None:
        exchange.write_response(Response("lower"), {"REQUEST_METHOD": "GET"})

    async def main() -> None:
        for app, content in ((LowerApp(lower), b"lower"), (App(echo), b"")):
            exchange = MemoryExchange(MemoryOwner(app))
            exchange.receive(head())
            await ended(exchange)
            assert (exchange.data, exchange.names) == (content, ["head", "end", "answered"])

    run(main)


def test_a_task_that_is_over_is_not_kept() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.note_task(None)
        assert exchange.task is None
        task = asyncio.ensure_future(asyncio.sleep(0))
        exchange.note_task(task)
        assert exchange.task is task
        await task

    run(main)


def test_a_request_is_no_refusal_before_and_while_its_body_comes() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        assert exchange.refusal is None
        exchange.receive(head("POST"))
        assert exchange.refusal is None

    run(main)


@pytest.mark.skipif(sys.version_info < (3, 12), reason="asyncio.Task has eager_start since Python 3.12")
def test_an_answer_that_need_not_wait_is_there_at_once() -> None:
    async def main() -> None:
        exchange = MemoryExchange()
        exchange.receive(head())
        assert exchange.names == ["head", "end", "answered"]

    run(main)


def test_a_wire_without_tunnels_opens_none() -> None:
    async def main() -> None:
        owner = MemoryOwner(PlanningApp(echo, None), features=HTTP1_FEATURES - {Feature.TUNNEL})
        exchange = MemoryExchange(owner)
        exchange.head = head(upgrade="websocket")
        assert exchange.open_tunnel("websocket", [], asyncio.Protocol) is None
        assert exchange.names == []

    run(main)


# Who the client is, where a connection carries requests of several


class OfSomebody(MemoryExchange):
    """It knows its own client, as one of FastCGI or of HTTP/2 behind a proxy does."""

    def __init__(self, owner: Any, address: str) -> None:
        super().__init__(owner)
        self.address = address

    @property
    def environ(self) -> dict[str, Any]:
        """The connection's, and this request's client."""
        return self.owner.environ | {"REMOTE_ADDR": self.address, "wsgi.url_scheme": "https"}


def test_each_request_has_a_client_of_its_own() -> None:
    told: list[str] = []

    def observe(exchange: Any, request: Any, response: Any) -> None:
        told.append(exchange.environ["REMOTE_ADDR"])

    app = PlanningApp(lambda request: Response(f"{request.remote_addr} {request.scheme}"))

    async def main() -> None:
        owner = MemoryOwner(app, observers=[observe])
        shared = dict(owner.environ)
        exchanges = [
            OfSomebody(owner, "198.51.100.1"),
            OfSomebody(owner, "198.51.100.2"),
            MemoryExchange(owner),
        ]
        for exchange in exchanges:
            exchange.receive(head("POST", body_size=None))
        for exchange in exchanges:
            exchange.receive_end()
            await ended(exchange)
        expected = [b"198.51.100.1 https", b"198.51.100.2 https", b"192.0.2.1 http"]
        assert [exchange.data for exchange in exchanges] == expected
        # The application was told before the body came, too.
        clients = ["198.51.100.1", "198.51.100.2", "192.0.2.1"]
        assert [environ["REMOTE_ADDR"] for environ in app.asked] == clients
        refused = OfSomebody(owner, "198.51.100.3")
        refused.receive(head("BREW"))
        assert refused.status == 501
        assert owner.environ == shared
        # So is whoever observes answers.
        assert told == [*clients, "198.51.100.3"]

    run(main)


def test_a_handler_that_runs_on_reads_a_body_that_was_whole() -> None:
    may_read = asyncio.Event()
    read: list[bytes] = []

    async def answer(exchange: Any) -> None:
        await may_read.wait()
        read.append(await read_content(exchange).read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(LowerApp(answer)))
        exchange.receive(head("POST", (b"content-length", b"3"), body_size=3))
        exchange.receive_body(b"abc")
        exchange.receive_end()
        await turns()
        exchange.lose()
        may_read.set()
        await turns()
        assert read == [b"abc"]

    run(main)

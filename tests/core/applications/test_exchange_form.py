"""Applications of the lower form: one coroutine over the exchange, whatever it does."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from werkzeug.exceptions import HTTPException, NotFound, abort
from werkzeug.wrappers import Response

from kyoukai.core.applications.exchange_calls import send_answer
from kyoukai.core.applications.exchange_form import ExchangeForm, finish_answer
from kyoukai.core.applications.forms import answerer_of
from kyoukai.core.applications.werkzeug_form import WerkzeugForm
from kyoukai.core.errors import BadRequest
from kyoukai.core.exchange.body_stream import ClientGoneError
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.serving.server_state import Server
from tests.core.wires import App, LowerApp, MemoryExchange, MemoryOwner, head, run, turns
from tests.logged import unnumbered

Answer = Callable[[Any], Awaitable[None]]


def respond(exchange: MemoryExchange, response: Response) -> Any:
    environ = {"REQUEST_METHOD": exchange.head.method, "PATH_INFO": exchange.head.path}
    return exchange.write_response(response, environ)


async def ask(answer: Answer, **settings: Any) -> MemoryExchange:
    """Return an exchange that was answered, as far as that needs no waiting."""
    exchange = MemoryExchange(MemoryOwner(LowerApp(answer), **settings))
    exchange.receive(head("GET", target=b"/a"))
    await turns(10)
    return exchange


def test_which_form_an_application_has() -> None:
    async def answer(exchange: Any) -> None:
        raise AssertionError

    lower = LowerApp(answer)
    assert isinstance(answerer_of(lower), ExchangeForm)
    assert isinstance(answerer_of(App(lambda request: Response())), WerkzeugForm)


def test_an_answer() -> None:
    async def answer(exchange: Any) -> None:
        respond(exchange, Response(f"{exchange.head.method} {exchange.head.path}"))

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]
        assert exchange.data == b"GET /a"
        assert exchange.app.contexts == [exchange.owner.parent_context]
        assert exchange.is_answered

    run(main)


def test_a_streamed_answer() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)
        yield b"b"

    async def answer(exchange: Any) -> None:
        await respond(exchange, Response(body()))  # type: ignore[arg-type]

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["head", "data", "end", "answered"]
        assert exchange.data == b"ab"

    run(main)


async def nothing(exchange: Any) -> None:
    """Send nothing."""


async def fail(exchange: Any) -> None:
    raise ValueError("secret")


async def exit_(exchange: Any) -> None:
    raise SystemExit


async def await_what_is_cancelled(exchange: Any) -> None:
    future = exchange.owner.loop.create_future()
    future.cancel()
    await future


@pytest.mark.parametrize("answer", [nothing, fail, exit_, await_what_is_cancelled])
def test_one_that_fails(answer: Answer, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.calls == [("head", 500), ("end",), ("answered",)]
        assert b"secret" not in exchange.data
        assert exchange.is_answered

    run(main)
    [record] = caplog.records
    assert unnumbered(record.getMessage()) == "the application failed on GET '/a'"
    assert record.exc_info is not None
    if answer is nothing:
        assert str(record.exc_info[1]) == "process_exchange returned without sending an answer"


@pytest.mark.parametrize("error", [NotFound(), BadRequest()])
def test_one_that_raises_an_http_error(error: HTTPException, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Any) -> None:
        raise error

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.status == error.code
        assert exchange.names == ["head", "end", "answered"]

    run(main)
    assert caplog.messages == []


def test_an_http_error_that_carries_a_streamed_response() -> None:
    closed = []

    async def body() -> AsyncIterator[bytes]:
        yield b"gone"
        await asyncio.sleep(0)
        yield b", all of it"

    async def answer(exchange: Any) -> None:
        response = Response(body(), 410)  # type: ignore[arg-type]
        response.call_on_close(lambda: closed.append(True))
        abort(response)

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.status == 410
        assert exchange.data == b"gone, all of it"
        assert exchange.names[-2:] == ["end", "answered"]
        assert closed == [True]

    run(main)


@pytest.mark.parametrize("error", [ValueError("x"), NotFound()])
def test_one_that_fails_once_its_answer_has_begun(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Any) -> None:
        rest = respond(exchange, Response(iter([b"a"])))
        rest.close()
        raise error

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.calls == [("head", 200), ("reset",), ("answered",)]

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/a'"]


def test_one_that_is_cancelled() -> None:
    async def wait(exchange: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        exchange = await ask(wait)
        task = exchange.task
        assert task is not None
        task.cancel()
        await turns()
        assert task.cancelled()
        # It ends without an answer, and the wire learns of it.
        assert exchange.calls == [("reset",), ("answered",)]
        assert exchange.task is None

    run(main)


def test_one_whose_client_is_lost() -> None:
    async def read(exchange: Any) -> None:
        await exchange.wait_client_ended()
        await exchange.drain()

    async def main() -> None:
        exchange = await ask(read)
        exchange.lose()
        await turns()
        assert exchange.calls == []
        assert exchange.is_answered

    run(main)


def test_one_whose_client_is_lost_and_that_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def wait(exchange: Any) -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        exchange = await ask(wait, cancel_on_disconnect=True)
        exchange.lose()
        await turns()
        assert exchange.calls == []

    run(main)
    assert caplog.messages == []


def test_a_client_that_does_not_read_gets_no_more_answers_made() -> None:
    async def answer(exchange: Any) -> None:
        respond(exchange, Response("hello"))

    async def main() -> None:
        owner = MemoryOwner(LowerApp(answer))
        reads, lost = MemoryExchange(owner), MemoryExchange(owner)
        for exchange in (reads, lost):
            exchange.pause_writing()
            exchange.receive(head())
        await turns()
        assert owner.app.contexts == []
        reads.resume_writing()
        lost.lose()
        await turns()
        assert reads.names == ["head", "end", "answered"]
        assert lost.names == []
        assert len(owner.app.contexts) == 1

    run(main)


def test_refusals_are_the_servers() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(LowerApp(nothing)))
        exchange.receive(head("POST", (b"content-encoding", b"br"), body_size=5))
        assert exchange.status == 415
        assert exchange.app.contexts == []

    run(main)


def test_a_wire_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryExchange):
        def send_head(self, head: AnswerHead) -> None:
            raise RuntimeError("the wire")

    async def main() -> None:
        exchange = Broken(MemoryOwner(LowerApp(fail)))
        exchange.receive(head("GET", target=b"/a"))
        await turns()
        assert exchange.calls == [("reset",), ("answered",)]

    run(main)
    wrong = ["the application failed on GET '/a'", "answering GET '/a' failed"]
    assert [re.sub(r" \(request id \w{32}\)", "", text) for text in caplog.messages] == wrong
    assert len({text.rpartition("request id ")[2] for text in caplog.messages}) == 1


def test_its_answers_are_observed() -> None:
    notes = []

    def observe(exchange: Any, request: Any, response: Any) -> None:
        head = exchange.answer_head
        notes.append((exchange.status, request, response, None if head is None else head.fields))

    async def answer(exchange: Any) -> None:
        await send_answer(exchange, "200 OK", [("X-A", "1")], b"hello")

    async def main() -> None:
        await ask(fail, observers=[observe])
        await ask(answer, observers=[observe])

    run(main)
    assert notes == [(500, None, None, None), (200, None, None, (("X-A", "1"),))]


def test_what_it_may_ask() -> None:
    async def answer(exchange: Any) -> None:
        assert isinstance(exchange.server, Server)
        exchange.send_early_hints([("Link", "<a>")])
        respond(exchange, Response("ok"))

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["informational", "head", "end", "answered"]

    run(main)


@pytest.mark.parametrize("how", ["returns", "raises", "is cancelled"])
def test_one_that_goes_on_behind_its_answer(how: str, caplog: pytest.LogCaptureFixture) -> None:
    notes: list[int] = []
    hold = asyncio.Event()

    async def answer(exchange: Any) -> None:
        await send_answer(exchange, "200 OK", [], b"hello")
        finish_answer(exchange)
        await hold.wait()
        if how == "raises":
            raise LookupError

    async def main() -> None:
        tasks = asyncio.all_tasks()
        exchange = await ask(
            answer, observers=[lambda exchange, request, response: notes.append(exchange.status)]
        )
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.is_answered
        # It is no one's loss any more.
        exchange.lose(cancel=True)
        await turns()
        (task,) = asyncio.all_tasks() - tasks
        if how == "is cancelled":
            task.cancel()
        hold.set()
        await turns()
        assert task.done()
        assert exchange.names == ["head", "end", "answered"]

    run(main)
    assert notes == [200]
    logged = [unnumbered(record.getMessage()) for record in caplog.records if record.levelname == "ERROR"]
    text = "the application failed after its answer to GET '/a'"
    assert logged == ([text] if how == "raises" else [])


def test_an_early_end_that_nobody_observes() -> None:
    async def answer(exchange: Any) -> None:
        await send_answer(exchange, "200 OK", [], b"hello")
        finish_answer(exchange)
        assert exchange.is_answered

    async def main() -> None:
        assert (await ask(answer)).names == ["head", "end", "answered"]

    run(main)


def test_an_answer_is_not_finished_early_for_a_client_that_is_gone() -> None:
    notes: list[int] = []

    async def answer(exchange: Any) -> None:
        await send_answer(exchange, "200 OK", [], b"hello")
        exchange.lose()
        finish_answer(exchange)
        assert notes == []

    async def main() -> None:
        await ask(answer, observers=[lambda exchange, request, response: notes.append(exchange.status)])

    run(main)
    assert notes == [200]


def test_an_answer_that_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Any) -> None:
        if exchange.client_ended:
            raise ClientGoneError
        exchange.end_client()
        raise ClientGoneError

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["reset", "answered"]

    run(main)
    assert not [record for record in caplog.records if record.levelname == "ERROR"]


class Listening:
    """What learns of a loss by itself, or does not."""

    def __init__(self, is_waiting: bool, was_told: bool) -> None:
        self.is_waiting = is_waiting
        self.was_told = was_told


@pytest.mark.parametrize(
    ("listener", "has_begun", "cancels", "is_cut"),
    [
        (None, True, False, True),
        (None, False, False, False),
        (None, False, True, True),
        (Listening(False, False), True, False, True),
        (Listening(True, False), True, False, False),
        (Listening(True, False), True, True, True),
        (Listening(False, True), True, True, False),
    ],
)
def test_who_is_cut_off_by_a_loss(listener: Any, has_begun: bool, cancels: bool, is_cut: bool) -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(LowerApp(fail), cancel_on_disconnect=cancels))
        exchange.status = 200 if has_begun else 0
        if listener is not None:
            exchange.listen(listener)
        assert exchange.is_cut_by_loss is is_cut

    run(main)

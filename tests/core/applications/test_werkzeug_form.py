"""Applications of the Werkzeug form, over a wire in memory: whatever they raise, there is an answer."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ContentTooLarge
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.serving.application import BodyPlan
from tests.core.wires import App, MemoryExchange, MemoryOwner, PlanningApp, head, run, turns
from tests.logged import unnumbered


async def ask(app: Any, wire: type[MemoryExchange] = MemoryExchange, **settings: Any) -> MemoryExchange:
    """Return an exchange that was answered, as far as that needs no waiting."""
    exchange = wire(MemoryOwner(app, **settings))
    exchange.receive(head("GET", target=b"/a"))
    await turns(10)
    return exchange


def test_it_gets_a_request_and_the_context() -> None:
    class Own(Request):
        """A class of its own."""

    class Asked(App):
        request_class = Own

        async def process_request(self, request: Request, parent_context: Any) -> Response:
            self.context = parent_context
            return await super().process_request(request, parent_context)

    async def main() -> None:
        exchange = await ask(Asked(lambda request: Response(type(request).__name__)))
        assert exchange.data == b"Own"
        assert exchange.app.context is exchange.owner.parent_context
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]

    run(main)


def test_a_connection_may_be_what_a_handler_talks_to() -> None:
    async def main() -> None:
        owner = MemoryOwner(App(lambda request: Response(str(request.environ["kyoukai.protocol"]))))
        exchange = MemoryExchange(owner)
        exchange.receive(head())
        await turns()
        assert owner.app.requests[0].environ["kyoukai.protocol"] is exchange
        owner.environ["kyoukai.protocol"] = "the connection"
        exchange = MemoryExchange(owner)
        exchange.receive(head())
        await turns()
        assert exchange.data == b"the connection"

    run(main)


def raising(fault: BaseException) -> App:
    def answer(request: Request) -> Response:
        raise fault

    return App(answer)


@pytest.mark.parametrize("fault", [ValueError("secret"), NotFound(), SystemExit(), GeneratorExit()])
def test_one_that_raises(fault: BaseException, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = await ask(raising(fault))
        assert exchange.calls == [("head", 500), ("end",), ("answered",)]
        assert b"secret" not in exchange.data

    run(main)
    [record] = caplog.records
    assert unnumbered(record.getMessage()) == "the application failed on GET '/a'"


def test_a_refusal_that_it_raises_is_the_answer(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = await ask(raising(ContentTooLarge()))
        assert exchange.status == 413

    run(main)
    assert caplog.messages == []


@pytest.mark.parametrize("answer", [None, "text", b"bytes", 5])
def test_one_that_returns_no_response(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = await ask(App(lambda request: answer))
        assert exchange.status == 500

    run(main)
    [record] = caplog.records
    assert record.exc_info is not None
    assert str(record.exc_info[1]) == f"process_request returned {answer!r}; it must return a Response"


def test_a_class_of_requests_that_cannot_be_made(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(App):
        def request_class(self, environ: dict[str, Any]) -> Request:  # type: ignore[override]
            raise ValueError("no request")

    async def main() -> None:
        exchange = await ask(Broken(lambda request: Response()))
        assert exchange.calls == [("head", 500), ("end",), ("answered",)]

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/a'"]


def waiting(closed: list[str]) -> App:
    async def answer(request: Request) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append("ended")
        raise AssertionError

    return App(answer)


def test_one_that_is_cancelled() -> None:
    async def main() -> None:
        closed: list[str] = []
        exchange = await ask(waiting(closed))
        task = exchange.task
        assert task is not None
        task.cancel()
        await turns()
        assert task.cancelled()
        assert closed == ["ended"]
        assert exchange.calls == [("reset",), ("answered",)]
        assert (exchange.task, exchange.status) == (None, 0)

    run(main)


def test_one_that_is_cancelled_while_its_answer_is_sent() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.Event().wait()

    async def main() -> None:
        closed: list[bool] = []

        def answer(request: Request) -> Response:
            response = Response(body())  # type: ignore[arg-type]
            response.call_on_close(lambda: closed.append(True))
            return response

        exchange = await ask(App(answer))
        assert exchange.names == ["head", "data"]
        assert exchange.task is not None
        exchange.task.cancel()
        await turns(10)
        assert exchange.names == ["head", "data", "reset", "answered"]
        assert closed == [True]

    run(main)


def test_one_that_waits_for_what_is_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(request: Request) -> Response:
        future = asyncio.get_running_loop().create_future()
        future.cancel()
        await future
        raise AssertionError

    async def main() -> None:
        exchange = await ask(App(answer))
        assert exchange.status == 500

    run(main)
    assert unnumbered(caplog.messages) == ["the application was cancelled on GET '/a'"]


def test_resources_are_closed_before_the_wire_goes_on() -> None:
    order: list[str] = []

    class Ordered(MemoryExchange):
        def answered(self) -> None:
            order.append("answered")
            super().answered()

    def answer(request: Request) -> Response:
        response = Response("a")
        response.call_on_close(lambda: order.append("closed"))
        return response

    async def main() -> None:
        exchange = await ask(App(answer), Ordered)
        assert exchange.names == ["head", "end", "answered"]

    run(main)
    assert order == ["closed", "answered"]


def test_the_wire_goes_on_though_closing_is_cancelled() -> None:
    class Closing(Response):
        def close(self) -> None:
            task: Any = asyncio.current_task()
            task.cancel()
            raise asyncio.CancelledError

    async def main() -> None:
        exchange = await ask(App(lambda request: Closing("a")))
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.is_answered

    run(main)


@pytest.mark.parametrize("when", ["head", "end"])
def test_a_wire_that_fails(when: str, caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryExchange):
        def send_head(self, head: AnswerHead) -> None:
            if when == "head":
                raise RuntimeError("the wire")
            super().send_head(head)

        def send_end(self, data: bytes = b"", trailers: Any = ()) -> None:
            raise RuntimeError("the wire")

    async def main() -> None:
        exchange = await ask(App(lambda request: Response("a")), Broken)
        assert exchange.names[-2:] == ["reset", "answered"]

    run(main)
    assert unnumbered(caplog.messages) == ["answering GET '/a' failed"]


class Refusing(PlanningApp):
    """Answers refusals by what it was made with."""

    def __init__(self, refuse: Any, plan: Any = None) -> None:
        super().__init__(lambda request: Response("a request"), plan)
        self.refuse = refuse

    async def process_refusal(self, request: Request, parent_context: Any, error: Any) -> Response:
        return self.refuse(error)  # type: ignore[no-any-return]


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log lines about faults: a refusal is none of the server's."""
    return [record.getMessage() for record in caplog.records if record.name != "kyoukai.refusals"]


def test_one_that_fails_to_answer_a_refusal(caplog: pytest.LogCaptureFixture) -> None:
    def fail(error: Any) -> Response:
        raise KeyError("x")

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(Refusing(fail), Limits(max_body_size=5)))
        exchange.receive(head("POST", target=b"/a", body_size=6))
        await turns()
        # The server answers by the refusal.
        assert exchange.calls == [("head", 413), ("end",), ("answered",)]

    run(main)
    assert unnumbered(errors(caplog)) == ["the application failed on POST '/a'"]


def test_a_refusal_after_the_task_was_begun_and_before_it_runs(caplog: pytest.LogCaptureFixture) -> None:
    """The application was asked for the answer to the request, and not to the refusal."""

    async def answer(request: Request) -> Response:
        await asyncio.sleep(0)
        return Response(await request.environ["kyoukai.body"].read())

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(PlanningApp(answer, BodyPlan(stream=True, max_size=5))))
        exchange.receive(head("POST", body_size=None))
        exchange.receive_body(b"123456")
        await turns(10)
        assert exchange.calls == [("head", 413), ("end",), ("answered",)]

    run(main)
    assert errors(caplog) == []


def test_the_head_of_a_request_to_head() -> None:
    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(App(lambda request: Response("hello"))))
        exchange.receive(head("HEAD"))
        await turns()
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]
        assert (exchange.data, exchange.sent) == (b"", 0)
        assert exchange.answer is not None
        assert exchange.answer.size == 5

    run(main)

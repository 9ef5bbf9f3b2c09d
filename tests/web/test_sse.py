import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from kyoukai.web import HTTPRequestContext, Kyoukai, ServerSentEvent, event_stream, last_event_id
from kyoukai.web.sse import HEARTBEAT, EventStream

from .asking import ask, within


@pytest.mark.parametrize(
    ("event", "sent"),
    [
        (ServerSentEvent("hello"), b"data: hello\n\n"),
        (ServerSentEvent(""), b"data: \n\n"),
        (ServerSentEvent(" a"), b"data:  a\n\n"),
        (ServerSentEvent("a\nb\r\nc\rd\n"), b"data: a\ndata: b\ndata: c\ndata: d\ndata: \n\n"),
        (ServerSentEvent("\n\n"), b"data: \ndata: \ndata: \n\n"),
        # Line breaks to Python, and none to a client.
        (ServerSentEvent("a\u2028b\x0bc"), "data: a\u2028b\x0bc\n\n".encode()),
        (ServerSentEvent("id: 5"), b"data: id: 5\n\n"),
        (ServerSentEvent("é"), "data: é\n\n".encode()),
        (ServerSentEvent({"a": [1]}), b'data: {"a":[1]}\n\n'),
        (ServerSentEvent([]), b"data: []\n\n"),
        (ServerSentEvent("x", event="add"), b"event: add\ndata: x\n\n"),
        (ServerSentEvent("x", id="7"), b"id: 7\ndata: x\n\n"),
        (ServerSentEvent(id=""), b"id: \n\n"),
        (ServerSentEvent(retry=0), b"retry: 0\n\n"),
        (ServerSentEvent(comment="a\nb"), b": a\n: b\n\n"),
        (
            ServerSentEvent("x", "add", "7", 100, "c"),
            b": c\nevent: add\nid: 7\nretry: 100\ndata: x\n\n",
        ),
    ],
)
def test_wire_format_of_an_event(event: ServerSentEvent, sent: bytes) -> None:
    assert event.encode() == sent


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({}, "something in it"),
        ({"data": "x", "event": "a\nb"}, "event of an event must be one line"),
        ({"data": "x", "event": "a\rdata: b"}, "event of an event must be one line"),
        ({"data": "x", "id": "a\n"}, "id of an event must be one line"),
        ({"data": "x", "id": "a\0"}, "without NUL"),
        ({"data": "x", "retry": -1}, "retry must be a number of milliseconds"),
        ({"data": "x", "retry": True}, "retry must be"),
        ({"data": "x", "retry": 1.5}, "retry must be"),
    ],
)
def test_no_event(values: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ServerSentEvent(**values)


@pytest.mark.parametrize("values", [{"data": b"x"}, {"data": 5}, {"id": 5}, {"event": b"x"}, {"comment": 5}])
def test_a_wrong_type(values: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="must be a str"):
        ServerSentEvent(**values)


def test_another_encoder() -> None:
    assert ServerSentEvent([1]).encode(lambda value: f"<{value}>\n") == b"data: <[1]>\ndata: \n\n"


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(asyncio.wait_for(main(), 20))


async def next_event(stream: EventStream) -> bytes:
    """Return the next event, after however many heartbeats."""
    while (piece := await anext(stream)) == HEARTBEAT:
        pass
    return piece


class Connection:
    """What a stream asks a connection for."""

    def __init__(self) -> None:
        self.ended = asyncio.Event()
        self.server = self
        self.stop_begun = asyncio.Event()

    @property
    def stopping(self) -> bool:
        return self.stop_begun.is_set()

    async def wait_client_ended(self) -> None:
        await self.ended.wait()

    async def wait_stopping(self) -> None:
        await self.stop_begun.wait()


def test_events_are_made_on_demand() -> None:
    made: list[int] = []

    async def events() -> AsyncIterator[str]:
        for number in range(3):
            made.append(number)
            yield str(number)

    async def main() -> None:
        stream = EventStream(events(), None, None, b"retry: 5\n\n")
        assert await anext(stream) == b"retry: 5\n\n"
        assert made == []
        assert await anext(stream) == b"data: 0\n\n"
        await asyncio.sleep(0)
        assert made == [0]
        assert [piece async for piece in stream] == [b"data: 1\n\n", b"data: 2\n\n"]
        await stream.aclose()

    run(main)


def test_whole_stream_runs_in_one_task() -> None:
    tasks = set()

    async def events() -> AsyncIterator[str]:
        # What could not be left in another task than the one that entered it.
        async with asyncio.timeout(20):
            for _ in range(3):
                tasks.add(asyncio.current_task())
                yield "x"

    async def main() -> None:
        stream = EventStream(events(), None, 20)
        assert len([piece async for piece in stream]) == 3
        await stream.aclose()
        assert len(tasks) == 1

    run(main)


def test_heartbeats_come_between_events() -> None:
    async def main() -> None:
        go_on = asyncio.Event()

        async def events() -> AsyncIterator[str]:
            await go_on.wait()
            yield "x"

        stream = EventStream(events(), None, 0.001)
        assert [await anext(stream) for _ in range(3)] == [HEARTBEAT] * 3
        go_on.set()
        assert await next_event(stream) == b"data: x\n\n"
        assert [piece async for piece in stream if piece != HEARTBEAT] == []
        await stream.aclose()

    run(main)


def test_a_client_that_ends() -> None:
    closed: list[str] = []

    async def events() -> AsyncIterator[str]:
        try:
            yield "x"
            await asyncio.get_running_loop().create_future()
        finally:
            closed.append("generator")

    async def main() -> None:
        connection = Connection()
        stream = EventStream(events(), connection, None)
        assert await anext(stream) == b"data: x\n\n"
        connection.ended.set()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await stream.aclose()
        assert closed == ["generator"]

    run(main)


def test_a_server_that_stops() -> None:
    async def events() -> AsyncIterator[str]:
        while True:
            yield "x"

    async def main() -> None:
        connection = Connection()
        stream = EventStream(events(), connection, None)
        assert await anext(stream) == b"data: x\n\n"
        connection.stop_begun.set()
        with pytest.raises(StopAsyncIteration):
            await anext(stream)
        await stream.aclose()

    run(main)


def test_a_server_that_stops_while_there_is_no_event() -> None:
    async def events() -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield "x"

    async def main() -> None:
        connection = Connection()
        stream = EventStream(events(), connection, None)
        item = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(0)
        connection.stop_begun.set()
        with pytest.raises(StopAsyncIteration):
            await item
        await stream.aclose()

    run(main)


@pytest.mark.parametrize("count", [0, 1])
def test_closing_closes_the_generator(count: int) -> None:
    closed: list[str] = []

    async def events() -> AsyncIterator[str]:
        try:
            yield "x"
        finally:
            await asyncio.sleep(0)
            closed.append("generator")

    async def main() -> None:
        generator = events()
        stream = EventStream(generator, None, None)
        for _ in range(count):
            await anext(stream)
        await stream.aclose()
        assert closed == ["generator"] * count
        with pytest.raises(StopAsyncIteration):
            await anext(generator)

    run(main)


def test_an_error_is_raised() -> None:
    async def events() -> AsyncIterator[str]:
        yield "x"
        raise KeyError("y")

    async def main() -> None:
        stream = EventStream(events(), None, None)
        await anext(stream)
        with pytest.raises(KeyError):
            await anext(stream)
        await stream.aclose()

    run(main)


def test_invalid_event() -> None:
    async def events() -> AsyncIterator[Any]:
        yield 5

    async def main() -> None:
        stream = EventStream(events(), None, None)
        with pytest.raises(TypeError, match="not 5"):
            await anext(stream)
        await stream.aclose()

    run(main)


def test_a_cancellation_from_within() -> None:
    async def events() -> AsyncIterator[str]:
        raise asyncio.CancelledError
        yield ""

    async def main() -> None:
        stream = EventStream(events(), None, None)
        with pytest.raises(RuntimeError, match="cancelled"):
            await anext(stream)
        await stream.aclose()

    run(main)


def test_a_generator_that_swallows_its_cancellation() -> None:
    async def events() -> AsyncIterator[str]:
        yield "a"
        try:
            await asyncio.get_running_loop().create_future()
        except asyncio.CancelledError:
            yield "b"
        yield "c"

    async def main() -> None:
        stream = EventStream(events(), None, 0.001)
        assert await next_event(stream) == b"data: a\n\n"
        assert await anext(stream) == HEARTBEAT
        await stream.aclose()

    run(main)


@pytest.mark.parametrize("while_waiting", [True, False])
def test_a_generator_that_fails_when_it_is_closed(
    while_waiting: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def events() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.get_running_loop().create_future()
        finally:
            raise KeyError("in vain")

    async def main() -> None:
        stream = EventStream(events(), None, 0.001)
        await next_event(stream)
        if while_waiting:
            assert await anext(stream) == HEARTBEAT
        await stream.aclose()

    run(main)
    assert [record.name for record in caplog.records] == ["kyoukai.web"]
    assert "in vain" in caplog.text


def test_an_iterable_that_cannot_be_closed() -> None:
    class Events:
        def __aiter__(self) -> "Events":
            return self

        async def __anext__(self) -> str:
            return "x"

    async def main() -> None:
        for count in (0, 2):
            stream = EventStream(Events(), None, None)
            for _ in range(count):
                await anext(stream)
            await stream.aclose()

    run(main)


async def nothing() -> AsyncIterator[str]:
    return
    yield ""


def test_the_response() -> None:
    app = Kyoukai("events")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Any:
        return event_stream(ctx, nothing())

    response = ask(app)
    assert isinstance(response.response, EventStream)
    assert dict(response.headers) == {
        "Content-Type": "text/event-stream",
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }


@pytest.mark.parametrize("heartbeat", [0, -1, "15", float("nan")])
def test_no_heartbeat(heartbeat: Any) -> None:
    def call(ctx: HTTPRequestContext) -> None:
        with pytest.raises(ValueError, match="heartbeat must be"):
            event_stream(ctx, nothing(), heartbeat=heartbeat)

    within(Kyoukai("events"), call)


def test_no_events() -> None:
    def call(ctx: HTTPRequestContext) -> None:
        with pytest.raises(TypeError, match="async iterable"):
            event_stream(ctx, ["x"])  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="retry"):
            event_stream(ctx, nothing(), retry=-1)

    within(Kyoukai("events"), call)


@pytest.mark.parametrize(
    ("value", "expected"), [(None, None), ("", None), ("7", "7"), ("\xc3\xa9", "é"), ("\xff", "\ufffd")]
)
def test_the_last_id(value: str | None, expected: str | None) -> None:
    overrides = {} if value is None else {"HTTP_LAST_EVENT_ID": value}
    assert within(Kyoukai("events"), last_event_id, overrides=overrides) == expected

"""An answer that is pushed, over a wire in memory."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kyoukai.core.applications.answer_stream import start_answer
from kyoukai.core.applications.exchange_calls import send_answer
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.response_body import PIECE_SIZE
from kyoukai.core.features import Feature
from kyoukai.core.semantics.serialize import InvalidResponseError
from tests.core.wires import LowerApp, MemoryExchange, MemoryOwner, head, run, turns
from tests.logged import unnumbered

TE = (b"te", b"trailers")
SUM = [("X-Sum", "1")]


async def ask(
    answer: Callable[[Exchange], Awaitable[None]], *fields: tuple[bytes, bytes], method: str = "GET"
) -> MemoryExchange:
    """Return an exchange that is being answered."""
    owner = MemoryOwner(LowerApp(answer), features=frozenset({Feature.RESPONSE_TRAILERS}))
    exchange = MemoryExchange(owner)
    exchange.receive(head(method, *fields))
    await turns()
    return exchange


def test_each_piece_is_written_when_it_is_pushed() -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "201 CREATED", [("X-A", "b")])
        assert exchange.names == ["head"]  # type: ignore[attr-defined]
        await stream.send(b"one")
        await stream.send(b"")
        await stream.send(b"two")
        assert exchange.names == ["head", "data", "data"]  # type: ignore[attr-defined]
        await stream.end(b"three")
        assert stream.is_ended

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["head", "data", "data", "end", "answered"]
        # Nothing is kept of it.
        assert exchange.owner.answerer.pushed == {}  # type: ignore[attr-defined]
        assert exchange.writes == [b"one", b"two", b"three"]
        assert (exchange.status, exchange.sent) == (201, 11)
        assert exchange.answer is not None
        assert (exchange.answer.fields, exchange.answer.size) == ((("X-A", "b"),), None)

    run(main)


def test_gathered_pieces_are_written_at_the_next_turn_or_when_it_is_asked_for() -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        stream.gathers = True
        await stream.send(b"one")
        await stream.send(b"two")
        assert exchange.names == ["head"]  # type: ignore[attr-defined]
        await asyncio.sleep(0)
        assert exchange.names == ["head", "data"]  # type: ignore[attr-defined]
        await stream.send(b"three")
        stream.flush()
        assert exchange.names == ["head", "data", "data"]  # type: ignore[attr-defined]
        await stream.send(b"four")
        await stream.end(b"five")
        stream.flush()

    async def main() -> None:
        exchange = await ask(answer)
        await turns()
        assert exchange.names == ["head", "data", "data", "end", "answered"]
        assert exchange.writes == [b"onetwo", b"three", b"fourfive"]

    run(main)


def test_there_is_nothing_to_flush_of_an_answer_without_content() -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        await stream.send(b"one")
        stream.flush()
        await stream.end()

    async def main() -> None:
        exchange = await ask(answer, method="HEAD")
        await turns()
        assert exchange.writes == []

    run(main)


def test_the_next_piece_waits_for_a_client_that_does_not_read() -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        exchange.pause_writing()
        await stream.send(b"one")
        await stream.end(b"two")

    async def main() -> None:
        exchange = await ask(answer)
        await turns(20)
        assert exchange.writes == [b"one"]
        exchange.resume_writing()
        await turns()
        assert exchange.writes == [b"one", b"two"]
        assert exchange.names[-1] == "answered"

    run(main)


def test_others_have_their_turn_between_many_pieces() -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        for _ in range(100):
            await stream.send(b"x")
        await stream.end()

    async def main() -> None:
        exchange = MemoryExchange(MemoryOwner(LowerApp(answer)))
        exchange.receive(head())
        await turns(2)
        assert 0 < len(exchange.writes) < 100
        await turns(20)
        assert exchange.data == b"x" * 100

    run(main)


@pytest.mark.parametrize(("method", "piece"), [("HEAD", b"x"), ("GET", b"")])
def test_others_have_their_turn_between_pieces_of_which_nothing_is_sent(method: str, piece: bytes) -> None:
    ended: list[int] = []

    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        for number in range(100):
            await (
                stream.send(piece) if number % 2 or piece == b"" else stream.send_file(io.BytesIO(piece), 1)
            )
        await stream.end()
        ended.append(number)

    async def main() -> None:
        MemoryExchange(MemoryOwner(LowerApp(answer))).receive(head(method))
        await turns(4)
        assert not ended
        await turns(20)
        assert ended

    run(main)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_content_that_is_there_goes_in_pieces(method: str) -> None:
    size = 3 * PIECE_SIZE

    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK", [("Content-Length", str(size))])
        await stream.end_large(bytes(size))
        assert stream.is_ended

    async def main() -> None:
        exchange = await ask(answer, method=method)
        await turns()
        assert [len(data) for data in exchange.writes] == ([PIECE_SIZE] * 3 if method == "GET" else [])
        assert exchange.names[-2:] == ["end", "answered"]

    run(main)


def test_an_answer_that_was_left_within_its_content_cannot_go_on(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        exchange.pause_writing()
        sending = asyncio.ensure_future(stream.end_large(bytes(9 * PIECE_SIZE)))
        await turns()
        sending.cancel()
        await turns()
        exchange.resume_writing()
        for call in (stream.send(b"two"), stream.end(b"two"), stream.send_file(io.BytesIO(b"two"), 3)):
            with pytest.raises(RuntimeError, match="cannot continue"):
                await call

    async def main() -> None:
        exchange = await ask(answer)
        await turns(30)
        assert exchange.names[-2:] == ["reset", "answered"]
        assert set(exchange.data) == {0}

    run(main)


@pytest.mark.parametrize(
    ("fields", "answer_fields", "features", "sent"),
    [
        pytest.param([TE], [], True, SUM, id="RFC9110-6.5"),
        pytest.param([], [], True, [], id="RFC9110-10.1.4"),
        pytest.param([TE], [("Content-Length", "1")], True, [], id="RFC9112-7.1.2-of-a-size"),
        pytest.param([TE], [], False, [], id="no-such-wire"),
    ],
)
def test_trailers(fields: Any, answer_fields: Any, features: bool, sent: Any) -> None:
    async def answer(exchange: Exchange) -> None:
        if not features:
            exchange.owner.features = frozenset()
        stream = start_answer(exchange, "200 OK", answer_fields)
        assert stream.takes_trailers is bool(sent)
        await stream.end(b"a", SUM)

    async def main() -> None:
        exchange = await ask(answer, *fields)
        assert (exchange.data, exchange.trailers) == (b"a", sent)
        assert exchange.names[-2:] == ["end", "answered"]

    run(main)


@pytest.mark.parametrize(("method", "status"), [("HEAD", "200 OK"), ("GET", "204 NO CONTENT")])
def test_an_answer_without_content(method: str, status: str) -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, status)
        await stream.send(b"one")
        await stream.end(b"two", SUM)

    async def main() -> None:
        exchange = await ask(answer, TE, method=method)
        assert exchange.names == ["head", "end", "answered"]
        assert (exchange.data, exchange.trailers, exchange.sent) == (b"", [], 0)

    run(main)


async def push_nothing_more(exchange: Exchange) -> None:
    await start_answer(exchange, "200 OK").send(b"one")


async def push_too_little(exchange: Exchange) -> None:
    stream = start_answer(exchange, "200 OK", [("Content-Length", "9")])
    await stream.send(b"one")
    await stream.end()


async def push_too_much(exchange: Exchange) -> None:
    stream = start_answer(exchange, "200 OK", [("Content-Length", "4")])
    await stream.send(b"one")
    await stream.send(b"two")


async def push_a_bad_trailer(exchange: Exchange) -> None:
    stream = start_answer(exchange, "200 OK")
    await stream.send(b"one")
    await stream.end(b"two", [("Content-Length", "6")])


@pytest.mark.parametrize("answer", [push_nothing_more, push_too_little, push_too_much, push_a_bad_trailer])
def test_an_answer_that_is_not_ended_is_broken_off(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        exchange = await ask(answer)
        await turns()
        assert exchange.names == ["head", "data", "reset", "answered"]
        assert exchange.data == b"one"

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/'"]


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_part_of_a_file(method: str) -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK", [("Content-Length", "5")])
        await stream.send(b"a")
        await stream.send_file(io.BytesIO(b"abc"), 1, 1)
        file = io.BytesIO(b"abcdefg")
        file.seek(2)
        await stream.send_file(file, 3)
        await stream.end()
        with pytest.raises(RuntimeError):
            await stream.send_file(io.BytesIO(b"cdefg"), 3)

    async def main() -> None:
        exchange = await ask(answer, method=method)
        while not exchange.is_answered:  # noqa: ASYNC110 - what reads the file has no event
            await asyncio.sleep(0.001)
        assert exchange.data == (b"abcde" if method == "GET" else b"")
        assert exchange.names[-1] == "answered"

    run(main)


def test_a_request_has_one_answer_however_it_is_sent(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        with pytest.raises(RuntimeError, match="already answered"):
            start_answer(exchange, "200 OK")
        with pytest.raises(RuntimeError, match="already answered"):
            await send_answer(exchange, "200 OK")
        await stream.end(b"one")
        for call in (stream.send(b"two"), stream.end()):
            with pytest.raises(RuntimeError, match="this answer has ended"):
                await call

    async def main() -> None:
        assert (await ask(answer)).names == ["head", "end", "answered"]

    run(main)
    assert caplog.messages == []


def test_a_head_that_cannot_be_sent_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Exchange) -> None:
        with pytest.raises(InvalidResponseError):
            start_answer(exchange, "200 OK", [("A", "b\nc")])
        raise LookupError

    async def main() -> None:
        assert (await ask(answer)).status == 500

    run(main)
    assert len(caplog.messages) == 1


def test_nothing_is_pushed_to_a_client_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    done: list[str] = []

    async def answer(exchange: Exchange) -> None:
        stream = start_answer(exchange, "200 OK")
        exchange.task = None  # What answers goes on, to see what it is told.
        await asyncio.sleep(0)
        exchange.lose()
        for call in (stream.send(b"one"), stream.end()):
            with pytest.raises(ConnectionResetError):
                await call
        with pytest.raises(RuntimeError):
            start_answer(exchange, "200 OK")
        done.append("seen")

    async def main() -> None:
        exchange = await ask(answer)
        await turns()
        assert exchange.names == ["head"]

    run(main)
    assert (done, caplog.messages) == (["seen"], [])

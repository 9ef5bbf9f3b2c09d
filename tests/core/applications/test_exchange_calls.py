"""What an application of the lower form calls, over a wire in memory."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from kyoukai.core.applications.exchange_calls import read_content, send_answer
from kyoukai.core.errors import ContentTooLarge
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.semantics.serialize import InvalidResponseError
from kyoukai.core.serving.application import BodyPlan
from tests.core.wires import LowerApp, MemoryExchange, MemoryOwner, head, run, turns
from tests.logged import unnumbered

Answer = Callable[[Exchange], Awaitable[None]]

TEXT = [("Content-Type", "text/plain")]


class Streaming(LowerApp):
    """It gets bodies as they come."""

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        return BodyPlan(stream=True, max_size=10)


class Noting(MemoryExchange):
    """Notes what it is told of a stream that is to come."""

    def prepare_stream(self, may_read: bool) -> None:
        self.calls.append(("prepare", may_read))


async def ask(
    answer: Answer, method: str = "GET", form: type[LowerApp] = LowerApp, pieces: Any = None
) -> MemoryExchange:
    """Return an exchange that was answered, as far as that needs nothing but turns of the loop."""
    exchange = Noting(MemoryOwner(form(answer)))
    exchange.receive(head(method, target=b"/a", body_size=0 if pieces is None else None))
    if pieces is not None:
        for piece in pieces:
            exchange.receive_body(piece)
            await turns()
        exchange.receive_end()
    await turns(20)
    return exchange


async def echo(exchange: Exchange) -> None:
    await send_answer(exchange, "200 OK", TEXT, await read_content(exchange).read())


@pytest.mark.parametrize("form", [LowerApp, Streaming])
@pytest.mark.parametrize("pieces", [None, [], [b"abc"], [b"ab", b"c", b"d"]])
def test_the_content_of_a_request(pieces: list[bytes] | None, form: type[LowerApp]) -> None:
    async def main() -> None:
        exchange = await ask(echo, "POST", form, pieces)
        assert exchange.names == ["head", "end", "answered"]
        assert exchange.data == b"".join(pieces or [])
        assert exchange.sent == len(exchange.data)
        assert exchange.answer is not None
        assert exchange.answer.fields == tuple(TEXT)

    run(main)


def test_content_that_is_refused_while_it_is_read() -> None:
    async def main() -> None:
        exchange = await ask(echo, "POST", Streaming, [bytes(10), b"x"])
        assert isinstance(exchange.error, ContentTooLarge)
        assert (exchange.status, exchange.names) == (413, ["head", "end", "answered"])

    run(main)


@pytest.mark.parametrize(
    ("method", "status", "content", "sent", "size"),
    [
        pytest.param("GET", "200 OK", b"hello", b"hello", 5, id="GET"),
        pytest.param("GET", "200 OK", b"", b"", 0, id="nothing"),
        pytest.param("HEAD", "200 OK", b"hello", b"", 5, id="RFC9110-9.3.2"),
        pytest.param("GET", "204 NO CONTENT", b"hello", b"", None, id="RFC9110-15.3.5"),
        pytest.param("GET", "304 NOT MODIFIED", b"", b"", None, id="RFC9110-15.4.5"),
        pytest.param("POST", "500 OOPS", b"hello", b"hello", 5, id="error"),
    ],
)
def test_content_in_memory(method: str, status: str, content: bytes, sent: bytes, size: int | None) -> None:
    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, status, content=content)

    async def main() -> None:
        exchange = await ask(answer, method)
        assert exchange.calls == [("head", int(status[:3])), ("end",), ("answered",)]
        assert (exchange.data, exchange.sent) == (sent, len(sent))
        assert exchange.answer is not None
        assert exchange.answer.size == size

    run(main)


def test_content_in_memory_that_is_large() -> None:
    content = bytes(range(256)) * 1000

    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=content)

    async def main() -> None:
        exchange = await ask(answer)
        assert (exchange.data, exchange.sent) == (content, len(content))
        # It goes in pieces, and is not made as it is sent.
        assert exchange.names.count("data") > 1
        assert "prepare" not in exchange.names
        assert exchange.answer is not None
        assert exchange.answer.size == len(content)

    run(main)


async def two(*, fail: Exception | None = None) -> AsyncIterator[bytes]:
    yield b"ab"
    await asyncio.sleep(0)
    if fail is not None:
        raise fail
    yield b"c"


@pytest.mark.parametrize(
    ("status", "may_read"), [("200 OK", True), ("299 Fine", True), ("404 NOT FOUND", False)]
)
def test_content_as_it_comes(status: str, may_read: bool) -> None:
    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, status, TEXT, two())

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["prepare", "head", "data", "end", "answered"]
        assert exchange.calls[0] == ("prepare", may_read)
        assert (exchange.data, exchange.sent) == (b"abc", 3)
        assert exchange.answer is not None
        assert exchange.answer.size is None

    run(main)


@pytest.mark.parametrize("size", [2, 4])
def test_content_that_is_not_as_long_as_declared(size: int, caplog: pytest.LogCaptureFixture) -> None:
    raised: list[type[Exception]] = []

    async def answer(exchange: Exchange) -> None:
        try:
            await send_answer(exchange, "200 OK", [("Content-Length", str(size))], two())
        except InvalidResponseError as error:
            raised.append(type(error))
            raise

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names[-2:] == ["reset", "answered"]
        assert "end" not in exchange.names
        assert raised == [InvalidResponseError]

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/a'"]


def test_content_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", TEXT, two(fail=ValueError()))

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.names == ["prepare", "head", "data", "reset", "answered"]

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/a'"]


@pytest.mark.parametrize(
    ("status", "fields"),
    [("100 CONTINUE", []), ("OK", []), ("200 OK", [("A b", "c")]), ("200 OK", [("A", "b\r\nc: d")])],
)
def test_a_head_that_cannot_be_sent(
    status: str, fields: list[tuple[str, str]], caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, status, fields, b"hello")

    async def main() -> None:
        exchange = await ask(answer)
        # Nothing of it was sent, so that there is an answer.
        assert exchange.calls == [("head", 500), ("end",), ("answered",)]

    run(main)
    assert unnumbered(caplog.messages) == ["the application failed on GET '/a'"]


def test_a_request_has_one_answer(caplog: pytest.LogCaptureFixture) -> None:
    raised: list[str] = []

    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=b"first")
        try:
            await send_answer(exchange, "200 OK", content=b"second")
        except RuntimeError as error:
            raised.append(str(error))

    async def main() -> None:
        exchange = await ask(answer)
        assert exchange.calls == [("head", 200), ("end",), ("answered",)]
        assert exchange.data == b"first"

    run(main)
    assert raised == ["this request was already answered, in part or completely"]
    assert caplog.messages == []


def test_a_client_that_is_gone_gets_none(caplog: pytest.LogCaptureFixture) -> None:
    raised: list[type[Exception]] = []

    async def answer(exchange: Exchange) -> None:
        await exchange.wait_client_ended()
        try:
            await send_answer(exchange, "200 OK", content=b"too late")
        except ConnectionResetError as error:
            raised.append(type(error))
            raise

    async def main() -> None:
        exchange = await ask(answer)
        exchange.lose()
        await turns()
        assert exchange.calls == []
        assert exchange.is_answered

    run(main)
    assert raised == [ConnectionResetError]
    assert caplog.messages == []


def test_a_transport_that_knows_of_a_reset_before_its_protocol() -> None:
    class Closing(MemoryExchange):
        client_gone = True

    async def answer(exchange: Exchange) -> None:
        await send_answer(exchange, "200 OK", content=b"too late")

    async def main() -> None:
        exchange = Closing(MemoryOwner(LowerApp(answer)))
        exchange.receive(head())
        await turns()
        # Its protocol is told soon, and no 500 is made for it.
        assert "head" not in exchange.names

    run(main)

"""Clients that do not read, that go in every phase of a request, and servers that cut a call off."""

import asyncio
import contextvars
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kyoukai import HTTPRequestContext, Kyoukai, Response, event_stream, send_file
from kyoukai.asgi.export.called import AnswerBrokenError
from kyoukai.core.exchange.body_stream import HIGH_WATER
from tests.asgi.export.calls import Call, body, get, http_scope, post, run, serving, turns


class Phases:
    """An application whose handlers note how far they came, and go on when they are told to."""

    def __init__(self) -> None:
        self.app = Kyoukai("phases")
        self.notes: list[str] = []
        self.begun = asyncio.Event()
        self.go_on = asyncio.Event()
        self.app.route("/waits")(self.wait)
        self.app.route("/streams")(self.stream)
        self.app.route("/reads", methods=["POST"], stream=True)(self.read)
        self.app.route("/takes", methods=["POST"])(self.take)

    async def _pass(self) -> None:
        self.begun.set()
        try:
            await self.go_on.wait()
            self.notes.append("went on")
        except asyncio.CancelledError:
            self.notes.append("cancelled")
            raise

    async def wait(self, ctx: HTTPRequestContext) -> str:
        await self._pass()
        assert ctx.proto.client_gone is ctx.proto.client_ended
        self.notes.append(f"gone: {ctx.proto.client_gone}")
        return "waited"

    async def stream(self, ctx: HTTPRequestContext) -> Response:
        async def make() -> AsyncIterator[bytes]:
            try:
                yield b"begun"
                await self._pass()
                yield b"ended"
            finally:
                self.notes.append("closed")

        return Response(make())

    async def read(self, ctx: HTTPRequestContext) -> str:
        size = 0
        try:
            async for piece in ctx.stream():
                size += len(piece)
                self.begun.set()
        except ConnectionResetError:
            self.notes.append(f"reset after {size}")
            raise
        return str(size)

    async def take(self, ctx: HTTPRequestContext) -> Response:
        self.notes.append("taken")
        return Response(ctx.request.get_data())


# Clients that go


def test_handler_continues_without_its_client_and_the_call_waits() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("GET", b"/waits"), *body(b""))
            await phases.begun.wait()
            call.go()
            await turns()
            assert not call.task.done()
            phases.go_on.set()
            await call.end()
        assert phases.notes == ["went on", "gone: True"]
        assert call.sent == []

    run(main)


def test_handler_of_a_lost_client_is_cancelled_by_the_setting() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app, cancel_on_disconnect=True) as app:
            call = Call(app, http_scope("GET", b"/waits"), *body(b""))
            await phases.begun.wait()
            call.go()
            await call.end()
        assert phases.notes == ["cancelled"]
        assert call.sent == []

    run(main)


def test_stream_of_a_lost_client_is_closed() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("GET", b"/streams"), *body(b""))
            await call.until(lambda: len(call.sent) == 2)
            call.go()
            await call.end()
        assert phases.notes == ["cancelled", "closed"]
        assert not call.is_whole

    run(main)


def test_body_reader_learns_that_the_client_is_gone() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("POST", b"/reads", (b"content-length", b"10")))
            call.put(*body(b"some", b"")[:1])
            await phases.begun.wait()
            call.go()
            await call.end()
        assert phases.notes == ["reset after 4"]

    run(main)


def test_nothing_is_called_for_a_client_that_goes_before_its_body_is_whole() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("POST", b"/takes", (b"content-length", b"10")))
            call.put(*body(b"some", b"")[:1])
            call.go()
            await call.end()
        assert (phases.notes, call.sent) == ([], [])

    run(main)


def test_an_event_stream_ends_with_its_client() -> None:
    async def main() -> None:
        app = Kyoukai("events")
        closed: list[bool] = []

        @app.route("/")
        async def events(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[str]:
                try:
                    yield "first"
                    await asyncio.Event().wait()
                finally:
                    closed.append(True)

            return event_stream(ctx, make())

        async with serving(app) as exported:
            call = Call(exported, http_scope(), *body(b""))
            await call.until(lambda: b"data: first" in call.body)
            call.go()
            await call.end()
        assert closed == [True]

    run(main)


def test_a_disconnect_behind_the_answer_says_nothing() -> None:
    # Servers tell it as well when they have all of the answer.
    async def main() -> None:
        app = Kyoukai("tears down")
        told: list[Any] = []

        @app.route("/")
        async def handler(ctx: HTTPRequestContext) -> str:
            @ctx.add_teardown_callback
            async def note() -> None:
                told.append(ctx.proto.client_gone)

            await asyncio.sleep(0)
            return "answered"

        async with serving(app, cancel_on_disconnect=True) as exported:
            call = Call(exported, http_scope(), *body(b""))
            await call.until(lambda: len(call.sent) == 2)
            call.go()
            await call.end()
        assert (call.body, told) == (b"answered", [False])

    run(main)


@pytest.mark.parametrize("target", [b"/waits", b"/streams"])
def test_a_server_whose_send_raises_has_no_client_any_more(target: bytes) -> None:
    # ASGI 3.0 since version 2.4: "send() ... should raise an OSError".
    async def main() -> None:
        phases = Phases()
        phases.go_on.set()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("GET", target), *body(b""))
            call.fault = OSError("the client is gone")
            await call.end()
        assert call.sent == []

    run(main)


def test_other_server_exceptions_propagate() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("GET", b"/streams"), *body(b""))
            call.fault = RuntimeError("the server is broken")
            with pytest.raises(RuntimeError, match="the server is broken"):
                await call.end()
        assert phases.notes == ["cancelled", "closed"]

    run(main)


def test_a_receive_that_raises_is_a_client_that_is_gone(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call: Any = None

            async def receive() -> dict[str, Any]:
                raise RuntimeError("no more")

            async def send(event: dict[str, Any]) -> None:
                raise AssertionError(event)

            call = app(http_scope("POST", b"/takes", (b"content-length", b"3")), receive, send)
            await asyncio.wait_for(call, 10)

    run(main)
    assert "the server's receive failed" in caplog.text


# Servers that cut a call off


@pytest.mark.parametrize("target", [b"/waits", b"/streams"])
def test_a_call_that_is_cancelled_cancels_its_handler(target: bytes) -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app) as app:
            call = Call(app, http_scope("GET", target), *body(b""))
            await phases.begun.wait()
            call.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call.end()
        assert phases.notes[0] == "cancelled"

    run(main)


def test_a_call_that_is_cancelled_waits_a_second_for_a_handler_that_does_not_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("kyoukai.asgi.export.called.LAST_WORDS", 0.01)

    async def main() -> None:
        app, go_on, begun = Kyoukai("stubborn"), asyncio.Event(), asyncio.Event()

        @app.route("/")
        async def stubborn(ctx: HTTPRequestContext) -> str:
            begun.set()
            try:
                await go_on.wait()
            except asyncio.CancelledError:
                await go_on.wait()
            return "late"

        async with serving(app) as exported:
            call = Call(exported, http_scope(), *body(b""))
            await begun.wait()
            call.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call.end()
            go_on.set()
        assert call.sent == []

    run(main)


def test_a_stop_cuts_off_what_does_not_end(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app, limits={"shutdown_timeout": 0.01}) as app:
            call = Call(app, http_scope("GET", b"/streams"), *body(b""))
            await phases.begun.wait()
        with pytest.raises(AnswerBrokenError):
            await call.end()
        assert phases.notes == ["cancelled", "closed"]

    run(main)


# Backpressure


def test_an_answer_is_made_as_fast_as_the_server_takes_it() -> None:
    async def main() -> None:
        app = Kyoukai("fast")
        made = 0

        @app.route("/")
        async def pieces(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[bytes]:
                nonlocal made
                for _ in range(100):
                    made += 1
                    yield b"x" * 65536

            return Response(make())

        async with serving(app) as exported:
            call = Call(exported, http_scope(), *body(b""))
            call.room.clear()
            await call.until(lambda: call.sent)
            await turns(50)
            assert len(call.sent) == 1
            assert made <= 3
            call.room.set()
            await call.end()
        assert len(call.body) == 100 * 65536

    run(main)


def test_a_client_that_takes_nothing_is_cut_off() -> None:
    async def main() -> None:
        phases = Phases()
        async with serving(phases.app, limits={"write_timeout": 0.05}) as app:
            call = Call(app, http_scope("GET", b"/streams"), *body(b""))
            call.room.clear()
            with pytest.raises(AnswerBrokenError):
                await call.end()
            assert not call.task.cancelled()
        assert phases.notes == ["cancelled", "closed"] or phases.notes == []

    run(main)


def test_a_client_that_is_slow_is_not_cut_off() -> None:
    async def main() -> None:
        app = Kyoukai("slow")

        @app.route("/")
        async def pieces(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[bytes]:
                for _ in range(20):
                    yield b"x" * 65536

            return Response(make())

        async with serving(app, limits={"write_timeout": 10}) as exported:
            server = exported._serving.wire(()).server
            # Time passes here as the test says.
            server._timer.cancel()
            call = Call(exported, http_scope(), *body(b""))
            call.room.clear()
            for number in range(1, 6):
                await call.until(lambda: len(call.sent) == number)  # noqa: B023
                await turns()
                (exchange,) = server.connections
                for seconds in (0, 9):
                    exchange.sweep(100 * number + seconds)
                assert not call.task.done()
                # What is held is taken, and the next is held.
                call.room.set()
                call.room.clear()
            call.room.set()
            await call.end()
        assert call.is_whole

    run(main)


def test_unread_body_is_not_requested() -> None:
    async def main() -> None:
        app, go_on = Kyoukai("reads"), asyncio.Event()

        @app.route("/", methods=["POST"], stream=True)
        async def reads(ctx: HTTPRequestContext) -> str:
            await go_on.wait()
            return str(sum([len(piece) async for piece in ctx.stream()]))

        async with serving(app) as exported:
            count = 4 * HIGH_WATER // 16384
            call = Call(exported, http_scope("POST", b"/", (b"content-length", b"%d" % (count * 16384))))
            call.put(*body(*[b"x" * 16384] * count))
            await call.until(lambda: call.asked > HIGH_WATER // 16384)
            await turns(50)
            assert call.asked <= HIGH_WATER // 16384 + 1
            go_on.set()
            await call.end()
        assert call.body == b"%d" % (4 * HIGH_WATER)

    run(main)


def test_the_rest_of_a_body_is_not_waited_for() -> None:
    async def main() -> None:
        app = Kyoukai("early")

        @app.route("/", methods=["POST"], stream=True)
        async def early(ctx: HTTPRequestContext) -> str:
            return "enough"

        async with serving(app) as exported:
            call = Call(exported, http_scope("POST", b"/", (b"content-length", b"100")))
            await call.end()
        assert (call.status, call.body) == (200, b"enough")

    run(main)


# 100 Continue


def test_body_is_requested_on_demand() -> None:
    async def main() -> None:
        app = Kyoukai("expects")
        asked: list[int] = []

        @app.route("/reads", methods=["POST"], stream=True)
        async def reads(ctx: HTTPRequestContext) -> str:
            await turns()
            asked.append(call.asked)
            return str(sum([len(piece) async for piece in ctx.stream()]))

        @app.route("/refuses", methods=["POST"], stream=True)
        async def refuses(ctx: HTTPRequestContext) -> Response:
            return Response("no", status=403)

        @app.route("/takes", methods=["POST"])
        async def takes(ctx: HTTPRequestContext) -> str:
            return str(len(ctx.request.get_data()))

        headers = [(b"content-length", b"3"), (b"expect", b"100-continue")]
        async with serving(app, limits={"max_body_size": 10}) as exported:
            call = Call(exported, http_scope("POST", b"/reads", *headers), *body(b"abc"))
            await call.end()
            assert (call.body, asked) == (b"3", [0])
            call = await Call(exported, http_scope("POST", b"/takes", *headers), *body(b"abc")).end()
            assert call.body == b"3"
            call = await Call(exported, http_scope("POST", b"/refuses", *headers)).end()
            assert (call.status, call.asked) == (403, 0)
            headers[0] = (b"content-length", b"11")
            call = await Call(exported, http_scope("POST", b"/takes", *headers)).end()
            assert (call.status, call.asked) == (413, 0)

    run(main)


# What servers can do besides


def extended(*names: str) -> dict[str, Any]:
    return {"extensions": {name: {} for name in names}}


def test_early_hints_are_sent_where_the_server_has_them() -> None:
    async def main() -> None:
        app = Kyoukai("hints")

        @app.route("/")
        async def hints(ctx: HTTPRequestContext) -> str:
            sent = ctx.send_early_hints(
                [("Link", "</a.css>; rel=preload"), ("Link", "</b.css>"), ("X-One", "1")]
            )
            return str(sent)

        async with serving(app) as exported:
            call = await get(exported, **extended("http.response.early_hint"))
            links = [b"</a.css>; rel=preload", b"</b.css>"]
            assert call.sent[0] == {"type": "http.response.early_hint", "links": links}
            assert call.body == b"True"
            call = await get(exported)
            assert (call.body, len(call.sent)) == (b"False", 2)

    run(main)


def test_trailers_are_sent_where_server_and_client_take_them() -> None:
    async def main() -> None:
        app = Kyoukai("trailers")

        @app.route("/<name>")
        async def trailers(ctx: HTTPRequestContext, name: str) -> Response:
            async def make() -> AsyncIterator[bytes]:
                yield b"content"

            response: Any = Response(make())
            if name == "some":
                response.trailers = {"X-Sum": "7"}
            return response

        takes = (b"te", b"trailers")
        async with serving(app) as exported:
            call = await get(exported, b"/some", takes, **extended("http.response.trailers"))
            assert call.sent[0]["trailers"] is True
            assert call.fields[b"trailer"] == b"X-Sum"
            end = {"type": "http.response.trailers", "headers": [(b"x-sum", b"7")], "more_trailers": False}
            assert call.sent[-1] == end
            call = await get(exported, b"/none", takes, **extended("http.response.trailers"))
            assert call.sent[-1] == {**end, "headers": []}
            for headers, others in [([takes], {}), ([], extended("http.response.trailers"))]:
                call = await get(exported, b"/some", *headers, **others)
                assert call.sent[-1]["type"] == "http.response.body"
                assert not call.sent[0].get("trailers")
                assert b"trailer" not in call.fields

    run(main)


def test_files_are_sent_by_the_server_where_it_can(tmp_path: Path) -> None:
    path = tmp_path / "file.bin"
    path.write_bytes(b"0123456789" * 100000)

    async def main() -> None:
        app = Kyoukai("files")

        @app.route("/")
        async def file(ctx: HTTPRequestContext) -> Response:
            return await send_file(ctx, path)

        part = (b"range", b"bytes=10-19")
        async with serving(app) as exported:
            call = await get(exported, **extended("http.response.pathsend"))
            assert call.sent[1:] == [{"type": "http.response.pathsend", "path": str(path)}]
            assert call.fields[b"content-length"] == b"1000000"
            call = await get(exported, b"/", part, **extended("http.response.pathsend"))
            assert (call.status, call.body) == (206, b"0123456789")
            call = await get(exported, b"/", part, **extended("http.response.zerocopysend"))
            sent = call.sent[1]
            assert (sent["offset"], sent["count"], sent["more_body"]) == (10, 10, True)
            assert call.parts == [b"0123456789"]
            assert sent["file"].closed
            assert call.is_whole
            call = await get(exported, b"/")
            assert call.body == path.read_bytes()

    run(main)


# What a request is answered in


def test_a_request_has_the_variables_of_its_call_and_of_the_start() -> None:
    ours: contextvars.ContextVar[str] = contextvars.ContextVar("ours", default="none")
    theirs: contextvars.ContextVar[str] = contextvars.ContextVar("theirs", default="none")

    async def main() -> None:
        app = Kyoukai("variables")

        @app.before_serving
        async def set_ours(ctx: Any) -> None:
            ours.set("of the start")

        @app.route("/")
        async def show(ctx: HTTPRequestContext) -> str:
            shown = f"{ours.get()}, {theirs.get()}"
            theirs.set("of the handler")
            return shown

        async def middleware(scope: Any, receive: Any, send: Any) -> None:
            theirs.set("of the call")
            await exported(scope, receive, send)
            assert theirs.get() == "of the call"

        async with serving(app) as exported:
            call = await Call(middleware, http_scope(), *body(b"")).end()
        assert call.body == b"of the start, of the call"

    run(main)


def test_observers_are_told_of_answers() -> None:
    async def main() -> None:
        app = Kyoukai("told")
        told: list[Any] = []

        @app.route("/", methods=["GET", "POST"])
        async def hello(ctx: HTTPRequestContext) -> str:
            return "Hello"

        async with serving(app) as exported:
            wire = exported._serving.wire(())
            wire.server.observe = lambda exchange, request, response: told.append(
                (exchange.status, exchange.sent, exchange.received, exchange.client_environ["REMOTE_ADDR"])
            )
            await get(exported)
            await post(exported, b"/", b"abc")
            await get(exported, b"/nowhere")
        assert told == [(200, 5, 0, "192.0.2.1"), (200, 5, 3, "192.0.2.1"), (404, told[2][1], 0, "192.0.2.1")]

    run(main)

"""Bodies that are closed asynchronously, where another answer takes the place of theirs."""

import asyncio

import pytest
from werkzeug.wrappers import Response

from kyoukai import CookieSessions, Kyoukai, event_stream

from ..serving import error_records, message


class Body:
    """A body that notes that it is closed, but for those that a program closes without a wait."""

    def __init__(self, closed):
        self.closed = closed
        self.is_read = False

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self.is_read:
            raise StopAsyncIteration
        self.is_read = True
        return b"body"

    async def aclose(self):
        await asyncio.sleep(0)
        self.closed.append("body")


class Site:
    """An application whose answers are not sent."""

    def __init__(self):
        self.closed = closed = []
        self.app = app = Kyoukai("site", sessions=CookieSessions("0123456789abcdef"))

        def body():
            response = Response(Body(closed))
            response.call_on_close(lambda: closed.append("response"))
            return response

        @app.route("/<kind>")
        async def answer(ctx, kind):
            if kind == "teardown":
                ctx.add_teardown_callback(lambda: 1 / 0)
            if kind == "session":
                ctx.session["text"] = object()
            return body()

        @app.route("/status")
        async def status(ctx):
            return body(), 700

        @app.route("/bare")
        async def bare(ctx):
            return Body(closed), "200 OK", {"X": "a\r\nb"}

        @app.route("/error")
        async def error(ctx):
            raise KeyError

        @app.errorhandler(KeyError)
        async def handle(ctx, error):
            return body(), 700

        @app.after_request
        async def after(ctx, response):
            match ctx.request.path:
                case "/replaced":
                    return "in its place"
                case "/raises":
                    raise ValueError
                case "/refused":
                    return Response(Body(closed)), 99
                case "/wrapped":
                    return Response(upper(response.response), headers={"X-Upper": "1"})
                case "/moved":
                    return Response(response.response)

        async def upper(pieces):
            try:
                async for piece in pieces:
                    yield piece.upper()
            finally:
                closed.append("successor")


@pytest.mark.parametrize(
    ("target", "status", "body", "closed"),
    [
        ("/sent", 200, b"body", ["body", "response"]),
        ("/replaced", 200, b"in its place", ["body", "response"]),
        ("/raises", 500, None, ["body", "response"]),
        ("/refused", 500, None, ["body", "body", "response"]),
        ("/session", 500, None, ["body", "response"]),
        ("/teardown", 500, None, ["body", "response"]),
        ("/status", 500, None, ["body", "response"]),
        ("/bare", 500, None, ["body"]),
        ("/error", 500, None, ["body", "response"]),
        ("/wrapped", 200, b"BODY", ["successor", "body", "response"]),
        ("/moved", 200, b"body", ["body", "response"]),
    ],
)
@pytest.mark.filterwarnings("error")
def test_a_body_is_closed(serve, target, status, body, closed):
    site = Site()
    with serve(site.app).connect() as client:
        answer = client.request(message("GET", target))
        assert answer.status == status
        assert body in (None, answer.body)
        # The next answer comes when this one is closed.
        assert client.request(message("POST", "/")).status == 404
    assert site.closed == closed


def test_a_cancelled_hook(serve, caplog):
    closed = []
    app = Kyoukai("cancelled")

    @app.route("/")
    async def answer(ctx):
        return Response(Body(closed))

    @app.after_request
    async def after(ctx, response):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        assert client.receive_rest() == b""
    server.wait_until_empty()
    assert closed == ["body"]
    assert error_records(caplog) == []


def test_replaced_answer_closes_its_events(serve):
    closed = []

    class Feed:
        def __aiter__(self):
            return self

        async def __anext__(self):
            return "never asked for"

        async def aclose(self):
            closed.append("feed")

    app = Kyoukai("events")

    @app.route("/")
    async def answer(ctx):
        return event_stream(ctx, Feed())

    @app.after_request
    async def after(ctx, response):
        return "maintenance", 503

    assert serve(app).request(message()).status == 503
    assert closed == ["feed"]

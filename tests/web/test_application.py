import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asphalt.core import Context, context_teardown, current_context
from werkzeug.exceptions import Conflict, HTTPException, NotFound
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Request, Response

import kyoukai.web
from kyoukai.core.errors import ConfigurationError
from kyoukai.web import HTTPRequestContext, Kyoukai, Route, application
from tests.logged import unnumbered

from .asking import ask, environ_of


def test_the_face() -> None:
    assert kyoukai.web.__all__ == (
        "Blueprint",
        "CookieSessions",
        "HTTPRequestContext",
        "Kyoukai",
        "Problem",
        "Request",
        "Response",
        "Route",
        "RouteCompletedEvent",
        "RouteEvent",
        "RouteGroup",
        "RouteInvokedEvent",
        "RouteMatchedEvent",
        "ServerSentEvent",
        "Session",
        "SessionError",
        "add_trailers",
        "answer_as_problem",
        "event_stream",
        "last_event_id",
        "make_response",
        "read_json",
        "send_file",
        "send_from_directory",
    )
    for name in kyoukai.web.__all__:
        assert hasattr(kyoukai.web, name)


async def index(ctx: HTTPRequestContext) -> str:
    return "index"


def test_classes_of_the_application() -> None:
    class MyRequest(Request):
        pass

    class MyResponse(Response):
        pass

    class MyContext(HTTPRequestContext):
        pass

    app = Kyoukai("app", request_class=MyRequest, response_class=MyResponse, context_class=MyContext)
    assert app.request_class is MyRequest

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        assert type(ctx) is MyContext
        assert type(ctx.request) is MyRequest
        return "a"

    response = ask(app)
    assert type(response) is MyResponse
    assert response.get_data() == b"a"


def test_a_subclass_sets_classes_as_attributes() -> None:
    class MyRequest(Request):
        pass

    class App(Kyoukai):
        request_class = MyRequest

    assert App("app").request_class is MyRequest
    assert App("app", request_class=Request).request_class is Request


@pytest.mark.parametrize("name", ["request_class", "response_class", "context_class"])
@pytest.mark.parametrize("value", [dict, "Request", Request({})])
def test_invalid_classes(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError, match=f"{name} must derive from "):
        Kyoukai("app", **{name: value})


def test_finalize_is_idempotent_and_done_by_the_first_request() -> None:
    app = Kyoukai("app")
    app.add_route(Route(index, "/"))
    assert not app.finalized
    assert ask(app).status_code == 200
    assert app.finalized
    router = app.router
    app.finalize()
    assert app.router is router


def test_a_mistake_can_be_mended() -> None:
    app = Kyoukai("app")
    app.route("/<nothing:x>")(index)
    with pytest.raises(ConfigurationError):
        app.finalize()
    assert not app.finalized
    app.routes.clear()
    app.route("/")(index)
    assert ask(app).status_code == 200


def test_an_override_has_to_call_finalize() -> None:
    class Wrong(Kyoukai):
        def finalize(self) -> None:
            pass

    with pytest.raises(RuntimeError, match="overrides finalize"):
        _ = Wrong("app").router


def test_plain_handlers_run_off_the_loop_and_at_the_same_time() -> None:
    app = Kyoukai("app")
    barrier = threading.Barrier(2, timeout=10)
    threads: set[int] = set()

    @app.route("/")
    def handler(ctx: HTTPRequestContext) -> str:
        barrier.wait()
        threads.add(threading.get_ident())
        assert current_context() is ctx
        return "a"

    async def main() -> list[Response]:
        async with Context() as parent:
            requests = [Request(environ_of()) for _ in range(2)]
            return await asyncio.gather(*(app.process_request(request, parent) for request in requests))

    assert [response.status_code for response in asyncio.run(main())] == [200, 200]
    assert len(threads) == 2
    assert threading.get_ident() not in threads


def test_requests_at_the_same_time_have_contexts_of_their_own() -> None:
    app = Kyoukai("app")

    @app.route("/<x>")
    async def handler(ctx: HTTPRequestContext, x: str) -> str:
        ctx.add_resource(x)
        await asyncio.sleep(0)
        assert current_context() is ctx
        return ctx.require_resource(str)

    async def main() -> list[bytes]:
        async with Context() as parent:
            requests = [Request(environ_of(f"/{i}")) for i in range(5)]
            answers = await asyncio.gather(*(app.process_request(request, parent) for request in requests))
            return [answer.get_data() for answer in answers]

    assert asyncio.run(main()) == [b"0", b"1", b"2", b"3", b"4"]


def test_an_async_generator_is_streamed() -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> AsyncIterator[bytes]:
        yield b"a"
        yield b"b"

    async def main() -> list[bytes]:
        async with Context() as parent:
            response = await app.process_request(Request(environ_of()), parent)
            stream: Any = response.response
            return [chunk async for chunk in stream]

    assert asyncio.run(main()) == [b"a", b"b"]


def torn_down_with(app: Kyoukai, path: str = "/", method: str = "GET") -> tuple[Any, Response]:
    """Return what teardown callbacks get, and the response."""
    log: list[Any] = []

    @app.before_request
    async def register(ctx: HTTPRequestContext) -> None:
        async def callback(exception: BaseException | None) -> None:
            assert current_context() is ctx
            log.append(exception)

        ctx.add_teardown_callback(callback, pass_exception=True)

    response = ask(app, path, method)
    (exception,) = log
    return exception, response


@pytest.mark.parametrize(
    ("error", "status", "passed"),
    [
        (ValueError(), 500, True),
        (Conflict(), 409, True),
        (HTTPException(response=Response(status=409)), 409, True),
        (HTTPException(response=Response(status=303)), 303, False),
        (RequestRedirect("http://localhost/"), 308, False),
    ],
)
def test_teardown_callbacks_get_what_the_request_failed_with(
    error: Exception, status: int, passed: bool, caplog: pytest.LogCaptureFixture
) -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        raise error

    exception, response = torn_down_with(app)
    assert exception is (error if passed else None)
    assert response.status_code == status


def test_teardown_callbacks_of_other_requests() -> None:
    def make() -> Kyoukai:
        app = Kyoukai("app")
        app.route("/")(index)
        return app

    assert torn_down_with(make())[0] is None
    assert torn_down_with(make(), "/", "OPTIONS")[0] is None
    assert type(torn_down_with(make(), "/missing")[0]) is NotFound


def test_an_error_that_is_handled_is_a_failure_still() -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        raise ValueError

    @app.errorhandler(ValueError)
    async def handle(ctx: HTTPRequestContext, exception: Exception) -> Any:
        return "sorry", 422

    exception, response = torn_down_with(app)
    assert type(exception) is ValueError
    assert response.status_code == 422


def test_context_teardown() -> None:
    app = Kyoukai("app")
    log: list[str] = []

    @context_teardown
    async def transaction(ctx: Context) -> AsyncIterator[None]:
        log.append("begin")
        exception = yield
        log.append("roll back" if exception else "commit")

    @app.route("/<word>")
    async def handler(ctx: HTTPRequestContext, word: str) -> str:
        await transaction(ctx)
        log.append(word)
        if word == "fail":
            raise Conflict
        return word

    assert ask(app, "/work").status_code == 200
    assert ask(app, "/fail").status_code == 409
    assert log == ["begin", "work", "commit", "begin", "fail", "roll back"]


def test_a_teardown_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    closed: list[str] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> Response:
        def fail() -> None:
            raise ValueError("secret")

        ctx.add_teardown_callback(fail)
        ctx.add_teardown_callback(lambda: closed.append("callback"))
        response = Response("committed")
        response.call_on_close(lambda: closed.append("response"))
        return response

    response = ask(app)
    assert response.status_code == 500
    assert b"secret" not in response.get_data()
    assert closed == ["callback", "response"]
    (record,) = caplog.records
    assert record.name == "kyoukai.web"
    assert unnumbered(record.getMessage()) == "GET '/': teardown failed"
    assert "ValueError: secret" in caplog.text


def test_a_teardown_that_fails_does_not_hide_a_cancellation(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> None:
        def fail() -> None:
            raise ValueError

        ctx.add_teardown_callback(fail)
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        ask(app)
    assert unnumbered([record.getMessage() for record in caplog.records]) == ["GET '/': teardown failed"]


def test_a_cancelled_teardown_closes_the_response() -> None:
    app = Kyoukai("app")
    closed: list[str] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> Response:
        async def cancelled() -> None:
            raise asyncio.CancelledError

        ctx.add_teardown_callback(cancelled)
        response = Response("a")
        response.call_on_close(lambda: closed.append("response"))
        return response

    async def main() -> None:
        async with Context() as parent:
            with pytest.raises(asyncio.CancelledError):
                await app.process_request(Request(environ_of()), parent)
            assert current_context() is parent

    asyncio.run(main())
    assert closed == ["response"]


def test_a_context_is_closed_once_the_request_is_answered() -> None:
    app = Kyoukai("app")
    contexts: list[HTTPRequestContext] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> str:
        contexts.append(ctx)
        if ctx.request.args:
            await ctx.close()
        return ""

    for query in ("", "close"):
        assert ask(app, f"/?{query}").status_code == 200
        context = contexts.pop()
        assert context.closed
        with pytest.raises(RuntimeError, match="already been closed"):
            context.add_teardown_callback(lambda: None)


def test_run_hands_everything_to_the_launcher(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(application, "launch", lambda settings, **how: calls.append((settings, how)))
    app = Kyoukai("app")
    app.run()
    app.run("::1", 80, loop="asyncio", log_level="DEBUG", max_threads=3, backend="reference")
    assert calls == [
        ({"app": app, "host": None, "port": None}, {"log_level": "INFO"}),
        (
            {"app": app, "host": "::1", "port": 80, "backend": "reference"},
            {"loop": "asyncio", "log_level": "DEBUG", "max_threads": 3},
        ),
    ]

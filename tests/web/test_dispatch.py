import asyncio
import gc
import json
import logging
import weakref
from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import (
    Conflict,
    Forbidden,
    HTTPException,
    InternalServerError,
    NotFound,
    Unauthorized,
    abort,
)
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Request, Response

from kyoukai.web import Blueprint, HTTPRequestContext, Kyoukai
from tests.logged import unnumbered

from .asking import ask, environ_of


def raising(error: Exception | type[Exception]) -> Any:
    async def handler(ctx: HTTPRequestContext) -> str:
        raise error

    return handler


def app_raising(error: Exception | type[Exception]) -> Kyoukai:
    app = Kyoukai("app")
    app.route("/")(raising(error))
    return app


def one_record(caplog: pytest.LogCaptureFixture) -> logging.LogRecord:
    (record,) = caplog.records
    assert record.name == "kyoukai.web"
    assert record.levelno == logging.ERROR
    return record


@pytest.mark.parametrize("asynchronous", [True, False])
def test_an_unhandled_exception(asynchronous: bool, caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    async def coroutine(ctx: HTTPRequestContext) -> str:
        raise ValueError("secret")

    def plain(ctx: HTTPRequestContext) -> str:
        raise ValueError("secret")

    app.route("/")(coroutine if asynchronous else plain)
    response = ask(app)
    assert response.status_code == 500
    assert b"secret" not in response.get_data()
    record = one_record(caplog)
    assert record.exc_info is not None
    assert record.exc_info[0] is ValueError
    assert "Traceback" in caplog.text


def test_a_path_cannot_forge_log_lines(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    app.route("/<x>")(lambda ctx, x: 1 / 0)
    assert ask(app, "/", overrides={"PATH_INFO": "/a\n\x1b[31m"}).status_code == 500
    message = one_record(caplog).getMessage()
    assert unnumbered(message).startswith(r"GET '/a\n\x1b[31m': unhandled exception; its handler is ")
    assert message.isprintable()


def test_http_errors_are_answered_and_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    @app.route("/<int:code>")
    async def handler(ctx: HTTPRequestContext, code: int) -> str:
        abort(code)

    for code in (400, 404, 418, 500, 503):
        assert ask(app, f"/{code}").status_code == code
    assert caplog.records == []


def test_errors_are_rendered_as_the_request_accepts() -> None:
    app = app_raising(ValueError)
    response = ask(app, headers={"Accept": "text/html"})
    assert response.mimetype == "text/html"
    response = ask(app, "/missing", headers={"Accept": "application/problem+json"})
    assert response.mimetype == "application/problem+json"
    assert json.loads(response.get_data())["status"] == 404


def test_errors_have_the_class_of_the_application() -> None:
    class Other(Response):
        pass

    app = Kyoukai("app", response_class=Other)
    for path, method in (("/", "GET"), ("/", "OPTIONS"), ("/missing", "GET")):
        assert type(ask(app, path, method)) is Other


def test_responses_that_are_raised(caplog: pytest.LogCaptureFixture) -> None:
    carried = Response("carried", 409)
    app = app_raising(HTTPException(response=carried))

    @app.errorhandler(409)
    @app.errorhandler(HTTPException)
    async def never(ctx: HTTPRequestContext, exception: Exception) -> str:
        raise AssertionError

    assert ask(app) is carried


def test_redirects_are_returned_as_they_are() -> None:
    app = app_raising(RequestRedirect("http://localhost/there"))
    app.route("/branch/", endpoint="branch")(raising(Forbidden))

    @app.errorhandler(HTTPException)
    @app.errorhandler(RequestRedirect)
    async def never(ctx: HTTPRequestContext, exception: Exception) -> str:
        raise AssertionError

    assert ask(app).headers["Location"] == "http://localhost/there"
    assert ask(app, "/branch").headers["Location"] == "http://localhost/branch/"


def test_the_nearest_error_handler_answers() -> None:
    app = Kyoukai("app")
    outer = Blueprint("outer", prefix="/outer", parent=app)
    inner = Blueprint("inner", prefix="/inner", parent=outer)
    for blueprint in (app, outer, inner):
        blueprint.route("/conflict", endpoint="conflict")(raising(Conflict))
        blueprint.route("/forbidden", endpoint="forbidden")(raising(Forbidden))
        blueprint.route("/key", endpoint="key")(raising(KeyError))

    def answers(blueprint: Blueprint, key: Any) -> None:
        @blueprint.errorhandler(key)
        async def handler(ctx: HTTPRequestContext, exception: Exception) -> str:
            return f"{blueprint.name} {key} {type(exception).__name__}"

    answers(app, 404)
    answers(app, Exception)
    answers(outer, range(400, 500))
    answers(inner, 409)
    answers(inner, LookupError)

    def answer(path: str) -> str:
        return ask(app, path).get_data(as_text=True)

    assert answer("/missing") == "app 404 NotFound"
    assert answer("/outer/inner/missing") == "outer range(400, 500) NotFound"
    assert answer("/conflict") == "app <class 'Exception'> Conflict"
    assert answer("/outer/conflict") == "outer range(400, 500) Conflict"
    assert answer("/outer/inner/conflict") == "inner 409 Conflict"
    assert answer("/outer/inner/forbidden") == "outer range(400, 500) Forbidden"
    assert answer("/outer/inner/key") == "inner <class 'LookupError'> KeyError"
    assert answer("/outer/key") == "app <class 'Exception'> KeyError"


def test_a_handler_by_class_comes_before_those_of_500(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    blueprint = Blueprint("b", parent=app)
    blueprint.route("/")(raising(ValueError("x")))

    @blueprint.errorhandler(500)
    async def by_code(ctx: HTTPRequestContext, exception: Exception) -> str:
        raise AssertionError

    @app.errorhandler(ValueError)
    def by_class(ctx: HTTPRequestContext, exception: ValueError) -> tuple[str, int]:
        return f"{exception}", 422

    response = ask(app)
    assert response.status_code == 422
    assert response.get_data() == b"x"
    assert caplog.records == []


@pytest.mark.parametrize("key", [500, range(500, 600), InternalServerError, HTTPException])
def test_unhandled_exceptions_go_to_the_handlers_of_500(key: Any, caplog: pytest.LogCaptureFixture) -> None:
    error = ValueError("x")
    app = app_raising(error)

    @app.errorhandler(key)
    async def handler(ctx: HTTPRequestContext, exception: InternalServerError) -> str:
        assert exception.original_exception is error
        return "sorry"

    response = ask(app)
    assert response.status_code == 500
    assert response.get_data() == b"sorry"
    assert one_record(caplog).exc_info is not None


def test_the_status_and_fields_of_the_error_are_kept() -> None:
    app = app_raising(KeyError)
    challenge = WWWAuthenticate("basic", {"realm": "r"})
    app.route("/secret", endpoint="secret")(raising(Unauthorized(www_authenticate=challenge)))

    @app.errorhandler(range(400, 600))
    @app.errorhandler(LookupError)
    async def handler(ctx: HTTPRequestContext, exception: Exception) -> str:
        return "custom"

    assert ask(app, "/missing").status_code == 404
    assert ask(app, "/").status_code == 500
    assert ask(app, "/secret").headers["WWW-Authenticate"] == challenge.to_header()
    response = ask(app, "/", "POST")
    assert response.status_code == 405
    assert response.get_data() == b"custom"
    assert response.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert response.headers.getlist("Content-Type") == ["text/html; charset=utf-8"]


def test_error_handler_may_change_the_status() -> None:
    app = Kyoukai("app")

    @app.errorhandler(405)
    async def hide(ctx: HTTPRequestContext, exception: Exception) -> Any:
        return "nothing here", 404

    @app.errorhandler(404)
    async def exact(ctx: HTTPRequestContext, exception: Exception) -> Any:
        return Response("all right")

    app.route("/", ["POST"])(raising(Forbidden))
    response = ask(app)
    assert response.status_code == 404
    assert "Allow" not in response.headers
    assert ask(app, "/missing").status_code == 200


def test_an_error_handler_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    app = app_raising(Conflict)

    @app.errorhandler(409)
    async def handler(ctx: HTTPRequestContext, exception: Exception) -> str:
        raise KeyError("secret")

    @app.errorhandler(Exception)
    @app.errorhandler(500)
    async def never(ctx: HTTPRequestContext, exception: Exception) -> str:
        raise AssertionError

    response = ask(app)
    assert response.status_code == 500
    assert response.get_data().startswith(b"500 Internal Server Error")
    assert b"secret" not in response.get_data()
    record = one_record(caplog)
    assert record.exc_info is not None
    assert record.exc_info[0] is KeyError


def test_an_error_handler_that_returns_nonsense(caplog: pytest.LogCaptureFixture) -> None:
    app = app_raising(Conflict)

    @app.errorhandler(409)
    async def handler(ctx: HTTPRequestContext, exception: Exception) -> int:
        return 3

    assert ask(app).status_code == 500
    assert "<locals>.handler returned 3, which cannot be sent" in caplog.text


def test_a_handler_that_returns_nonsense(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> bool:
        return True

    assert ask(app).status_code == 500
    record = one_record(caplog)
    assert record.exc_info is not None
    assert record.exc_info[0] is TypeError
    assert "<locals>.handler returned True, which cannot be sent: it is of <class 'bool'>" in caplog.text


def test_a_coroutine_that_is_not_awaited(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> Any:
        return asyncio.sleep(0)

    assert ask(app).status_code == 500
    assert "it is a coroutine: an `await` is missing" in caplog.text


def test_a_cancelled_request_stays_cancelled(caplog: pytest.LogCaptureFixture) -> None:
    app = Kyoukai("app")
    log: list[Any] = []

    async def main() -> None:
        started = asyncio.Event()

        @app.route("/")
        async def handler(ctx: HTTPRequestContext) -> None:
            ctx.add_teardown_callback(log.append, pass_exception=True)
            started.set()
            await asyncio.Event().wait()

        @app.errorhandler(Exception)
        @app.after_request
        async def never(ctx: HTTPRequestContext, exception: Any) -> None:
            log.append("never")

        async with Context() as parent:
            task = asyncio.create_task(app.process_request(Request(environ_of()), parent))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    asyncio.run(main())
    assert [type(entry) for entry in log] == [asyncio.CancelledError]
    assert caplog.records == []


def test_a_request_cancelled_in_a_hook_after_closes_its_response() -> None:
    app = Kyoukai("app")
    closed: list[str] = []

    @app.route("/")
    async def handler(ctx: HTTPRequestContext) -> Response:
        response = Response("a")
        response.call_on_close(lambda: closed.append("closed"))
        return response

    @app.after_request
    async def cancelled(ctx: HTTPRequestContext, response: Response) -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        ask(app)
    assert closed == ["closed"]


def test_router_and_handler_answer_not_found_alike() -> None:
    app = app_raising(NotFound)
    assert ask(app).get_data() == ask(app, "/missing").get_data()


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/", 405), ("GET", "/folder", 308)]
)
def test_a_refused_request_is_let_go_of_at_once(method: str, path: str, status: int) -> None:
    """Its body would be kept until the collector of cycles runs."""
    app = Kyoukai("refusing")

    @app.route("/")
    async def handle(ctx: HTTPRequestContext) -> str:
        return "x"

    @app.route("/folder/")
    async def folder(ctx: HTTPRequestContext) -> str:
        return "x"

    app.finalize()
    request = Request(environ_of(path, method=method), populate_request=False)
    reference = weakref.ref(request)

    async def ask() -> int:
        async with Context() as parent:
            nonlocal request
            response = await app.process_request(request, parent)
            del request
            return response.status_code

    gc.disable()
    try:
        assert asyncio.run(ask()) == status
        assert reference() is None
    finally:
        gc.enable()

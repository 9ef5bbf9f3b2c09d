"""ASGI applications below a prefix, by the test client in the process: there is no server, and no socket."""

import asyncio
import functools
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asphalt.core import Context
from werkzeug.wrappers import Request

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai, Response
from kyoukai.core.errors import ConfigurationError
from kyoukai.web.mounted_exchange import read_environ, read_input


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


async def answer(send: Any, body: bytes = b"", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class Recorder:
    """Answers with its body, and notes its scopes and its lifespan."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.course: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self.live(scope, receive, send)
            return
        self.scopes.append(scope)
        body = b""
        while (event := await receive())["type"] == "http.request":
            body += event["body"]
            if not event["more_body"]:
                break
        await answer(send, body)

    async def live(self, scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "lifespan.startup"
        self.course.append("start")
        scope["state"]["name"] = "recorder"
        await send({"type": "lifespan.startup.complete"})
        assert (await receive())["type"] == "lifespan.shutdown"
        self.course.append("stop")
        await send({"type": "lifespan.shutdown.complete"})


def test_scope_of_a_mounted_request() -> None:
    recorder = Recorder()
    app = Kyoukai("app")
    app.mount("/v2", recorder)

    async def main() -> None:
        async with app.test_client() as client:
            answer = await client.post("/v2/%C3%A4/b%20c?d=%20", data=b"body", headers={"X-One": "1"})
            assert (answer.status_code, answer.data) == (200, b"body")
            assert (await client.get("/other")).status_code == 404

    run(main())
    (scope,) = recorder.scopes
    assert (b"x-one", b"1") in scope.pop("headers")
    assert scope.pop("extensions").keys() >= {"http.response.pathsend"}
    assert scope == {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.5"},
        "http_version": "1.1",
        "method": "POST",
        "scheme": "http",
        "path": "/v2/ä/b c",
        "raw_path": b"/v2/%C3%A4/b%20c",
        "query_string": b"d=%20",
        "root_path": "/v2",
        "client": ("127.0.0.1", 0),
        "server": ("localhost", 80),
        "state": {"name": "recorder"},
    }
    assert recorder.course == ["start", "stop"]


@pytest.mark.parametrize(
    ("prefix", "path", "root", "seen"),
    [
        ("/", "/", "", "/"),
        ("/", "/a/b", "", "/a/b"),
        ("/v2", "/v2", "/v2", "/v2"),
        ("/v2", "/v2/", "/v2", "/v2/"),
        ("/v2", "/v2/a//b/", "/v2", "/v2/a//b/"),
        ("/a/b", "/a/b/c", "/a/b", "/a/b/c"),
    ],
)
def test_prefixes(prefix: str, path: str, root: str, seen: str) -> None:
    recorder = Recorder()
    app = Kyoukai("app")
    app.mount(prefix, recorder)

    async def main() -> None:
        async with app.test_client() as client:
            assert (await client.get(path)).status_code == 200

    run(main())
    (scope,) = recorder.scopes
    assert (scope["root_path"], scope["path"]) == (root, seen)


def test_a_prefix_with_variables_in_a_blueprint_behind_a_proxy_s_prefix() -> None:
    recorder = Recorder()
    app = Kyoukai("app")
    bp = Blueprint("tenants", prefix="/t/<name>", parent=app)
    bp.mount("/v2", recorder)

    async def main() -> None:
        async with app.test_client() as client:
            answer = await client.get("/t/ada/v2/x", base_url="http://localhost/outer")
            assert answer.status_code == 200

    run(main())
    (scope,) = recorder.scopes
    assert (scope["root_path"], scope["path"]) == ("/outer/t/ada/v2", "/outer/t/ada/v2/x")
    assert scope["path_params"] == {"name": "ada"}


def test_routes_hooks_and_error_handlers_around_a_mount() -> None:
    course = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        course.append("application")
        if scope["path"].endswith("/fail"):
            raise LookupError("oops")
        await answer(send, b"mounted", 404)

    app = Kyoukai("app")
    app.mount("/", application, lifespan="off")

    @app.before_request
    async def before(ctx: HTTPRequestContext) -> None:
        course.append("before")

    @app.after_request
    async def after(ctx: HTTPRequestContext, response: Response) -> None:
        course.append("after")
        response.headers["X-After"] = str(response.status_code)

    @app.errorhandler(404)
    async def missing(ctx: HTTPRequestContext, error: Exception) -> str:
        return "nobody looks at an answer of the application's"

    @app.errorhandler(LookupError)
    async def failed(ctx: HTTPRequestContext, error: LookupError) -> tuple[str, int]:
        return f"handled {error}", 503

    @app.route("/own")
    async def own(ctx: HTTPRequestContext) -> str:
        return ctx.url_for("root", rest="a/b")

    async def main() -> None:
        async with app.test_client() as client:
            answer = await client.get("/any")
            assert (answer.status_code, answer.data, answer.headers["X-After"]) == (404, b"mounted", "404")
            answer = await client.get("/fail")
            assert (answer.status_code, answer.data) == (503, b"handled oops")
            assert (await client.get("/own")).data == b"/a/b"
            assert client.errors == []

    run(main())
    assert course == ["before", "application", "after"] * 2 + ["before", "after"]


def test_an_answer_that_comes_piece_by_piece() -> None:
    """It is looked at while the application goes on, which waits for who looks."""
    go_on = asyncio.Event()
    sent = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await go_on.wait()
        for number in range(20):
            await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
            sent.append(number)
        await send({"type": "http.response.body"})

    app = Kyoukai("app")
    app.mount("/", application, lifespan="off")

    async def main() -> None:
        async with app.test_client() as client, client.stream("GET", "/") as answer:
            pieces = aiter(answer)
            assert await anext(pieces) == b"first"
            go_on.set()
            for _ in range(100):
                await asyncio.sleep(0)
            assert 0 < len(sent) < 20
            size = 0
            async for piece in pieces:
                size += len(piece)
            assert size == 20 << 16
            assert len(sent) == 20

    run(main())


def test_client_that_leaves_in_the_middle_of_an_answer() -> None:
    ended = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        try:
            while True:
                await send({"type": "http.response.body", "body": bytes(1 << 16), "more_body": True})
        except OSError as exc:
            ended.append(str(exc))
            ended.append((await receive())["type"])  # The body that it has not read comes first.
            ended.append((await receive())["type"])

    app = Kyoukai("app")
    app.mount("/", application, lifespan="off")

    async def main() -> None:
        async with app.test_client() as client:
            async with client.stream("GET", "/") as answer:
                await anext(aiter(answer))
            while len(ended) < 3:  # noqa: ASYNC110 (nobody tells of it)
                await asyncio.sleep(0)
            assert client.errors == []

    run(main())
    assert ended == ["the client is gone", "http.request", "http.disconnect"]


def test_work_after_the_answer_is_waited_for() -> None:
    course = []
    go_on = asyncio.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            course.append("stop")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await answer(send, b"answered")
        await go_on.wait()
        await asyncio.sleep(0)
        course.append("background")

    app = Kyoukai("app")
    app.mount("/", application)

    async def main() -> None:
        async with app.test_client() as client:
            assert (await client.get("/")).data == b"answered"
            assert course == []
            asyncio.get_running_loop().call_soon(go_on.set)

    run(main())
    assert course == ["background", "stop"]


@pytest.mark.parametrize("way", ["in time", "hurried", "cut off"])
def test_work_after_the_answer_has_the_time_of_background_tasks(
    caplog: pytest.LogCaptureFixture, way: str
) -> None:
    course = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            course.append("stop")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await answer(send, b"answered")
        try:
            await asyncio.sleep(3)
        except asyncio.CancelledError:
            course.append("cancelled")
            raise
        course.append("late")

    app = Kyoukai("app")
    app.mount("/", application)

    async def main() -> None:
        await app.lifecycle.start(Context())
        async with app.test_client() as client:
            assert (await client.get("/")).data == b"answered"
        abort = asyncio.Event()
        if way == "in time":
            await app.lifecycle.stop(0.01, abort)
            return
        stop = asyncio.ensure_future(app.lifecycle.stop(1000, abort))
        for _ in range(10):
            await asyncio.sleep(0)
        assert course == []
        if way == "hurried":
            abort.set()
            await stop
            return
        stop.cancel()
        await asyncio.wait([stop])

    run(main())
    assert course == ["cancelled", "stop"]
    assert "is pending" not in caplog.text


def test_two_prefixes_of_one_application_are_one_lifespan() -> None:
    recorder = Recorder()
    app = Kyoukai("app")
    app.mount("/v1", recorder)
    app.mount("/v2", recorder)

    async def main() -> None:
        async with app.test_client() as client:
            for path in ("/v1/a", "/v2/a"):
                assert (await client.get(path)).status_code == 200

    run(main())
    assert [(scope["root_path"], scope["state"]) for scope in recorder.scopes] == [
        ("/v1", {"name": "recorder"}),
        ("/v2", {"name": "recorder"}),
    ]
    assert recorder.course == ["start", "stop"]


def test_a_failure_behind_the_answer_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"answered")
        raise LookupError("late")

    app = Kyoukai("app")
    app.mount("/", application, lifespan="off")

    async def main() -> None:
        async with app.test_client() as client:
            assert (await client.get("/path")).data == b"answered"
            await asyncio.sleep(0)

    run(main())
    (record,) = caplog.records
    assert record.getMessage().startswith("GET '/path': the mounted application failed after its answer (req")


@pytest.mark.parametrize("way", ["before", "behind its head"])
def test_application_with_an_incomplete_answer(way: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        if way != "before":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"some", "more_body": True})

    app = Kyoukai("app")
    app.mount("/", application, lifespan="off")

    async def main() -> None:
        async with app.test_client(raise_exceptions=False) as client:
            if way == "before":
                assert (await client.get("/")).status_code == 500
                assert "has not begun its answer" in str(client.errors[0])
            else:
                with pytest.raises(RuntimeError, match="has not ended its answer"):
                    await client.get("/")

    run(main())


# The lifespan


def test_lifespans_are_nested_in_the_order_of_hooks() -> None:
    course: list[str] = []

    class Named(Recorder):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        async def live(self, scope: Any, receive: Any, send: Any) -> None:
            await receive()
            course.append(f"{self.name} starts")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            course.append(f"{self.name} stops")
            await send({"type": "lifespan.shutdown.complete"})

    app = Kyoukai("app")

    @app.while_serving
    async def around(ctx: Any) -> AsyncIterator[None]:
        course.append("hook starts")
        yield
        course.append("hook stops")

    app.mount("/one", Named("one"))
    bp = Blueprint("bp", parent=app)
    bp.mount("/two", Named("two"))
    app.mount("/three", Named("three"), lifespan="off")

    async def main() -> None:
        async with app.test_client():
            course.append("serving")

    run(main())
    names = ["hook", "one", "two"]
    starts = [f"{name} starts" for name in names]
    assert course == [*starts, "serving", *(f"{name} stops" for name in reversed(names))]


@pytest.mark.parametrize(
    ("mode", "way", "error"),
    [
        ("auto", "fails", "the application's start failed: no database"),
        ("auto", "raises", None),
        ("on", "raises", "does not know the lifespan protocol"),
        ("off", "fails", None),
    ],
)
def test_a_start_that_fails(mode: str, way: str, error: str | None) -> None:
    stopped = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if way == "raises":
            raise LookupError(scope["type"])
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    app = Kyoukai("app")

    @app.after_serving
    async def after(ctx: Any) -> None:
        stopped.append("stopped")

    app.mount("/", application, lifespan=mode)

    async def main() -> None:
        async with app.test_client():
            pass

    if error is None:
        run(main())
    else:
        with pytest.raises(RuntimeError, match=error) as caught:
            run(main())
        (note,) = caught.value.__notes__
        assert "Raised by a hook while serving" in note
    assert stopped == ["stopped"]


# WebSockets


def test_a_websocket() -> None:
    seen = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(
            (scope["type"], scope["scheme"], scope["root_path"], scope["path"], scope["subprotocols"])
        )
        await receive()
        await send({"type": "websocket.accept", "subprotocol": "two", "headers": [(b"x-one", b"1")]})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"].upper()})
        seen.append(event)

    app = Kyoukai("app")
    app.mount("/v2", application, lifespan="off")

    async def main() -> None:
        async with app.test_client() as client:
            async with client.websocket("/v2/ws", subprotocols=["one", "two"]) as ws:
                assert ws.subprotocol == "two"
                await ws.send("hello")
                assert await ws.receive() == "HELLO"
                await ws.close(4000, "bye")
            assert client.errors == []

    run(main())
    assert seen == [
        ("websocket", "ws", "/v2", "/v2/ws", ["one", "two"]),
        {"type": "websocket.disconnect", "code": 4000, "reason": "bye"},
    ]


# What cannot be mounted


async def double(scope: Any) -> Any: ...


async def application(scope: Any, receive: Any, send: Any) -> None: ...


@pytest.mark.parametrize(
    ("given", "options", "said"),
    [
        (double, {}, "is an application of ASGI 2"),
        (lambda one: None, {"interface": "asgi", "lifespan": "maybe"}, "lifespan is 'maybe'"),
        (application, {"websocket": {"max_size": 1}}, "a WebSocket has no setting 'max_size'"),
        (application, {"stream": "yes"}, "must be True or False"),
        (application, {"max_body_size": -1}, "max_body_size"),
        (functools.partial(application, 1), {}, "cannot be called with (scope, receive, send)"),
    ],
)
def test_unmountable_objects(given: Any, options: Any, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Kyoukai("app").mount("/a", given, **options)
    assert said in str(caught.value)


def test_the_interface_may_be_said() -> None:
    """As what hides how it is called, a decorator's function, does not tell."""

    def hidden(*args: Any) -> Any:
        return answer_all(*args)

    async def answer_all(scope: Any, receive: Any, send: Any) -> None:
        await answer(send, b"by ASGI")

    @Request.application
    def by_werkzeug(request: Request) -> Any:
        return Response("by WSGI")

    app = Kyoukai("app")
    app.mount("/asgi", hidden, interface="asgi", lifespan="off")
    app.mount("/wsgi", by_werkzeug)

    async def main() -> None:
        async with app.test_client() as client:
            assert (await client.get("/asgi")).data == b"by ASGI"
            assert (await client.get("/wsgi")).data == b"by WSGI"

    run(main())


def test_the_head_of_a_request_that_no_server_has_read() -> None:
    environ = {
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/\xc3\xa4",
        "RAW_URI": "/%C3%A4?a=b",
        "QUERY_STRING": "a=b",
        "SERVER_PROTOCOL": "HTTP/1.0",
        "CONTENT_TYPE": "text/plain",
        "CONTENT_LENGTH": "",
        "HTTP_X_ONE": "\xe4",
        "wsgi.input": object(),
    }
    head = read_environ(environ)
    assert head.fields == [(b"content-type", b"text/plain"), (b"x-one", b"\xe4")]
    assert (head.method, head.target, head.version) == ("PUT", b"/%C3%A4?a=b", "1.0")
    assert (head.path, head.query) == ("/\xc3\xa4", "a=b")


def test_a_body_that_has_been_read_is_read_again(tmp_path: Any) -> None:
    path = tmp_path / "body"
    path.write_bytes(b"body")
    with open(path, "rb") as file:
        file.read()
        assert read_input(file) == b"body"

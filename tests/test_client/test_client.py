"""What a client for tests does, whichever it is: the same requests have the same answers."""

import asyncio
import io
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Context, TeardownError
from werkzeug.exceptions import Conflict
from werkzeug.test import ClientRedirectError, EnvironBuilder, TestResponse
from werkzeug.utils import redirect
from werkzeug.wrappers import Request, Response

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai, send_file
from kyoukai.test_client import Client
from kyoukai.test_client.requests import target_of

from ..serving import error_records
from .conftest import Using


def showing() -> Kyoukai:
    """Return an application that says what it was asked."""
    app = Kyoukai("showing")

    @app.route("/<path:path>", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def show(ctx: HTTPRequestContext, path: str) -> dict[str, Any]:
        request = ctx.request
        return {
            "method": request.method,
            "path": path,
            "url": request.url,
            "raw": request.environ["RAW_URI"],
            "args": request.args.to_dict(flat=False),
            "form": request.form.to_dict(),
            "files": {name: file.read().decode() for name, file in request.files.items()},
            "json": request.get_json(silent=True),
            "headers": dict(request.headers),
            "remote": request.remote_addr,
            "protocol": request.environ["SERVER_PROTOCOL"],
        }

    return app


def ask(using: Using, app: Kyoukai, *args: Any, method: str = "get", **options: Any) -> TestResponse:
    """Return the response to one request."""

    async def function(client: Client) -> TestResponse:
        response: TestResponse = await getattr(client, method)(*args, **options)
        return response

    response: TestResponse = using(app, function)
    return response


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_methods(using: Using, method: str) -> None:
    response = ask(using, showing(), "/a", method=method)
    assert (response.status, response.json["method"]) == ("200 OK", method.upper())
    assert response.request.method == method.upper()


def test_a_head_has_no_body(using: Using) -> None:
    response = ask(using, showing(), "/a", method="head")
    assert (response.status_code, response.data) == (200, b"")
    assert int(response.headers["Content-Length"]) > 0


def test_options(using: Using) -> None:
    response = ask(using, showing(), "/a", method="options")
    assert {"GET", "POST"} <= set(response.allow)


def test_meaning_of_a_url(using: Using) -> None:
    seen = ask(using, showing(), "/a b/ä%20/c?x=1&x=%C3%A9&y=ü").json
    assert seen["path"] == "a b/ä /c"
    assert seen["args"] == {"x": ["1", "é"], "y": ["ü"]}
    assert seen["raw"] == "/a%20b/%C3%A4%20/c?x=1&x=%C3%A9&y=%C3%BC"
    assert seen["url"] == "http://localhost/a%20b/ä%20/c?x=1&x=é&y=ü"
    seen = ask(using, showing(), "/a", query_string={"q": ["1", "2 & 3"]}).json
    assert seen["args"] == {"q": ["1", "2 & 3"]}
    assert (seen["remote"], seen["protocol"]) == ("127.0.0.1", "HTTP/1.1")


def test_meaning_of_fields(using: Using) -> None:
    headers = {"X-Field": "wörld", "Accept": "text/html"}
    seen = ask(using, showing(), "/a", headers=headers, auth=("me", "secret")).json["headers"]
    assert (seen["Host"], seen["Accept"]) == ("localhost", "text/html")
    assert seen["Authorization"] == "Basic bWU6c2VjcmV0"
    assert ask(using, showing(), "/a", base_url="http://other.example:81").json["url"] == (
        "http://other.example:81/a"
    )


def test_bodies(using: Using) -> None:
    app = showing()
    assert ask(using, app, "/a", method="post", json={"a": [1]}).json["json"] == {"a": [1]}
    assert ask(using, app, "/a", method="post", data={"a": "ä"}).json["form"] == {"a": "ä"}
    form = {"a": "1", "file": (io.BytesIO(b"x" * 100_000), "name.txt")}
    seen = ask(using, app, "/a", method="put", data=form).json
    assert (seen["form"], seen["files"]) == ({"a": "1"}, {"file": "x" * 100_000})


def test_arguments_of_a_request(using: Using) -> None:
    builder = EnvironBuilder("/b", method="POST", json=[1])
    assert ask(using, showing(), builder, method="open").json["json"] == [1]
    assert ask(using, showing(), builder.get_environ(), method="open").json["json"] == [1]
    assert ask(using, showing(), builder.get_request(), method="open").json["json"] == [1]
    with pytest.raises(TypeError):
        ask(using, showing(), "/a", query="x")


def test_bodies_of_answers(using: Using, tmp_path: Path) -> None:
    app = Kyoukai("answering")
    path = tmp_path / "file.txt"
    path.write_bytes(b"0123456789" * 100_000)
    closed = []

    @app.route("/async")
    async def asynchronous(ctx: HTTPRequestContext) -> AsyncIterator[str]:
        try:
            for number in range(100):
                yield str(number)
        finally:
            closed.append("async")

    @app.route("/plain")
    def plain(ctx: HTTPRequestContext) -> Iterator[bytes]:
        yield b"a"
        yield b""
        yield b"b"

    @app.route("/file")
    async def file(ctx: HTTPRequestContext) -> Response:
        return await send_file(ctx, path)

    async def function(client: Client) -> None:
        assert (await client.get("/async")).text == "".join(map(str, range(100)))
        assert (await client.get("/plain")).data == b"ab"
        assert (await client.get("/file")).data == path.read_bytes()
        part = await client.get("/file", headers={"Range": "bytes=10-14"})
        assert (part.status_code, part.data) == (206, b"01234")
        same = await client.get("/file", headers={"If-None-Match": part.headers["ETag"]})
        assert (same.status_code, same.data) == (304, b"")

    using(app, function)
    assert closed == ["async"]


def test_cookies_are_kept(using: Using) -> None:
    app = Kyoukai("cookies")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        response = Response(",".join(f"{name}={value}" for name, value in ctx.request.cookies.items()))
        response.set_cookie("seen", "yes", path="/")
        return response

    @app.route("/forget")
    async def forget(ctx: HTTPRequestContext) -> Response:
        response = Response()
        response.delete_cookie("seen")
        return response

    async def function(client: Client) -> None:
        assert (await client.get("/")).text == ""
        client.set_cookie("mine", "1")
        assert (await client.get("/")).text == "seen=yes,mine=1"
        kept = client.get_cookie("seen")
        assert kept is not None
        assert kept.value == "yes"
        client.delete_cookie("mine")
        await client.get("/forget")
        assert client.get_cookie("seen") is None
        assert (await client.get("/")).text == ""

    using(app, function)

    async def without(client: Client) -> None:
        await client.get("/")
        assert (await client.get("/")).text == ""
        assert (await client.get("/", headers={"Cookie": "a=b"})).text == "a=b"
        with pytest.raises(TypeError):
            client.set_cookie("a")

    using(app, without, use_cookies=False)


def redirecting() -> Kyoukai:
    app = Kyoukai("redirecting")

    @app.route("/to/<int:code>", methods=["GET", "POST"])
    async def go(ctx: HTTPRequestContext, code: int) -> Response:
        await asyncio.to_thread(ctx.request.get_data)
        return redirect("/end?from=there", code)

    @app.route("/end", methods=["GET", "POST"])
    async def end(ctx: HTTPRequestContext) -> str:
        return f"{ctx.request.method} {ctx.request.args['from']} {ctx.request.get_data(as_text=True)}"

    @app.route("/circle")
    async def circle(ctx: HTTPRequestContext) -> Response:
        return redirect("/circle")

    @app.route("/away")
    async def away(ctx: HTTPRequestContext) -> Response:
        return redirect("http://elsewhere.example/")

    return app


def test_redirects(using: Using) -> None:
    async def function(client: Client) -> None:
        response = await client.post("/to/303", data="body")
        assert (response.status_code, response.location, response.history) == (303, "/end?from=there", ())
        response = await client.post("/to/303", data="body", follow_redirects=True)
        assert response.text == "GET there "
        assert [step.status_code for step in response.history] == [303]
        assert response.request.path == "/end"
        for code in (307, 308):
            response = await client.post(f"/to/{code}", data="body", follow_redirects=True)
            assert response.text == "POST there body"
        with pytest.raises(ClientRedirectError, match="/circle was followed before"):
            await client.get("/circle", follow_redirects=True)
        with pytest.raises(RuntimeError, match="external redirects"):
            await client.get("/away", follow_redirects=True)

    using(redirecting(), function)


def test_sessions(using: Using) -> None:
    app = Kyoukai("sessions", sessions=CookieSessions("0123456789abcdef"))

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> dict[str, Any]:
        ctx.session["count"] = ctx.session.get("count", 0) + 1
        return dict(ctx.session)

    async def function(client: Client) -> None:
        with client.session_transaction() as session:
            session["user"] = "Ann"
        assert (await client.get("/")).json == {"user": "Ann", "count": 1}
        assert (await client.get("/")).json == {"user": "Ann", "count": 2}
        with client.session_transaction() as session:
            assert session == {"user": "Ann", "count": 2}
            session.clear()
        assert (await client.get("/")).json == {"count": 1}

    using(app, function)

    async def refused(client: Client) -> None:
        with pytest.raises(RuntimeError, match="has no sessions"), client.session_transaction():
            pass

    using(Kyoukai("a"), refused)


def failing() -> Kyoukai:
    app = Kyoukai("failing")

    @app.route("/fail")
    async def fail(ctx: HTTPRequestContext) -> str:
        raise LookupError("nothing there")

    @app.route("/conflict")
    async def conflict(ctx: HTTPRequestContext) -> str:
        raise Conflict

    @app.route("/claimed")
    def claimed(ctx: HTTPRequestContext) -> str:
        raise KeyError("claimed")

    @app.errorhandler(KeyError)
    async def claim(ctx: HTTPRequestContext, error: KeyError) -> tuple[str, int]:
        return "claimed", 418

    @app.route("/teardown")
    async def teardown(ctx: HTTPRequestContext) -> str:
        def fail() -> None:
            raise OSError("cannot be closed")

        ctx.add_teardown_callback(fail)
        return "never seen"

    @app.route("/handler")
    async def of_a_handler(ctx: HTTPRequestContext) -> str:
        raise BlockingIOError

    @app.errorhandler(BlockingIOError)
    async def fail_again(ctx: HTTPRequestContext, error: Exception) -> str:
        raise ArithmeticError("in the handler")

    return app


def test_exceptions_are_answered(using: Using, caplog: pytest.LogCaptureFixture) -> None:
    async def function(client: Client) -> None:
        response = await client.get("/fail")
        assert response.status_code == 500
        assert "nothing there" not in response.text
        assert (await client.get("/conflict")).status_code == 409
        assert [repr(error) for error in client.errors] == ["LookupError('nothing there')"]

    using(failing(), function)
    assert len(error_records(caplog)) == 1


def test_exceptions_are_raised_if_asked_for(using: Using) -> None:
    async def function(client: Client) -> None:
        with pytest.raises(LookupError, match="nothing there"):
            await client.get("/fail")
        with pytest.raises(TeardownError, match="cannot be closed"):
            await client.get("/teardown")
        with pytest.raises(ArithmeticError, match="in the handler"):
            await client.get("/handler")
        assert (await client.get("/conflict")).status_code == 409
        assert (await client.get("/claimed")).status_code == 418

    using(failing(), function, raise_exceptions=True)


def test_each_request_raises_its_own_exception(using: Using) -> None:
    app = Kyoukai("failing")
    waiting: list[str] = []
    arrived = asyncio.Event()

    @app.route("/<name>")
    async def answer(ctx: HTTPRequestContext, name: str) -> str:
        waiting.append(name)
        if len(waiting) == 4:
            arrived.set()
        await arrived.wait()
        if name == "well":
            return name
        raise LookupError(name)

    async def function(client: Client) -> None:
        async def stream() -> str:
            async with client.stream("/streamed"):
                return "not reached"

        well, first, streamed, last = await asyncio.gather(
            client.get("/well"),
            client.get("/first"),
            stream(),
            client.get("/last"),
            return_exceptions=True,
        )
        assert isinstance(well, TestResponse)
        assert well.text == "well"
        for error, name in ((first, "first"), (streamed, "streamed"), (last, "last")):
            assert isinstance(error, LookupError)
            assert error.args == (name,)
        assert len(client.errors) == 3

    using(app, function, raise_exceptions=True)


class Bare:
    """An application that is no Kyoukai: it has no hooks, and lets exceptions out."""

    request_class = Request

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        raise ZeroDivisionError


def test_an_application_without_routing(using: Using) -> None:
    class WithClients(Bare):
        test_client = Kyoukai.test_client
        live_client = Kyoukai.live_client

    async def function(client: Client) -> None:
        with pytest.raises(ZeroDivisionError):
            await client.get("/")

    using(WithClients(), function, raise_exceptions=True)


def test_resources_come_from_the_context(using: Using) -> None:
    app = Kyoukai("resources")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.require_resource(str)

    async def function(client: Client) -> str:
        return (await client.get("/")).text

    parent = Context()

    async def add() -> None:
        parent.add_resource("of a fixture")

    asyncio.run(add())
    assert using(app, function, context=parent) == "of a fixture"


def test_the_current_context_is_the_parent() -> None:
    app = Kyoukai("resources")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return ctx.require_resource(str)

    async def main() -> None:
        async with Context() as ctx:
            ctx.add_resource("of the test")
            for made in (app.test_client(), app.live_client()):
                async with made as client:
                    assert (await client.get("/")).text == "of the test"

    asyncio.run(main())


def test_start_and_stop(using: Using) -> None:
    app = Kyoukai("starting")
    seen = []
    app.before_serving(lambda ctx: seen.append("start"))
    app.after_serving(lambda ctx: seen.append("stop"))

    async def function(client: Client) -> None:
        assert seen == ["start"]
        with pytest.raises(RuntimeError, match="in use already"):
            await client.__aenter__()

    using(app, function)
    assert seen == ["start", "stop"]


def test_a_start_that_fails(using: Using) -> None:
    app = Kyoukai("starting")

    @app.before_serving
    async def start(ctx: Context) -> None:
        raise LookupError("no database")

    async def function(client: Client) -> None:
        raise AssertionError

    with pytest.raises(LookupError, match="no database"):
        using(app, function)


def test_a_stop_that_fails(using: Using) -> None:
    app = Kyoukai("stopping")

    @app.after_serving
    async def stop(ctx: Context) -> None:
        raise LookupError("no database")

    async def function(client: Client) -> None:
        pass

    with pytest.raises(TeardownError, match="no database"):
        using(app, function)


def test_many_requests_at_a_time(using: Using) -> None:
    app = showing()

    @app.route("/thread")
    def in_a_thread(ctx: HTTPRequestContext) -> str:
        return "done"

    async def function(client: Client) -> None:
        responses = await asyncio.gather(*(client.get("/thread") for _ in range(40)))
        assert {response.text for response in responses} == {"done"}

    using(app, function)


def test_a_request_can_be_given_up(using: Using) -> None:
    app = Kyoukai("waiting")
    asked, go_on = asyncio.Event(), asyncio.Event()

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        asked.set()
        await go_on.wait()
        return "late"

    async def function(client: Client) -> None:
        task = asyncio.create_task(client.get("/"))
        await asked.wait()
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        go_on.set()
        assert (await client.get("/")).text == "late"

    using(app, function)


def test_out_of_use(using: Using) -> None:
    app = showing()
    kept = []

    async def function(client: Client) -> None:
        kept.append(client)

    using(app, function)
    with pytest.raises(RuntimeError, match="not in use"):
        asyncio.run(kept[0].get("/a"))


@pytest.mark.parametrize("make", [Kyoukai.test_client, Kyoukai.live_client])
def test_client_may_end_in_another_task(make: Any) -> None:
    """As fixtures do: what is before their ``yield`` and after it may be of two tasks."""

    async def main() -> None:
        client = make(showing())
        await asyncio.create_task(client.__aenter__())
        assert (await asyncio.create_task(client.get("/a"))).status_code == 200
        await asyncio.create_task(client.__aexit__(None, None, None))
        # And it may begin once more.
        async with client:
            assert (await client.get("/a")).status_code == 200

    asyncio.run(main())


def test_the_target_of_a_request() -> None:
    def target(**options: Any) -> str:
        return target_of(EnvironBuilder(**options).get_environ())

    assert target() == "/"
    assert target(path="/a", base_url="http://localhost/root") == "/root/a"
    assert target(path="/50%25?a=%25") == "/50%25?a=%25"


def test_signals_are_as_before() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]

    async def main() -> None:
        async with showing().live_client():
            pass

    asyncio.run(main())
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


def test_early_hints_are_not_the_answer(using: Using) -> None:
    app = Kyoukai("hints")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        for name in ("style", "print"):
            ctx.send_early_hints([("Link", f"</{name}.css>; rel=preload; as=style")])
        return "here"

    async def function(client: Client) -> None:
        response = await client.get("/")
        assert (response.status_code, response.text) == (200, "here")
        assert "Link" not in response.headers

    using(app, function)

"""Applications that servers of WSGI call."""

import asyncio
import io
import os
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, EnvironBuilder, run_wsgi_app

from kyoukai import ConfigurationError, HTTPRequestContext, Kyoukai, Response
from kyoukai.wsgi import WSGIExport

PATIENCE = 10.0


class Told:
    """An application, and what it notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.closed = threading.Event()
        self.app = app = Kyoukai("exported")

        @app.before_serving
        async def before(ctx: Any) -> None:
            self.notes.append("before")

        @app.after_serving
        async def after(ctx: Any) -> None:
            self.notes.append("after")

        @app.route("/")
        async def hello(ctx: HTTPRequestContext) -> str:
            return "Hello"

        @app.route("/where")
        async def where(ctx: HTTPRequestContext) -> dict[str, Any]:
            names = ("SCRIPT_NAME", "PATH_INFO", "RAW_URI", "QUERY_STRING", "REMOTE_ADDR", "HTTP_HOST")
            return {name: ctx.environ.get(name) for name in names}

        @app.route("/echo", methods=["POST"])
        async def echo(ctx: HTTPRequestContext) -> Response:
            return Response(ctx.request.get_data())

        @app.route("/count", methods=["POST"], stream=True)
        async def count(ctx: HTTPRequestContext) -> str:
            return " ".join([str(len(piece)) async for piece in ctx.stream()])

        @app.route("/doubled", methods=["POST"], stream=True)
        async def doubled(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[bytes]:
                async for piece in ctx.stream():
                    yield piece * 2

            return Response(make())

        @app.route("/pieces")
        async def pieces(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[bytes]:
                try:
                    for number in range(1000):
                        yield b"%d " % number
                        await asyncio.sleep(0)
                finally:
                    self.closed.set()

            return Response(make())

        @app.route("/breaks")
        async def breaks(ctx: HTTPRequestContext) -> Response:
            async def make() -> AsyncIterator[bytes]:
                yield b"begun"
                await asyncio.sleep(0)
                raise ValueError("as it is to")

            return Response(make())

        @app.route("/thread")
        def thread(ctx: HTTPRequestContext) -> str:
            return "from a thread"

        @app.websocket("/ws")
        async def ws(ctx: HTTPRequestContext, ws: Any) -> None:
            await ws.accept()


@pytest.fixture
def told() -> Iterator[Told]:
    """An application that is exported, and stopped at the end."""
    made = Told()
    yield made
    made.app.wsgi.close()


def environ(**others: Any) -> dict[str, Any]:
    """Return the environ of a request, as wsgiref has it."""
    made: dict[str, Any] = {"QUERY_STRING": "", "SCRIPT_NAME": "", "PATH_INFO": "/", **others}
    setup_testing_defaults(made)
    return made


def ask(app: Any, given: dict[str, Any]) -> tuple[str, dict[str, str], bytes]:
    """Return the answer of an application that keeps to PEP 3333, and that is checked."""
    answered: list[Any] = []

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        answered.extend([status, dict(headers)])
        return lambda data: None

    body = validator(app)(given, start_response)
    try:
        content = b"".join(body)
    finally:
        body.close()
    return answered[0], answered[1], content


def test_it_keeps_to_pep_3333(told: Told) -> None:
    app = told.app.wsgi
    status, headers, content = ask(app, environ())
    assert (status, headers["content-length"], content) == ("200 OK", "5", b"Hello")
    assert ask(app, environ(REQUEST_METHOD="HEAD"))[2] == b""
    assert ask(app, environ(PATH_INFO="/nowhere"))[0] == "404 Not Found"
    assert ask(app, environ(PATH_INFO="/pieces"))[2].endswith(b" 999 ")
    body = io.BytesIO(b"said")
    post = {"REQUEST_METHOD": "POST", "PATH_INFO": "/echo", "CONTENT_LENGTH": "4", "wsgi.input": body}
    assert ask(app, environ(**post))[2] == b"said"


def test_it_starts_with_the_first_request_and_stops_when_it_is_closed(told: Told) -> None:
    client = Client(told.app.wsgi)
    assert told.notes == []
    threads = [threading.Thread(target=client.get, args=("/",)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.notes == ["before"]
    told.app.wsgi.close()
    told.app.wsgi.close()
    assert told.notes == ["before", "after"]
    assert not [thread for thread in threading.enumerate() if thread.name == "kyoukai"]
    assert client.get("/").text == "Hello"
    assert told.notes == ["before", "after", "before"]


def test_it_is_mounted_by_others(told: Told) -> None:
    # A dispatcher moves what it has matched into SCRIPT_NAME.
    client = Client(DispatcherMiddleware(lambda environ, start_response: [], {"/api": told.app.wsgi}))
    where = client.get("/api/where?a=%20b").json
    assert where is not None
    assert (where["SCRIPT_NAME"], where["PATH_INFO"]) == ("/api", "/where")
    assert (where["QUERY_STRING"], where["HTTP_HOST"]) == ("a=%20b", "localhost")


def test_raw_variables_follow_changes_of_middleware(told: Told) -> None:
    client = Client(told.app.wsgi)
    assert client.get("/where", environ_overrides={"RAW_URI": "/%77here?x"}).json["RAW_URI"] == "/%77here"
    assert client.get("/where", environ_overrides={"RAW_URI": "/other"}).json["RAW_URI"] == "/where"
    assert (
        client.get("/where", environ_overrides={"REMOTE_ADDR": "192.0.2.9"}).json["REMOTE_ADDR"]
        == "192.0.2.9"
    )


@pytest.mark.parametrize("size", [0, 1, 65536, 200_000])
def test_bodies_are_read_whole_and_as_they_come(told: Told, size: int) -> None:
    client = Client(told.app.wsgi)
    data = b"x" * size
    assert client.post("/echo", data=data).data == data
    assert sum(map(int, client.post("/count", data=data).text.split())) == size
    assert client.post("/doubled", data=data).data == data * 2


def test_a_body_of_chunks_is_read_to_its_end(told: Told) -> None:
    builder = EnvironBuilder(path="/echo", method="POST", headers={"Transfer-Encoding": "chunked"})
    given = {**builder.get_environ(), "wsgi.input": io.BytesIO(b"c" * 70_000), "wsgi.input_terminated": True}
    given.pop("CONTENT_LENGTH", None)
    assert b"".join(run_wsgi_app(told.app.wsgi, given)[0]) == b"c" * 70_000


def test_a_body_that_breaks_off_is_no_request(told: Told) -> None:
    given = environ(REQUEST_METHOD="POST", PATH_INFO="/echo", CONTENT_LENGTH="10")
    given["wsgi.input"] = io.BytesIO(b"short")
    with pytest.raises(ConnectionResetError):
        run_wsgi_app(told.app.wsgi, given)


def test_limits_and_refusals_are_those_of_every_wire() -> None:
    app = WSGIExport(Told().app, limits={"max_body_size": 10})
    try:
        client = Client(app)
        assert client.post("/echo", data=b"x" * 11).status_code == 413
        assert client.post("/echo", data=b"x" * 10).status_code == 200
        assert client.open("/", method="BREW").status_code == 501
        assert client.get("/", headers={"Host": "a b"}).status_code == 400
    finally:
        app.close()


def test_a_server_that_leaves_ends_the_stream(told: Told) -> None:
    pieces, _, _ = run_wsgi_app(told.app.wsgi, EnvironBuilder(path="/pieces").get_environ())
    assert next(iter(pieces)).startswith(b"0 ")
    pieces.close()  # type: ignore[attr-defined]
    assert told.closed.wait(PATIENCE)


def test_a_server_whose_start_response_raises_leaves_nothing(told: Told) -> None:
    def refuse(*args: Any) -> Any:
        raise ValueError("as it is to")

    app = told.app.wsgi
    with pytest.raises(ValueError, match="as it is to"):
        app(EnvironBuilder(path="/pieces").get_environ(), refuse)
    assert told.closed.wait(PATIENCE)
    until_empty(app)


def test_a_server_whose_input_raises_leaves_nothing(told: Told) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise ValueError("as it is to")

    app = told.app.wsgi
    for path in ("/echo", "/count"):
        given = environ(REQUEST_METHOD="POST", PATH_INFO=path, CONTENT_LENGTH="10")
        given["wsgi.input"] = Broken()
        with pytest.raises(ValueError, match="as it is to"):
            run_wsgi_app(app, given)
        until_empty(app)


def until_empty(app: Any) -> None:
    """Wait until no request is left in the loop of an application."""

    async def poll() -> None:
        async with asyncio.timeout(PATIENCE):
            # The task that serves, and this one.
            while len(asyncio.all_tasks()) > 2:  # noqa: ASYNC110 - tasks of others have no event
                await asyncio.sleep(0.001)

    asyncio.run_coroutine_threadsafe(poll(), app._loop).result()


def test_an_answer_that_breaks_off_raises(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    pieces, status, _ = run_wsgi_app(told.app.wsgi, EnvironBuilder(path="/breaks").get_environ())
    assert status == "200 OK"
    with pytest.raises(Exception, match="breaks off"):
        b"".join(pieces)
    assert "ValueError: as it is to" in caplog.text


def test_a_start_that_fails_is_raised() -> None:
    app = Kyoukai("fails")

    @app.before_serving
    async def fails(ctx: Any) -> None:
        raise RuntimeError("no database")

    try:
        with pytest.raises(RuntimeError, match="no database"):
            Client(app.wsgi).get("/")
    finally:
        app.wsgi.close()


def test_websockets_are_refused(told: Told, caplog: pytest.LogCaptureFixture) -> None:
    headers = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
    }
    assert Client(told.app.wsgi).get("/ws", headers=headers).status_code == 501


def test_settings_of_sockets_are_the_servers() -> None:
    with pytest.raises(ConfigurationError, match="port"):
        WSGIExport(Told().app, port=1)


def test_a_process_that_is_forked_has_a_loop_of_its_own(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    app = told.app.wsgi
    client = Client(app)
    assert client.get("/thread").text == "from a thread"
    loop, thread = app._loop, app._thread
    assert loop is not None
    assert thread is not None
    # The child of a fork has all of it but the thread.
    monkeypatch.setattr("kyoukai.wsgi.export.application.os.getpid", lambda: -1)
    assert client.get("/thread").text == "from a thread"
    assert app._loop is not loop
    assert told.notes == ["before"]
    app.close()
    monkeypatch.undo()
    app._loop, app._thread = loop, thread
    app._pid = os.getpid()

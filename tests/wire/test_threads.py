"""What runs in threads: it is waited for until it lets go, and closed where it ran."""

import contextvars
import io
import threading

import pytest
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from kyoukai import Kyoukai

from ..serving import PATIENCE, error_records, message

pytestmark = pytest.mark.every_wire

variable = contextvars.ContextVar("variable", default="unset")


class Site:
    """An application, something of which runs in a thread and stays there until it is let go."""

    def __init__(self, kind):
        self.app = app = Kyoukai("site")
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.order = []
        """What came to its end, and with `while`, what ended while the thread was not let go."""
        getattr(self, kind)(app)

        @app.route("/quick")
        async def quick(ctx):
            return "quick"

        @app.after_serving
        async def after(ctx):
            self.note("after serving")

    def block(self):
        self.begun.set()
        self.go_on.wait(PATIENCE)

    def note(self, what):
        self.order.append(what if self.go_on.is_set() else f"{what} while it runs")

    def generator(self, app):
        @app.route("/slow")
        def slow(ctx):
            try:
                yield b"begun"
                self.block()
                yield b"never sent"
            finally:
                self.note("closed")

    def iterator(self, app):
        site = self

        class Body:
            def __iter__(self):
                site.block()
                return iter((b"never sent",))

            def close(self):
                site.note("closed")

        @app.route("/slow")
        async def slow(ctx):
            return Response(Body())

    def file(self, app):
        site = self

        class File(io.BytesIO):
            def read(self, *args):
                site.block()
                return super().read(*args)

            def close(self):
                site.note("closed")
                super().close()

        @app.route("/slow")
        async def slow(ctx):
            return Response(FileWrapper(File(b"never sent")), direct_passthrough=True)

    def handler(self, app):
        @app.route("/slow")
        def slow(ctx):
            ctx.add_teardown_callback(lambda: self.note("torn down"))
            self.block()
            response = Response("never sent")
            response.call_on_close(lambda: self.note("closed"))
            return response

    def hook(self, app):
        @app.before_request
        def before(ctx):
            if ctx.request.path == "/slow":
                self.block()
                self.note("closed")

        @app.route("/slow")
        async def slow(ctx):
            return "never sent"

    def wsgi_call(self, app):
        def application(environ, start_response):
            self.block()
            self.note("closed")
            start_response("200 OK", [])
            return [b"never sent"]

        app.mount("/slow", application)

    def wsgi_body(self, app):
        def application(environ, start_response):
            start_response("200 OK", [])
            try:
                yield b"begun"
                self.block()
                yield b"never sent"
            finally:
                self.note("closed")

        app.mount("/slow", application)

    def wsgi_close(self, app):
        site = self

        class Body:
            def __iter__(self):
                return iter((b"whole",))

            def close(self):
                site.block()
                site.note("closed")

        def application(environ, start_response):
            start_response("200 OK", [("Content-Length", "5")])
            return Body()

        app.mount("/slow", application)


KINDS = {
    "generator": ["closed"],
    "iterator": ["closed"],
    "file": ["closed"],
    "handler": ["closed", "torn down"],
    "hook": ["closed"],
    "wsgi_call": ["closed"],
    "wsgi_body": ["closed"],
    "wsgi_close": ["closed"],
}


@pytest.mark.parametrize("leaves", [False, True], ids=["stays", "leaves"])
@pytest.mark.parametrize("kind", KINDS)
def test_stop_waits_for_threads_and_names_them(serve, caplog, kind, leaves):
    """However often it is cancelled: once where the client leaves, and once by the stop."""
    site = Site(kind)
    server = serve(site.app, limits={"shutdown_timeout": 0.05}, cancel_on_disconnect=True)
    with server.connect() as client:
        client.send(message("GET", "/slow"))
        assert site.begun.wait(PATIENCE)
        if leaves:
            client.reset()
            server.wait_until_empty()
        server.begin_stop()
        server.wait_until(lambda: "waiting for calls in threads" in caplog.text)
        assert site.order == []
        site.go_on.set()
        server.stop()
    assert site.order == [*KINDS[kind], "after serving"]
    assert error_records(caplog) == []
    (line,) = [text for text in caplog.messages if text.startswith("waiting for")]
    assert f"{threading.__file__}:" in line


def test_thread_that_ends_in_time_is_not_named(serve, caplog):
    site = Site("wsgi_close")
    server = serve(site.app)
    with server.connect() as client:
        assert client.request(message("GET", "/slow")).body == b"whole"
        assert site.begun.wait(PATIENCE)
    server.wait_until_empty()
    server.begin_stop()
    server.wait_until(lambda: server.server.stopping)
    site.go_on.set()
    server.stop()
    assert site.order == ["closed", "after serving"]
    assert "waiting for" not in caplog.text


class Closing:
    """An application that sets a variable in a thread, and resets it in a closing that blocks."""

    def __init__(self, kind):
        self.app = app = Kyoukai("closing")
        self.closing, self.go_on = threading.Event(), threading.Event()
        self.closed = []
        self.errors = []
        getattr(self, kind)(app)

        @app.route("/quick")
        async def quick(ctx):
            return "quick"

    def close(self, token):
        self.closing.set()
        self.go_on.wait(PATIENCE)
        try:
            variable.reset(token)
        except ValueError as exc:
            self.errors.append(exc)
        self.closed.append(threading.current_thread())

    def pieces(self):
        token = variable.set("set")
        try:
            while True:
                assert variable.get() == "set"
                yield b"piece" * 1000
        finally:
            self.close(token)

    def generator(self, app):
        @app.route("/slow")
        def slow(ctx):
            yield from self.pieces()

    def generator_of_a_coroutine(self, app):
        @app.route("/slow")
        async def slow(ctx):
            return Response(self.pieces())

    def generator_that_another_reads(self, app):
        @app.route("/slow")
        def slow(ctx):
            return Response(self.pieces())

        @app.after_request
        def upper(ctx, response):
            if ctx.request.path == "/slow":
                return Response(piece.upper() for piece in response.response)
            return None

    def body_of_a_function(self, app):
        site = self

        class Body:
            def __init__(self):
                self.token = variable.set("set")

            def __iter__(self):
                assert variable.get() == "set"
                return iter((b"piece",))

            def close(self):
                site.close(self.token)

        @app.route("/slow")
        def slow(ctx):
            return Response(Body(), 201)

    def file(self, app):
        site = self

        class File(io.BytesIO):
            def __init__(self):
                super().__init__(b"piece")
                self.token = variable.set("set")

            def close(self):
                site.close(self.token)
                super().close()

        @app.route("/slow")
        def slow(ctx):
            return Response(FileWrapper(File()), direct_passthrough=True)

    def wsgi_file(self, app):
        site = self

        class File(io.FileIO):
            def __init__(self):
                super().__init__(__file__)
                self.token = variable.set("set")

            def close(self):
                if not self.closed:
                    super().close()
                    site.close(self.token)

        def application(environ, start_response):
            file = File()
            start_response("200 OK", [("Content-Length", "10")])
            return environ["wsgi.file_wrapper"](file)

        app.mount("/slow", application)

    def callback(self, app):
        @app.route("/slow")
        def slow(ctx):
            token = variable.set("set")
            response = Response("in memory")
            response.call_on_close(lambda: self.close(token))
            return response

    def callback_of_a_hook(self, app):
        @app.route("/slow")
        async def slow(ctx):
            return "in memory"

        @app.after_request
        def after(ctx, response):
            if ctx.request.path == "/slow":
                token = variable.set("set")
                response.call_on_close(lambda: self.close(token))

    def callback_behind_an_asynchronous_body(self, app):
        self.callback(app)

        @app.after_request
        async def after(ctx, response):
            async def pieces():
                yield b"piece"

            return Response(pieces()) if ctx.request.path == "/slow" else None

    def teardown(self, app):
        @app.route("/slow")
        def slow(ctx):
            token = variable.set("set")
            ctx.add_teardown_callback(lambda: self.close(token))
            return "in memory"


GENERATORS = ["generator", "generator_of_a_coroutine", "generator_that_another_reads"]

CLOSINGS = [
    "body_of_a_function",
    "file",
    "wsgi_file",
    "callback",
    "callback_of_a_hook",
    "callback_behind_an_asynchronous_body",
    "teardown",
]


@pytest.mark.parametrize("kind", CLOSINGS)
def test_thread_result_is_closed_in_its_context_without_a_wait(serve, caplog, kind):
    site = Closing(kind)
    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/slow"))
        assert site.closing.wait(PATIENCE)
        # The loop is free.
        assert server.request(message("GET", "/quick")).body == b"quick"
        assert site.closed == []
        site.go_on.set()
        assert client.receive_head().status in (200, 201)
    server.stop()
    assert site.errors == []
    assert len(site.closed) == 1
    assert site.closed[0].name != "server"
    assert error_records(caplog) == []


@pytest.mark.parametrize("kind", GENERATORS)
def test_the_cleanup_of_a_generator_whose_client_leaves(serve, caplog, kind):
    site = Closing(kind)
    server = serve(site.app)
    with server.connect() as client:
        client.send(message("GET", "/slow"))
        client.receive_head()
    assert site.closing.wait(PATIENCE)
    assert server.request(message("GET", "/quick")).body == b"quick"
    site.go_on.set()
    server.stop()
    assert site.errors == []
    assert len(site.closed) == 1
    assert site.closed[0].name != "server"
    assert error_records(caplog) == []


def test_callbacks_of_coroutines_are_called_in_the_loop(serve):
    called = []
    app = Kyoukai("site")

    @app.route("/")
    async def index(ctx):
        response = Response(piece for piece in "abc")
        response.call_on_close(lambda: called.append(threading.current_thread().name))
        ctx.add_teardown_callback(lambda: called.append(threading.current_thread().name))
        return response

    server = serve(app)
    assert server.request(message()).body == b"abc"
    server.wait_until_empty()
    server.stop()
    assert called == ["server", "server"]


def test_a_file_that_was_uploaded_is_closed_in_a_thread(serve, monkeypatch):
    closed = []

    class Request(Kyoukai.request_class):
        def close(self):
            super().close()
            closed.append(threading.current_thread().name)

    app = Kyoukai("site")
    app.request_class = Request

    @app.route("/", methods=["POST"])
    async def upload(ctx):
        return str(len(ctx.request.files["file"].read()))

    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
    server = serve(app)
    for size in (10, 600_000):
        body = head + bytes(size) + b"\r\n--x--\r\n"
        answer = server.request(
            message("POST", "/", "Content-Type: multipart/form-data; boundary=x", body=body)
        )
        assert answer.body == str(size).encode()
    server.stop()
    # What is small is in memory.
    assert [name == "server" for name in closed] == [True, False]

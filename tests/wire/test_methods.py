"""Methods: those of the registry, those that routes and mounts declare, and no others."""

import pytest

from kyoukai import Kyoukai
from kyoukai.core.semantics.methods import METHODS

from ..serving import Answering, chunks, echo, message

# llhttp knows the first three, takes the next ones for RTSP's and ICE's, and the rest for nothing.
DECLARED = [
    *("NOTIFY", "PURGE", "M-SEARCH"),
    *("DESCRIBE", "GET_PARAMETER", "SOURCE"),
    *("BREW", "GETS", "!#$%&'*+-.^_`|~9"),
]

TE = "Transfer-Encoding: chunked"


def make_app():
    app = Kyoukai("declaring")

    @app.route("/own", methods=["GET", *DECLARED])
    async def own(ctx):
        return f"{ctx.request.method} {ctx.request.get_data(as_text=True)}"

    @app.route("/all", methods=sorted(METHODS - {"CONNECT", "HEAD"}))
    async def registered(ctx):
        return f"{ctx.request.method} {ctx.request.get_data(as_text=True)}"

    @app.route("/stream", methods=["BREW"], stream=True)
    async def stream(ctx):
        return b"streamed " + await ctx.stream().read()

    return app


@pytest.mark.parametrize("method", DECLARED)
def test_method_declared_by_a_route(serve, method):
    with serve(make_app()).connect() as client:
        for _ in range(3):
            # The same head comes again, and is known from then on.
            answer = client.request(message(method, "/own", body=b"abc"))
            assert (answer.status, answer.body) == (200, f"{method} abc".encode())
        answer = client.request(message(method, "/own", TE) + chunks(b"de", b"f"))
        assert (answer.status, answer.body) == (200, f"{method} def".encode())
        offer = message(method, "/own", "Connection: upgrade", "Upgrade: h2c", body=b"ghi")
        assert client.request(offer).body == f"{method} ghi".encode()
        # What follows is read by a parser that has seen nothing of it.
        assert client.request(message("GET", "/own")).body == b"GET "
        assert client.request(message(method, "/own", body=b"")).body == f"{method} ".encode()


@pytest.mark.parametrize("method", sorted(METHODS - {"CONNECT", "HEAD"}))
def test_method_of_the_registry(serve, method):
    with serve(make_app()).connect() as client:
        for _ in range(2):
            answer = client.request(message(method, "/all", body=b"abc"))
            assert (answer.status, answer.body) == (200, f"{method} abc".encode())


def test_pipelined(serve):
    methods = ["GET", "BREW", "POST", "NOTIFY", "LABEL", "SOURCE", "PUT"]
    app = make_app()

    @app.route("/any", methods=methods)
    async def any_of_them(ctx):
        return ctx.request.method

    with serve(app).connect() as client:
        client.send(b"".join(message(method, "/any", body=b"12") for method in methods))
        assert [client.receive().body.decode() for _ in methods] == methods


def test_a_body_that_comes_in_pieces(serve):
    server = serve(make_app())
    with server.connect() as client:
        for piece in (b"BRE", b"W /stream HTTP/1.1\r\nHo", b"st: a\r\nContent-Length: 6\r\n\r\nab"):
            client.send(piece)
            server.call(lambda: None)
        assert client.request(b"cdef").body == b"streamed abcdef"


def test_the_body_is_held_to_the_same_limits(serve):
    server = serve(make_app(), limits={"max_body_size": 5})
    assert server.request(message("BREW", "/own", body=b"123456")).status == 413
    assert server.request(message("BREW", "/own", TE) + chunks(b"123456")).status == 413
    twice = message("BREW", "/own", "Content-Length: 1", "Content-Length: 1") + b"1"
    assert server.request(twice).status == 400


@pytest.mark.parametrize("method", ["BREW", "NOTIFY", "LABEL"])
def test_method_without_a_route_of_the_path(serve, method):
    app = make_app()

    @app.route("/other", methods=["PURGE", "PUT"])
    async def other(ctx):
        return "never"

    with serve(app).connect() as client:
        answer = client.request(message(method, "/other"))
        assert (answer.status, answer.fields["allow"]) == (405, "OPTIONS, PURGE, PUT")
        assert client.request(message(method, "/nowhere")).status == 404
        assert "BREW" in client.request(message("OPTIONS", "/own")).fields["allow"].split(", ")
        assert "BREW" in client.request(message("OPTIONS", "*")).fields["allow"].split(", ")


NEVER = ["brew", "notify", "get", "PRI", "*", "CONNECT", "B" * 33]


@pytest.mark.parametrize("method", ["SUBSCRIBE", "PROXY", *NEVER])
def test_undeclared_method(serve, method):
    target = "a:80" if method == "CONNECT" else "/own"
    answer = serve(make_app()).request(message(method, target))
    assert (answer.status, answer.fields["connection"]) == (501, "close")


def answer_method(environ, start_response):
    size = int(environ.get("CONTENT_LENGTH") or 0)
    start_response("200 OK", [("Content-Type", "text/plain")])
    line = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']} "
    return [line.encode() + environ["wsgi.input"].read(size)]


# What a mount declares, and the methods that are then served and refused.
MOUNTS = {
    "none": ((), ["GET", "LABEL", "VERSION-CONTROL"], ["PURGE", "BREW", *NEVER]),
    "one": (("PURGE",), ["GET", "LABEL", "PURGE"], ["BREW", "purge", *NEVER]),
    "every": ("*", ["GET", "LABEL", "PURGE", "BREW", "DESCRIBE"], ["purge", *NEVER]),
}


@pytest.mark.parametrize(("declared", "served", "refused"), MOUNTS.values(), ids=MOUNTS)
@pytest.mark.parametrize("prefix", ["/", "/old"])
def test_methods_declared_by_a_mount(serve, declared, served, refused, prefix):
    app = Kyoukai("mounting")
    app.mount(prefix, answer_method, extra_methods=declared)
    server = serve(app)
    paths = {"/": "/", "/a": "/a"} if prefix == "/" else {"/old": "", "/old/a": "/a"}
    with server.connect() as client:
        for method in served:
            for path, seen in paths.items():
                answer = client.request(message(method, path, body=b"abc"))
                assert (answer.status, answer.body) == (200, f"{method} {seen} abc".encode())
        options = client.request(message("OPTIONS", "*")).fields["allow"].split(", ")
        assert {"GET", "LABEL"} <= {*options}
    for method in refused:
        target = "a:80" if method == "CONNECT" else prefix
        assert server.request(message(method, target)).status == 501


def test_method_declared_by_a_route_and_not_by_a_mount(serve):
    app = make_app()
    app.mount("/old", answer_method)
    with serve(app).connect() as client:
        assert client.request(message("BREW", "/own")).status == 200
        assert client.request(message("BREW", "/old/a")).status == 405
        assert client.request(message("GET", "/old/a")).body == b"GET /a "


class Declaring(Answering):
    """An application without routes."""

    def __init__(self, function, *methods):
        super().__init__(function)
        self.declared_methods = methods


@pytest.mark.parametrize(("methods", "status"), [(("BREW",), 501), (("*",), 200)])
def test_methods_declared_by_an_application_without_routes(serve, methods, status):
    server = serve(Declaring(echo.function, *methods))
    assert server.request(message("BREW", "/a")).body == b"BREW /a "
    assert server.request(message("PURGE", "/a")).status == status

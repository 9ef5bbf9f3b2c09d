"""Large bodies that are refused at once, behind a proxy that has them whole and sends before it reads."""

import pytest
from werkzeug.exceptions import Unauthorized

from kyoukai import Kyoukai

from ..serving import chunks, message
from .proxies import KEPT, nginx

# Time is what else ends lingering; a busy machine needs more of it.
UNHURRIED = {"linger_timeout": 20}

SIZE = 20 * 1000 * 1000
PIECE = bytes(100_000)

# What nginx does by default, up to its version 1.29 and from it on; and with bodies passed on as they come.
OPTIONS = {
    "HTTP/1.0": ["proxy_http_version 1.0;"],
    "HTTP/1.1": [*KEPT],
    "HTTP/1.1, unbuffered": [*KEPT, "proxy_request_buffering off;"],
}

BODIES = {
    "sized": lambda path: message("POST", path, body=bytes(SIZE)),
    "chunked": lambda path: (
        message("POST", path, "Transfer-Encoding: chunked") + chunks(*[PIECE] * (SIZE // len(PIECE)))
    ),
}


def make_app(max_body_size=None):
    """Return an application that refuses large bodies, each path in its way."""
    app = Kyoukai("refusing")

    def forbid(ctx):
        raise Unauthorized

    @app.route("/guarded", methods=["POST"], stream=True, max_body_size=max_body_size, before=[forbid])
    async def upload(ctx):
        async for _ in ctx.stream():
            pass
        return "never"

    @app.route("/small", methods=["POST"])
    async def small(ctx):
        return "never"

    return app


PATHS = {"/guarded": 401, "/nowhere": 404, "/small": 413}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES)
def test_proxy_passes_the_refusal_to_its_client(serve, tmp_path, options, make):
    """By default: it is larger than any body that the server takes."""
    server = serve(make_app(), limits=UNHURRIED)
    proxy = nginx(tmp_path, server.port, options)
    try:
        for path in ("/nowhere", "/small"):
            assert (path, proxy.request(make(path)).status) == (path, PATHS[path])
    finally:
        proxy.end()


@pytest.mark.parametrize("make", BODIES.values(), ids=BODIES)
@pytest.mark.parametrize("whose", ["server", "route"])
def test_as_much_is_taken_as_the_largest_body_has(serve, tmp_path, make, whose):
    """However little lingering is allowed to take."""
    sizes = {"max_linger_size": 1_000_000, "max_body_size": SIZE if whose == "server" else 1000}
    server = serve(make_app(SIZE if whose == "route" else None), limits={**UNHURRIED, **sizes})
    proxy = nginx(tmp_path, server.port)
    try:
        for path in ("/guarded", "/nowhere"):
            assert (path, proxy.request(make(path)).status) == (path, PATHS[path])
    finally:
        proxy.end()

"""Context variables set in one request are not seen by the next."""

import contextvars

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, message

pytestmark = pytest.mark.every_wire

variable = contextvars.ContextVar("variable", default="unset")


@pytest.fixture
def app():
    @Answering
    async def app(request):
        before = variable.get()
        variable.set(request.path)
        return Response(f"{before} {variable.get()}")

    return app


def test_one_after_the_other(serve, app):
    with serve(app).connect() as client:
        for number in range(5):
            assert client.request(message("GET", f"/{number}")).body == b"unset /%d" % number


def test_pipelined(serve, app):
    with serve(app).connect() as client:
        client.send(b"".join(message("GET", f"/{number}") for number in range(5)))
        for number in range(5):
            assert client.receive().body == b"unset /%d" % number


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_streamed_body_has_its_requests_own(serve, kind):
    def pieces():
        yield variable.get()
        yield variable.get()

    async def async_pieces():
        yield variable.get()
        yield variable.get()

    @Answering
    async def app(request):
        variable.set(request.path)
        return Response(pieces() if kind == "sync" else async_pieces())

    with serve(app).connect() as client:
        client.send(message("GET", "/1") + message("GET", "/2"))
        assert [client.receive().body for _ in range(2)] == [b"/1/1", b"/2/2"]

"""Which trailer fields may be sent, to whom, and what becomes of those that may not."""

import asyncio
from types import SimpleNamespace

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.exchange.trailers import (
    announced,
    is_forbidden,
    make_trailers,
    read_trailers,
    takes_trailers,
    trailers_of,
)
from kyoukai.core.features import HTTP1_FEATURES, Feature
from kyoukai.core.semantics.serialize import InvalidResponseError
from tests.logged import unnumbered


def environ_of(te="trailers", version="1.1", features=HTTP1_FEATURES):
    environ = {"SERVER_PROTOCOL": f"HTTP/{version}", "REQUEST_METHOD": "GET", "PATH_INFO": "/export"}
    environ["kyoukai.protocol"] = SimpleNamespace(features=features)
    return environ if te is None else {**environ, "HTTP_TE": te}


def response_with(trailers, **fields):
    response = Response(iter([b"x"]), headers=fields)
    response.trailers = trailers
    return response


FORBIDDEN = """
    Transfer-Encoding content-length Connection TE Trailer Keep-Alive Upgrade Host Authorization Cookie
    Set-Cookie WWW-Authenticate Proxy-Authenticate Cache-Control Expect Max-Forwards Pragma Range If-Match
    If-None-Match Age Date Expires Location Retry-After Vary Warning Content-Type Content-Encoding
    Content-Range Content-Location Content-Security-Policy
"""


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_trailers_that_are_forbidden(name):
    assert is_forbidden(name)
    with pytest.raises(InvalidResponseError, match=f"{name} cannot be a trailer field"):
        read_trailers({name: "x"})


@pytest.mark.parametrize("name", ["Content-Digest", "Repr-Digest", "ETag", "Server-Timing", "X-Rows"])
def test_trailers_that_are_allowed(name):
    assert not is_forbidden(name)
    assert read_trailers([(name, "x"), (name, "y")]) == [(name, "x"), (name, "y")]


@pytest.mark.parametrize(
    "fields", [{"A": "1\r\n2"}, {"A": "1\0"}, {"A B": "1"}, {"A": "\N{EURO SIGN}"}, {"": "1"}]
)
def test_unsendable_trailers(fields):
    with pytest.raises(InvalidResponseError):
        read_trailers(fields)


@pytest.mark.parametrize(
    "te", ["trailers", "Trailers", "gzip;q=0.5, trailers", "deflate ,\ttrailers ", ",trailers"]
)
def test_clients_that_accept_trailers(te):
    assert takes_trailers(environ_of(te))


@pytest.mark.parametrize(
    "environ",
    [
        environ_of(None),
        environ_of(""),
        environ_of("gzip"),
        environ_of("trailers2"),
        environ_of("x-trailers, gzip;trailers"),
        environ_of(version="1.0"),
        environ_of(features=HTTP1_FEATURES - {Feature.RESPONSE_TRAILERS}),
        {"HTTP_TE": "trailers", "SERVER_PROTOCOL": "HTTP/1.1"},
    ],
)
def test_clients_that_do_not_accept_trailers(environ):
    assert not takes_trailers(environ)
    assert trailers_of(response_with({"A": "1"}), environ) is None


def announcement(trailers, environ=None, **fields):
    response = response_with(trailers, **fields)
    before = [*response.headers]
    headers = announced(response, environ or environ_of())
    assert [*response.headers] == before
    return headers.get("Trailer")


@pytest.mark.parametrize("trailers", [{"A": ["1", "2"], "B": "3"}, [("A", "1"), ("A", "2"), ("B", "3")]])
def test_known_trailers_are_announced(trailers):
    assert announcement(trailers) == "A, B"
    assert announcement(trailers, Trailer="A") == "A"


def test_unknown_trailers_are_announced_by_the_author():
    assert announcement(dict) is None
    assert announcement(dict, Trailer="A") == "A"


@pytest.mark.parametrize("trailers", [{}, [], {"Set-Cookie": "a=b"}, [5]])
def test_unsent_trailers_are_not_announced(trailers):
    assert announcement(trailers) is None


@pytest.mark.parametrize("trailers", [{"A": "1"}, lambda: {"A": "1"}])
def test_nothing_is_announced_where_nothing_follows(trailers):
    assert announcement(trailers, environ_of(None), Trailer="A") is None
    assert announcement(trailers, **{"Trailer": "A", "Content-Length": "1"}) is None


def test_a_response_without_any():
    response = Response(iter([b"x"]), headers={"Trailer": "A"})
    assert announced(response, environ_of()) is response.headers
    assert trailers_of(response, environ_of()) is None
    assert trailers_of(response_with(None), environ_of()) is None


async def soon():
    return {"A": "1"}


async def never():
    raise ZeroDivisionError


@pytest.mark.parametrize("trailers", [{"A": "1"}, lambda: [("A", "1")], soon])
def test_the_section(trailers):
    make = trailers_of(response_with(trailers), environ_of())
    assert asyncio.run(make()) == [("A", "1")]


def test_task_cancellation_is_not_a_trailer_fault(caplog):
    async def leave():
        task = asyncio.current_task()
        task.cancel()
        await asyncio.sleep(0)

    with pytest.raises(asyncio.CancelledError):
        asyncio.run(make_trailers(leave, environ_of()))
    assert caplog.records == []


def test_nothing_after_all(caplog):
    assert asyncio.run(make_trailers(lambda: None, environ_of())) == []
    assert caplog.records == []


@pytest.mark.parametrize(
    "trailers", [{"Set-Cookie": "a=b"}, lambda: {"A": "\r\n"}, lambda: 5, lambda: 1 / 0, never]
)
def test_invalid_trailers_are_logged(trailers, caplog):
    assert asyncio.run(make_trailers(trailers, environ_of())) == []
    [record] = caplog.records
    assert unnumbered(record.getMessage()) == "the trailers of the answer to GET '/export' cannot be sent"

"""Trailer fields behind streamed answers, and the answers of those who get none."""

import hashlib

import httpx
import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTP1_FEATURES, Feature, add_trailers
from tests.logged import unnumbered

from ..serving import PATIENCE, Answering, error_records, message
from .test_curl import curl

pytestmark = pytest.mark.every_wire

TE = ("TE: trailers", "Connection: TE")


@Answering
async def app(request):
    """Stream a body, with trailers by the path."""
    digest = hashlib.sha256()

    def pieces():
        for piece in (b"one", b"two"):
            digest.update(piece)
            yield piece

    async def pieces_soon():
        for piece in pieces():
            yield piece

    async def soon():
        return {"X-Digest": digest.hexdigest()}

    def broken():
        yield b"one"
        raise ZeroDivisionError

    response = Response(broken() if request.path == "/broken" else pieces())
    if request.path == "/sized":
        response.content_length = 6
    elif request.path == "/async":
        response = Response(pieces_soon())
    elif request.path == "/memory":
        response = Response("onetwo")
    if request.path == "/known":
        return add_trailers(response, {"X-Rows": "2", "X-More": ["a", "b"]})
    if request.path == "/late":
        return add_trailers(response, lambda: {"Set-Cookie": "a=b"})
    if request.path in ("/async", "/sized"):
        response.headers["Trailer"] = "X-Digest"
        return add_trailers(response, soon)
    return add_trailers(response, lambda: {"X-Digest": digest.hexdigest()})


# Pieces that are there at once may come in one chunk.
CONTENT = (b"3\r\none\r\n3\r\ntwo\r\n0\r\n", b"6\r\nonetwo\r\n0\r\n")

SECTION = f"X-Digest: {hashlib.sha256(b'onetwo').hexdigest()}\r\n\r\n".encode()


@pytest.mark.parametrize("path", ["/", "/async"])
def test_behind_the_body(serve, path):
    with serve(app).connect() as client:
        for _ in range(2):
            client.send(message("GET", path, *TE))
            head = client.receive_head()
            assert head.fields["transfer-encoding"] == "chunked"
            assert head.fields.get("trailer") == ("X-Digest" if path == "/async" else None)
            assert client.receive_until(b"0\r\n") in CONTENT
            assert client.receive_until(b"\r\n\r\n") == SECTION


def test_announced_where_they_are_known(serve):
    with serve(app).connect() as client:
        client.send(message("GET", "/known", *TE))
        assert client.receive_head().fields["trailer"] == "X-Rows, X-More"
        assert client.receive_until(b"\r\n\r\n").endswith(
            b"\r\n0\r\nX-Rows: 2\r\nX-More: a\r\nX-More: b\r\n\r\n"
        )
        assert client.request(message("GET", "/memory")).body == b"onetwo"


@pytest.mark.parametrize("path", ["/", "/async", "/known", "/sized", "/memory", "/late"])
@pytest.mark.parametrize("fields", [(), ("TE: gzip",)])
@pytest.mark.http1
def test_no_trailers_without_te(serve, path, fields, caplog):
    with serve(app).connect() as client:
        for _ in range(2):
            # The chunks are read by one who knows no trailers.
            answer = client.request(message("GET", path, *fields))
            assert (answer.status, answer.body, "trailer" in answer.fields) == (200, b"onetwo", False)
    assert error_records(caplog) == []


@pytest.mark.parametrize("path", ["/sized", "/memory"])
def test_not_with_a_length(serve, path):
    with serve(app).connect() as client:
        for _ in range(2):
            answer = client.request(message("GET", path, *TE))
            assert (answer.body, answer.fields["content-length"], "trailer" in answer.fields) == (
                b"onetwo",
                "6",
                False,
            )


@pytest.mark.parametrize("path", ["/", "/async", "/known"])
@pytest.mark.http1
def test_not_by_http_1_0(serve, path):
    answer = serve(app).request(message("GET", path, *TE, version="1.0"))
    assert (answer.body, "trailer" in answer.fields) == (b"onetwo", False)


def test_not_behind_a_head_alone(serve):
    with serve(app).connect() as client:
        for _ in range(2):
            assert (
                client.request(message("HEAD", "/known", *TE), "HEAD").fields["trailer"] == "X-Rows, X-More"
            )


def test_no_trailers_after_a_truncated_body(serve):
    with serve(app).connect() as client:
        client.send(message("GET", "/broken", *TE))
        client.receive_head()
        assert client.receive_rest() == b"3\r\none\r\n"


def test_not_by_a_backend_without_the_feature(serve):
    server = serve(app)
    server.server.features = HTTP1_FEATURES - {Feature.RESPONSE_TRAILERS}
    answer = server.request(message("GET", "/async", *TE))
    assert (answer.body, "trailer" in answer.fields) == (b"onetwo", False)


def test_refused_trailers_are_logged_and_the_answer_is_whole(serve, caplog):
    with serve(app).connect() as client:
        for _ in range(2):
            assert client.request(message("GET", "/late", *TE)).body == b"onetwo"
    records = error_records(caplog)
    assert (
        unnumbered([record.getMessage() for record in records])
        == ["the trailers of the answer to GET '/late' cannot be sent"] * 2
    )
    assert "Set-Cookie cannot be a trailer field" in caplog.text


@pytest.mark.http1
def test_trailers_as_read_by_httpx(serve):
    url = serve(app).url
    with httpx.Client(trust_env=False, timeout=PATIENCE, headers={"TE": "trailers"}) as client:
        for path in ("/", "/known", "/async"):
            assert client.get(url + path).text == "onetwo"


@pytest.mark.http1
def test_trailers_as_read_by_curl(serve):
    url = serve(app).url
    shown = curl("--include", "--header", "TE: trailers", "--header", "Connection: TE", url + "/")
    head, _, rest = shown.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    # It writes trailer fields with those of the head, behind the body.
    assert rest.startswith(b"onetwo")
    assert SECTION.rstrip() in rest

"""Applications of WSGI, hosted: what PEP 3333 has a server do, over sockets and on every wire."""

from typing import Any
from wsgiref.validate import validator

import pytest

from ..serving import chunks, message
from ..wire.test_wsgi import Body, start

pytestmark = pytest.mark.every_wire


def told(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer with what the environ says of the names in the query, a line each."""
    start(start_response)
    names = environ["QUERY_STRING"].split("&")
    return ["\n".join(repr(environ.get(name)) for name in names).encode()]


def test_an_application_by_the_book(serve):
    """The validator of the standard library checks what we do to an application."""

    def application(environ, start_response):
        data = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        write = start(start_response, ("X-Place", environ["PATH_INFO"]))
        if environ["REQUEST_METHOD"] != "HEAD":
            write(b"got ")
        return Body([data])

    with serve(validator(application), interface="wsgi").connect() as client:
        for method in ("GET", "HEAD", "POST", "PUT", "OPTIONS", "DELETE"):
            body = b"abc" if method in ("POST", "PUT") else None
            answer = client.request(message(method, "/a%20b/?c=d", body=body), method)
            assert (answer.status, answer.fields["x-place"]) == (200, "/a b/")
            assert answer.body == (b"" if method == "HEAD" else b"got " + (body or b""))


def test_a_body_is_read_as_it_comes_and_sent_as_it_is_made(serve):
    def application(environ, start_response):
        start(start_response)
        while piece := environ["wsgi.input"].read1():
            yield piece.upper()

    with serve(application).connect() as client:
        client.send(message("POST", "/", "Transfer-Encoding: chunked"))
        for piece in (b"one", b"two"):
            client.send(chunks(piece)[:-5])
            if piece == b"one":
                assert client.receive_head().fields["transfer-encoding"] == "chunked"
            assert client.receive_exactly(8) == b"3\r\n%b\r\n" % piece.upper()
        client.send(b"0\r\n\r\n")
        assert client.receive_exactly(5) == b"0\r\n\r\n"

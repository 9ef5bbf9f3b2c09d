"""From a head, a connection and a body to a WSGI environ."""

import asyncio
import gzip
import sys
from typing import Any

import pytest

from kyoukai.core.exchange.body_stream import BodyStream
from kyoukai.core.exchange.environ import build_environ, connection_environ
from kyoukai.core.exchange.request_body import RequestBody
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.policy import accept
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.application import BodyPlan

HOST = (b"Host", b"example.com")


def shared(**settings: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "scheme": "http",
        "server": ("127.0.0.1", 8080),
        "peer": ("192.0.2.1", 50712),
    }
    return connection_environ(**{**defaults, **settings})


def test_connection() -> None:
    assert shared() == {
        "wsgi.errors": sys.stderr,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8080",
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "50712",
    }


def test_connection_over_tls() -> None:
    assert shared(scheme="https")["wsgi.url_scheme"] == "https"


def test_connection_whose_peer_is_gone_or_has_no_address() -> None:
    # GHSA-3f84-rpwh-47g6: the peer may be gone before it can be asked for its name.
    assert {"REMOTE_ADDR", "REMOTE_PORT"}.isdisjoint(shared(peer=None))


def read(*fields: tuple[bytes, bytes], version: str = "1.1") -> RequestHead:
    """Return a head that was accepted."""
    sent = RequestHead("POST", b"/caf%C3%A9?q=%20", version, [HOST, *fields])
    return accept(sent, Limits(), software="kyoukai").head


def body_of(head: RequestHead, *pieces: bytes, trailers: Any = ()) -> RequestBody:
    """Return the body of a request, which is whole."""
    body = RequestBody(head, 1_000_000)
    for piece in pieces:
        body.take(piece)
    body.finish(head.body_size, trailers)
    return body


def make_environ(
    head: RequestHead, body: RequestBody | None = None, connection: dict[str, Any] | None = None
) -> dict[str, Any]:
    return build_environ(head, shared() if connection is None else connection, body)


def length(size: int) -> tuple[bytes, bytes]:
    return (b"Content-Length", b"%d" % size)


CHUNKED = (b"Transfer-Encoding", b"chunked")
GZIP = (b"Content-Encoding", b"gzip")


def test_request() -> None:
    result = make_environ(read())
    body = result.pop("wsgi.input")
    assert body.read() == b""
    assert result == {
        **shared(),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "wsgi.input_terminated": True,
        "SERVER_SOFTWARE": "kyoukai",
        "SCRIPT_NAME": "",
        "HTTP_HOST": "example.com",
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/caf\xc3\xa9",
        "QUERY_STRING": "q=%20",
        "RAW_URI": "/caf%C3%A9?q=%20",
        "REQUEST_URI": "/caf%C3%A9?q=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
        # A connection's own, or what answers sets it.
        "kyoukai.protocol": None,
    }


@pytest.mark.parametrize(
    ("version", "protocol"),
    [
        pytest.param("1.0", "HTTP/1.0", id="1.0"),
        pytest.param("1.1", "HTTP/1.1", id="1.1"),
        pytest.param("1.9", "HTTP/1.1", id="RFC9110-2.5-served-as-ours"),
    ],
)
def test_protocol(version: str, protocol: str) -> None:
    assert make_environ(read(version=version))["SERVER_PROTOCOL"] == protocol


def test_body() -> None:
    head = read(length(6))
    body = make_environ(head, body_of(head, b"abc", b"def"))["wsgi.input"]
    assert body.read(2) == b"ab"
    assert body.read() == b"cdef"
    assert body.read() == b""


def test_a_body_that_is_announced_and_empty() -> None:
    head = read(CHUNKED)
    assert make_environ(head, body_of(head))["wsgi.input"].read() == b""


@pytest.mark.parametrize("size", [1, 100_000])
def test_a_body_that_is_read_whole_is_not_copied(size: int) -> None:
    one, head = bytes(size), read(length(size))
    assert make_environ(head, body_of(head, one))["wsgi.input"].read() == one
    several = read(length(2 * size))
    body = make_environ(several, body_of(several, one, one))["wsgi.input"]
    assert body.read() is body.getvalue()


def test_a_body_that_was_decoded() -> None:
    coded = gzip.compress(b"abcdef")
    head = read(GZIP, length(len(coded)), (b"Content-Type", b"text/plain"))
    result = make_environ(head, body_of(head, coded))
    assert result["wsgi.input"].read() == b"abcdef"
    assert result["CONTENT_LENGTH"] == "6"
    assert result["CONTENT_TYPE"] == "text/plain"
    assert "HTTP_CONTENT_ENCODING" not in result
    # The head's own is as it was sent: other requests may share it.
    assert head.environ["HTTP_CONTENT_ENCODING"] == "gzip"
    assert head.environ["CONTENT_LENGTH"] == str(len(coded))


def test_a_chunked_body_that_was_decoded_has_a_length() -> None:
    head = read(GZIP, CHUNKED)
    result = make_environ(head, body_of(head, gzip.compress(b"")))
    assert result["CONTENT_LENGTH"] == "0"
    assert "HTTP_CONTENT_ENCODING" not in result


def test_a_body_that_has_no_coding_keeps_its_fields() -> None:
    # Were there no body, it would say nothing; and what is left of it is the application's.
    result = make_environ(read((b"Content-Encoding", b"identity")))
    assert result["HTTP_CONTENT_ENCODING"] == "identity"
    head = read(length(3))
    assert make_environ(head, body_of(head, b"abc"))["CONTENT_LENGTH"] == "3"


@pytest.mark.parametrize("fields", [[CHUNKED], [CHUNKED, GZIP], [length(7)], [length(7), GZIP]])
def test_a_streamed_body(fields: list[tuple[bytes, bytes]]) -> None:
    async def main() -> None:
        head = read(*fields)
        body = RequestBody(head, 100)
        body.plan(BodyPlan(stream=True), lambda: None, lambda _: None)
        result = make_environ(head, body)
        assert result["kyoukai.body"] is body.content is body.stream
        assert isinstance(result["kyoukai.body"], BodyStream)
        assert result["wsgi.input"].readable()
        is_coded = GZIP in fields
        assert ("HTTP_CONTENT_ENCODING" in result) is False
        # How many bytes a coded one stands for is not known yet.
        assert result.get("CONTENT_LENGTH") == (None if is_coded or CHUNKED in fields else "7")

    asyncio.run(main())


def test_trailers_are_kept_apart() -> None:
    # RFC 9110 section 6.5.1: a trailer must not be merged into the header section.
    trailers = [(b"Host", b"evil.example"), (b"X-Sum", b"5")]
    head = read(CHUNKED)
    result = make_environ(head, body_of(head, b"abc", trailers=trailers))
    assert result["kyoukai.trailers"] == trailers
    assert result["HTTP_HOST"] == "example.com"
    assert "HTTP_X_SUM" not in result
    assert "kyoukai.trailers" not in make_environ(head, body_of(head, b"abc"))
    assert "kyoukai.trailers" not in make_environ(read())


def test_requests_share_no_mutable_state() -> None:
    common = shared()
    before = dict(common)
    head = read()
    head_before = dict(head.environ)
    make_environ(head, None, common)["SERVER_NAME"] = "evil.example"
    assert common == before
    assert head.environ == head_before


def test_no_field_overrides_a_server_variable() -> None:
    names = [b"Wsgi.Url-Scheme", b"Server-Name", b"Remote-Addr", b"Path-Info", b"Script-Name"]
    result = make_environ(read(*((name, b"evil") for name in names)))
    assert {key: result[key] for key in shared()} == shared()
    assert (result["wsgi.url_scheme"], result["SCRIPT_NAME"]) == ("http", "")
    assert result["PATH_INFO"] == "/caf\xc3\xa9"

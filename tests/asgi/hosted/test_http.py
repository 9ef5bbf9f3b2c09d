"""Hosted applications of ASGI, over real sockets on every wire."""

from typing import Any

import pytest

from kyoukai.asgi import ASGIApplication

from ...serving import Running, chunks, message

pytestmark = pytest.mark.every_wire

Serve = Any


async def respond(send: Any, body: bytes = b"", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """Answer whole."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read(receive: Any) -> bytes:
    """Return the content of a request."""
    pieces = []
    while True:
        event = await receive()
        assert event["type"] == "http.request"
        pieces.append(event["body"])
        if not event["more_body"]:
            return b"".join(pieces)


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answer with what was sent."""
    await respond(send, await read(receive))


def hosted(serve: Serve, application: Any, **settings: Any) -> Running:
    """Serve an application that knows no lifespan."""
    return serve(ASGIApplication(application, lifespan="off"), **settings)  # type: ignore[no-any-return]


def test_requests_of_one_connection(serve: Serve) -> None:
    large = bytes(range(256)) * 8192
    with hosted(serve, echo).connect() as client:
        for body in (b"", b"hello", large):
            answer = client.request(message("POST", "/", body=body))
            assert (answer.status, answer.body) == (200, body)
            assert answer.fields["content-length"] == str(len(body))
            assert "date" in answer.fields
        assert client.request(message("GET", "/")).body == b""
        encoded = message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"one", b"two")
        assert client.request(encoded).body == b"onetwo"

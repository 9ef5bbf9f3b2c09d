"""What the tests of hosted applications have in common: small applications, and what serves them."""

from typing import Any

from kyoukai.asgi import ASGIApplication

from ...serving import Running

START = {"type": "http.response.start", "status": 200}


def start(status: int = 200, *headers: tuple[bytes, bytes], **more: Any) -> dict[str, Any]:
    """Return an event that begins an answer."""
    return {"type": "http.response.start", "status": status, "headers": list(headers), **more}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    """Return an event with content."""
    return {"type": "http.response.body", "body": data, "more_body": more}


async def respond(send: Any, data: bytes = b"", status: int = 200, *headers: tuple[bytes, bytes]) -> None:
    """Answer whole."""
    await send(start(status, *headers))
    await send(body(data))


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


def hosted(
    serve: Any, application: Any, lifespan: str = "off", root_path: str = "", **settings: Any
) -> Running:
    """Serve an application."""
    app = ASGIApplication(application, lifespan=lifespan, root_path=root_path)
    return serve(app, **settings)  # type: ignore[no-any-return]

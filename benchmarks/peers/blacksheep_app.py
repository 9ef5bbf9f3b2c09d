"""BlackSheep, with its own routing, binding and responses."""

from pathlib import Path

from blacksheep import Application, Content, Request, Response, StreamedContent, file
from blacksheep.server.responses import ContentDispositionType

from benchmarks import content

app = Application()
get, post = app.router.get, app.router.post


def text(value: bytes) -> Response:
    """Return an answer of text."""
    return Response(200, content=Content(content.TEXT_TYPE.encode(), value))


def json(value: object) -> Response:
    """Return an answer of JSON."""
    return Response(200, content=Content(content.JSON_TYPE.encode(), content.dumps(value)))


@get("/")
async def hello() -> Response:
    """Answer with text."""
    return text(content.TEXT)


@get("/json")
async def document() -> Response:
    """Answer with a document."""
    return json(content.DOCUMENT)


@get("/users/{name}/posts/{number}")
async def show_post(name: str, number: int) -> Response:
    """Answer with what the path says."""
    return text(content.post(name, number).encode())


@post("/orders")
async def order(request: Request) -> Response:
    """Parse a document, and answer with another."""
    return json(content.receipt(await request.json()))


@post("/upload")
async def upload(request: Request) -> Response:
    """Read a body whole."""
    return text(str(len(await request.read() or b"")).encode())


@get("/download")
async def download() -> Response:
    """Answer with a large body that is in memory."""
    return Response(200, content=Content(content.BINARY_TYPE.encode(), content.BINARY))


@get("/stream")
async def stream() -> Response:
    """Answer with a body that is made part by part."""
    return Response(200, content=StreamedContent(content.BINARY_TYPE.encode(), content.parts))


@get("/file")
async def send_file() -> Response:
    """Answer with a file from disk."""
    path = Path(content.FILE)
    return file(str(path), content.BINARY_TYPE, content_disposition=ContentDispositionType.INLINE)

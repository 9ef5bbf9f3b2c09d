"""Quart, with its own routing, requests and responses."""

from quart import Quart, Response, request, send_file

from benchmarks import content

app = Quart(__name__)


@app.get("/")
async def hello() -> Response:
    """Answer with text."""
    return Response(content.TEXT, mimetype="text/plain")


@app.get("/json")
async def document() -> Response:
    """Answer with a document. Quart's own writer would end it with a newline."""
    return Response(content.dumps(content.DOCUMENT), mimetype=content.JSON_TYPE)


@app.get("/users/<name>/posts/<int:number>")
async def post(name: str, number: int) -> Response:
    """Answer with what the path says."""
    return Response(content.post(name, number), mimetype="text/plain")


@app.post("/orders")
async def order() -> Response:
    """Parse a document, and answer with another."""
    receipt = content.receipt(await request.get_json())
    return Response(content.dumps(receipt), mimetype=content.JSON_TYPE)


@app.post("/upload")
async def upload() -> Response:
    """Read a body whole."""
    return Response(str(len(await request.get_data())), mimetype="text/plain")


@app.get("/download")
async def download() -> Response:
    """Answer with a large body that is in memory."""
    return Response(content.BINARY, mimetype=content.BINARY_TYPE)


@app.get("/stream")
async def stream() -> Response:
    """Answer with a body that is made part by part."""
    return Response(content.parts(), mimetype=content.BINARY_TYPE)


@app.get("/file")
async def file() -> Response:
    """Answer with a file from disk."""
    return await send_file(content.FILE, mimetype=content.BINARY_TYPE)

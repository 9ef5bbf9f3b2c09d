"""Flask, with its own routing, requests and responses."""

from flask import Flask, Response, request, send_file

from benchmarks import content

app = Flask(__name__)


@app.get("/")
def hello() -> Response:
    """Answer with text."""
    return Response(content.TEXT, mimetype="text/plain")


@app.get("/json")
def document() -> Response:
    """Answer with a document. Flask's own writer would end it with a newline."""
    return Response(content.dumps(content.DOCUMENT), mimetype=content.JSON_TYPE)


@app.get("/users/<name>/posts/<int:number>")
def post(name: str, number: int) -> Response:
    """Answer with what the path says."""
    return Response(content.post(name, number), mimetype="text/plain")


@app.post("/orders")
def order() -> Response:
    """Parse a document, and answer with another."""
    return Response(content.dumps(content.receipt(request.get_json())), mimetype=content.JSON_TYPE)


@app.post("/upload")
def upload() -> Response:
    """Read a body whole."""
    return Response(str(len(request.get_data())), mimetype="text/plain")


@app.get("/download")
def download() -> Response:
    """Answer with a large body that is in memory."""
    return Response(content.BINARY, mimetype=content.BINARY_TYPE)


@app.get("/stream")
def stream() -> Response:
    """Answer with a body that is made part by part."""
    return Response(iter(content.PARTS), mimetype=content.BINARY_TYPE)


@app.get("/file")
def file() -> Response:
    """Answer with a file from disk."""
    return send_file(content.FILE, mimetype=content.BINARY_TYPE)

"""Kyoukai's application: each workload is answered as the guide shows it."""

from typing import Any

from werkzeug.wrappers import Response
from werkzeug.wsgi import wrap_file

from benchmarks import content
from kyoukai import HTTPRequestContext, Kyoukai

kyoukai = Kyoukai("benchmarks")


@kyoukai.route("/")
async def hello(ctx: HTTPRequestContext) -> Any:
    """Answer with text."""
    return ctx.app.response_class(content.TEXT, mimetype="text/plain")


@kyoukai.route("/json")
async def document(ctx: HTTPRequestContext) -> Any:
    """Answer with a JSON document."""
    return content.DOCUMENT


@kyoukai.route("/users/<name>/posts/<int:number>")
async def post(ctx: HTTPRequestContext, name: str, number: int) -> Any:
    """Answer with the parameters of the path."""
    return ctx.app.response_class(content.post(name, number), mimetype="text/plain")


@kyoukai.route("/orders", methods=["POST"])
async def order(ctx: HTTPRequestContext) -> Any:
    """Parse a JSON document, and answer with another."""
    return content.receipt(ctx.request.get_json())


@kyoukai.route("/upload", methods=["POST"])
async def upload(ctx: HTTPRequestContext) -> Any:
    """Read a body whole."""
    return ctx.app.response_class(str(len(ctx.request.get_data())), mimetype="text/plain")


@kyoukai.route("/download")
async def download(ctx: HTTPRequestContext) -> Any:
    """Answer with a large body from memory."""
    return content.BINARY


@kyoukai.route("/stream")
async def stream(ctx: HTTPRequestContext) -> Any:
    """Answer with a streamed body."""
    # Werkzeug's annotation does not include asynchronous iterators.
    parts: Any = content.parts()
    return Response(parts, mimetype=content.BINARY_TYPE)


@kyoukai.route("/file")
async def file(ctx: HTTPRequestContext) -> Any:
    """Answer with a file from disk."""
    length = {"Content-Length": str(content.FILE.stat().st_size)}
    body = wrap_file(ctx.environ, content.FILE.open("rb"))
    return Response(body, mimetype=content.BINARY_TYPE, headers=length)

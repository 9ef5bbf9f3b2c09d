"""Starlette, with its own routing, requests and responses."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from benchmarks import content


async def hello(request: Request) -> Response:
    """Answer with text."""
    return PlainTextResponse(content.TEXT)


async def document(request: Request) -> Response:
    """Answer with a document."""
    return JSONResponse(content.DOCUMENT)


async def post(request: Request) -> Response:
    """Answer with what the path says."""
    return PlainTextResponse(content.post(request.path_params["name"], request.path_params["number"]))


async def order(request: Request) -> Response:
    """Parse a document, and answer with another."""
    return JSONResponse(content.receipt(await request.json()))


async def upload(request: Request) -> Response:
    """Read a body whole."""
    return PlainTextResponse(str(len(await request.body())))


async def download(request: Request) -> Response:
    """Answer with a large body that is in memory."""
    return Response(content.BINARY, media_type=content.BINARY_TYPE)


async def stream(request: Request) -> Response:
    """Answer with a body that is made part by part."""
    return StreamingResponse(content.parts(), media_type=content.BINARY_TYPE)


async def file(request: Request) -> Response:
    """Answer with a file from disk."""
    return FileResponse(content.FILE, media_type=content.BINARY_TYPE)


app = Starlette(
    routes=[
        Route("/", hello),
        Route("/json", document),
        Route("/users/{name}/posts/{number:int}", post),
        Route("/orders", order, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/download", download),
        Route("/stream", stream),
        Route("/file", file),
    ]
)

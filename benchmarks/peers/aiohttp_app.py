"""aiohttp.web: ``python -m benchmarks.peers.aiohttp_app PORT [CERTIFICATE KEY]``."""

import ssl
import sys

import uvloop
from aiohttp import web

from benchmarks import content


def text(value: str) -> web.Response:
    """Return an answer of text."""
    return web.Response(text=value)


def json(value: object) -> web.Response:
    """Return an answer of JSON. aiohttp's own would name a charset."""
    return web.Response(body=content.dumps(value), content_type=content.JSON_TYPE)


async def hello(request: web.Request) -> web.Response:
    """Answer with text."""
    return text(content.TEXT.decode())


async def document(request: web.Request) -> web.Response:
    """Answer with a document."""
    return json(content.DOCUMENT)


async def post(request: web.Request) -> web.Response:
    """Answer with what the path says."""
    return text(content.post(request.match_info["name"], int(request.match_info["number"])))


async def order(request: web.Request) -> web.Response:
    """Parse a document, and answer with another."""
    return json(content.receipt(await request.json()))


async def upload(request: web.Request) -> web.Response:
    """Read a body whole."""
    return text(str(len(await request.read())))


async def download(request: web.Request) -> web.Response:
    """Answer with a large body that is in memory."""
    return web.Response(body=content.BINARY, content_type=content.BINARY_TYPE)


async def stream(request: web.Request) -> web.StreamResponse:
    """Answer with a body that is made part by part."""
    response = web.StreamResponse(headers={"Content-Type": content.BINARY_TYPE})
    await response.prepare(request)
    async for part in content.parts():
        await response.write(part)
    await response.write_eof()
    return response


async def file(request: web.Request) -> web.FileResponse:
    """Answer with a file from disk."""
    return web.FileResponse(content.FILE)


def make_app() -> web.Application:
    """Return the application."""
    app = web.Application(client_max_size=2 * content.MEBIBYTE)
    app.add_routes(
        [
            web.get("/", hello),
            web.get("/json", document),
            web.get(r"/users/{name}/posts/{number:\d+}", post),
            web.post("/orders", order),
            web.post("/upload", upload),
            web.get("/download", download),
            web.get("/stream", stream),
            web.get("/file", file),
        ]
    )
    return app


def main() -> None:
    """Serve."""
    port, *pair = sys.argv[1:]
    context = None
    if pair:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*pair)
    web.run_app(
        make_app(),
        host="127.0.0.1",
        port=int(port),
        ssl_context=context,
        access_log=None,
        print=None,
        keepalive_timeout=75,
        loop=uvloop.new_event_loop(),
    )


if __name__ == "__main__":
    main()

"""One application, for every kind of server: it reads the whole body, and answers what it saw.

What it saw is in the field ``X-Seen`` of the answer, so that an answer to HEAD has it too, and the
server's own answers have it not. This runs in the peers' environment, without Kyoukai.
"""

import asyncio
import base64
import json
import sys
from typing import Any
from urllib.parse import unquote_to_bytes


def described(method: str, target: str, path: bytes, query: str, body: bytes) -> str:
    """Return the value of ``X-Seen``. Bytes are written as latin-1."""
    seen = {"method": method, "target": target, "path": path.decode("latin-1"), "query": query}
    seen["body"] = body.decode("latin-1")
    return base64.b64encode(json.dumps(seen).encode()).decode()


async def asgi(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer as an ASGI application."""
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
        return
    if scope["type"] != "http":
        return
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return
        body += message.get("body", b"")
        more = message.get("more_body", False)
    raw = scope.get("raw_path")
    path = scope["path"].encode("utf-8", "surrogateescape") if raw is None else unquote_to_bytes(raw)
    target = "" if raw is None else raw.decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    seen = described(scope["method"], target, path, query, body).encode()
    fields = [(b"content-length", b"2"), (b"x-seen", seen)]
    await send({"type": "http.response.start", "status": 200, "headers": fields})
    await send({"type": "http.response.body", "body": b"ok"})


async def lifespan(receive: Any, send: Any) -> None:
    """Start and stop when told to."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def wsgi(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    """Answer as a WSGI application."""
    stream = environ["wsgi.input"]
    if environ.get("wsgi.input_terminated") or "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower():
        body = stream.read()
    else:
        body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    path = environ["PATH_INFO"].encode("latin-1")
    target = environ.get("RAW_URI", environ.get("REQUEST_URI", ""))
    seen = described(environ["REQUEST_METHOD"], target, path, environ["QUERY_STRING"], body)
    start_response("200 OK", [("Content-Length", "2"), ("X-Seen", seen)])
    return [b"ok"]


async def run_aiohttp(port: int) -> None:
    """Serve by aiohttp. What its router finds no route for comes to the same handler."""
    from aiohttp import web

    async def handle(request: web.Request) -> web.Response:
        body = await request.read()
        raw = request.raw_path
        path, _, query = raw.partition("?")
        if not raw.startswith("/"):
            path, query = request.rel_url.raw_path, request.rel_url.raw_query_string
        path_bytes = unquote_to_bytes(path.encode("utf-8", "surrogateescape"))
        return web.Response(
            body=b"ok", headers={"X-Seen": described(request.method, raw, path_bytes, query, body)}
        )

    @web.middleware
    async def catch(request: web.Request, handler: Any) -> web.StreamResponse:
        return await handle(request) if request.match_info.http_exception else await handler(request)

    application = web.Application(middlewares=[catch])
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


async def run_tornado(port: int) -> None:
    """Serve by tornado, without its router."""
    from tornado.httpserver import HTTPServer
    from tornado.httputil import HTTPHeaders, HTTPServerRequest, ResponseStartLine

    def handle(request: HTTPServerRequest) -> None:
        path = unquote_to_bytes(request.path.encode("utf-8", "surrogateescape"))
        seen = described(request.method, request.uri, path, request.query, request.body)
        body = b"" if request.method == "HEAD" else b"ok"
        fields = HTTPHeaders({"Content-Length": "2", "X-Seen": seen})
        request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), fields, body)
        request.connection.finish()

    HTTPServer(handle).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


if __name__ == "__main__":
    run = {"aiohttp": run_aiohttp, "tornado": run_tornado}[sys.argv[1]]
    asyncio.run(run(int(sys.argv[2])))

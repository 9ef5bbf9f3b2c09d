"""The application that the tests are served. What it says of itself goes to standard error, a line each."""

import asyncio
import sys
from collections.abc import AsyncIterator

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, ServerSentEvent, event_stream

app = Kyoukai("served")
BLOCK = bytes(64 * 1024)
released = asyncio.Event()
made = 0  # blocks of an answer


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@app.route("/echo", methods=["GET", "POST", "PUT"])
async def echo(ctx: HTTPRequestContext) -> dict[str, object]:
    request = ctx.request
    return {
        "method": request.method,
        "url": request.url,
        "client": request.remote_addr,
        "protocol": request.environ["SERVER_PROTOCOL"],
        "fields": dict(request.headers),
        "form": request.form.to_dict(),
        "files": {name: file.read().decode() for name, file in request.files.items()},
        "json": request.get_json(silent=True),
    }


@app.route("/count/<int:number>")
async def count(ctx: HTTPRequestContext, number: int) -> Response:
    async def lines() -> AsyncIterator[str]:
        for line in range(number):
            yield f"{line}\n"
            await asyncio.sleep(0)

    return Response(lines(), mimetype="text/plain")


@app.route("/events")
async def events(ctx: HTTPRequestContext) -> Response:
    async def happen() -> AsyncIterator[ServerSentEvent]:
        try:
            yield ServerSentEvent("one")
            await released.wait()
            yield ServerSentEvent("two")
            await asyncio.Event().wait()
        finally:
            say("nobody listens")

    return event_stream(ctx, happen(), heartbeat=0.05)


@app.route("/release", methods=["POST"])
async def release(ctx: HTTPRequestContext) -> str:
    released.set()
    return "released"


@app.route("/up", methods=["POST"], stream=True, max_body_size=2**40)
async def up(ctx: HTTPRequestContext) -> str:
    say("begun")
    if "wait" in ctx.request.args:
        await released.wait()
    size = 0
    async for piece in ctx.stream():
        size += len(piece)
    return str(size)


@app.route("/early", methods=["POST"], stream=True, max_body_size=2**40)
async def early(ctx: HTTPRequestContext) -> str:
    return "answered before the body was read"


@app.route("/down/<int:blocks>")
async def down(ctx: HTTPRequestContext, blocks: int) -> Response:
    async def body() -> AsyncIterator[bytes]:
        global made
        try:
            for _ in range(blocks):
                made += 1
                yield BLOCK
        finally:
            say("the body is closed")

    fields = {"Content-Length": str(blocks * len(BLOCK))} if "sized" in ctx.request.args else {}
    return Response(body(), headers=fields)


@app.route("/made")
async def blocks_made(ctx: HTTPRequestContext) -> str:
    return str(made)


@app.route("/broken")
async def broken(ctx: HTTPRequestContext) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield BLOCK
        raise RuntimeError("the body broke")

    return Response(body())


@app.route("/slow")
async def slow(ctx: HTTPRequestContext) -> str:
    """Answer once a stop has begun, and not at once."""
    say("begun")
    await ctx.proto.server.wait_stopping()
    for _ in range(10):
        await asyncio.sleep(0)
    return "answered"


@app.route("/endless")
async def endless(ctx: HTTPRequestContext) -> str:
    say("begun")
    try:
        await ctx.wait_client_ended()
        say("the client is gone")
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("cancelled")
        raise
    return ""


@app.route("/fail")
async def fail(ctx: HTTPRequestContext) -> str:
    raise RuntimeError("this is not the client's to see")

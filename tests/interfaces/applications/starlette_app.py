"""The endpoints by Starlette."""

import contextlib

import given
from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
    StreamingResponse,
)
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from starlette.websockets import WebSocketDisconnect


@contextlib.asynccontextmanager
async def lifespan(app):
    given.seen["started"] = given.seen.get("started", 0) + 1
    yield {"greeting": "from the lifespan"}


async def hello(request):
    return PlainTextResponse("hello")


async def html(request):
    return HTMLResponse(given.HTML)


async def json(request):
    return JSONResponse(given.JSON)


async def empty(request):
    return Response()


async def method(request):
    return PlainTextResponse(request.method)


async def echo(request):
    return Response(await request.body(), media_type=request.headers.get("content-type", "text/x-none"))


async def json_in(request):
    return JSONResponse({"got": await request.json()})


async def form(request):
    return JSONResponse((await request.form()).multi_items())


async def upload(request):
    async with request.form() as data:
        found = []
        for name, value in data.multi_items():
            if isinstance(value, str):
                found.append([name, value])
            else:
                content = given.summary(await value.read())
                found.append([name, value.filename, value.content_type, content])
    return JSONResponse(found)


async def count(request):
    data = b"".join([piece async for piece in request.stream()])
    return JSONResponse(given.summary(data))


async def ignore(request):
    return PlainTextResponse("ignored")


async def large(request):
    return Response(given.LARGE)


async def large_stream(request):
    return StreamingResponse(given.large_pieces())


async def stream(request):
    return StreamingResponse(given.slow_pieces(), media_type="text/plain")


async def stream_of_threads(request):
    return StreamingResponse(given.pieces(), media_type="text/plain")


async def endless(request):
    return StreamingResponse(given.endless_pieces())


async def events(request):
    return StreamingResponse(given.events(), media_type="text/event-stream")


async def file(request):
    return FileResponse(given.FILE)


async def download(request):
    return FileResponse(given.FILE, filename="n\u00e4me.txt", media_type="application/x-given")


async def status(request):
    return Response(status_code=request.path_params["code"])


async def redirect(request):
    return RedirectResponse("/hello?a=b c", status_code=request.path_params["code"])


async def cookies(request):
    response = PlainTextResponse("cookies")
    response.set_cookie("a", "1", httponly=True, samesite="strict")
    response.set_cookie("b", "two words", path="/b", max_age=60)
    response.delete_cookie("c")
    del response.headers["set-cookie"]
    response.raw_headers.append((b"set-cookie", b"a=1; HttpOnly; Path=/; SameSite=strict"))
    response.raw_headers.append((b"set-cookie", b"b=2; Path=/b"))
    return response


async def read_cookies(request):
    return JSONResponse(request.cookies)


async def repeated(request):
    response = PlainTextResponse(" ".join(request.headers.getlist("x-many")))
    response.headers.append("x-many", "three")
    response.headers.append("x-many", "four")
    response.headers.append("vary", "x-many")
    return response


async def latin1(request):
    return PlainTextResponse(ascii(request.headers["x-name"]), headers={"x-name": "caf\u00e9"})


async def path(request):
    return PlainTextResponse(ascii(request.path_params["rest"]))


async def query(request):
    return JSONResponse([request.scope["query_string"].decode(), *request.query_params.multi_items()])


async def url(request):
    return JSONResponse([str(request.url), str(request.base_url), request.scope["root_path"]])


async def fields(request):
    return JSONResponse(request.headers.items())


async def fail(request):
    raise ValueError("failed before the answer")


async def refuse(request):
    raise HTTPException(403, "refused", {"x-refused": "yes"})


async def fail_after(request):
    return StreamingResponse(given.failing_pieces(), media_type="text/plain")


async def background(request):
    given.seen["background"] = None
    return PlainTextResponse("begun", background=BackgroundTask(given.seen.update, background="done"))


def fail_in_background():
    raise ValueError("failed after the answer")


async def background_fails(request):
    return PlainTextResponse("begun", background=BackgroundTask(fail_in_background))


async def seen(request):
    return JSONResponse(given.seen.get(request.path_params["name"]))


async def state(request):
    return JSONResponse([request.state.greeting, given.seen["started"]])


async def ws_echo(websocket):
    given.seen["closed"] = None
    await websocket.accept()
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            given.seen["closed"] = [message["code"], message.get("reason")]
            return
        if message.get("text") is not None:
            await websocket.send_text(message["text"])
        else:
            await websocket.send_bytes(message["bytes"])


async def ws_protocol(websocket):
    await websocket.accept("second", [(b"x-accepted", b"yes")])
    await websocket.send_json([websocket.scope["subprotocols"], websocket.headers["x-asked"]])
    await websocket.close()


async def ws_query(websocket):
    await websocket.accept()
    await websocket.send_json([websocket.path_params["rest"], websocket.scope["query_string"].decode()])
    await websocket.close(3000)


async def ws_close(websocket):
    await websocket.accept()
    await websocket.close(4001, "th\u00e9 end")


async def ws_deny(websocket):
    await websocket.close()


async def ws_deny_with(websocket):
    await websocket.send_denial_response(PlainTextResponse("not you", 401, {"x-denied": "yes"}))


async def ws_fail(websocket):
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("failed in a websocket")


async def ws_fail_early(websocket):
    raise ValueError("failed before the websocket was accepted")


async def ws_many(websocket):
    await websocket.accept()
    try:
        for number in range(int(await websocket.receive_text())):
            await websocket.send_text(str(number))
        await websocket.receive_text()
    except WebSocketDisconnect as error:
        given.seen["closed"] = [error.code, error.reason]


ANY = ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]

app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/hello", hello),
        Route("/html", html),
        Route("/json", json),
        Route("/empty", empty),
        Route("/method", method, methods=ANY),
        Route("/echo", echo, methods=["POST", "PUT", "PATCH", "DELETE"]),
        Route("/json-in", json_in, methods=["POST"]),
        Route("/form", form, methods=["POST"]),
        Route("/upload", upload, methods=["POST"]),
        Route("/count", count, methods=["POST"]),
        Route("/ignore", ignore, methods=["POST"]),
        Route("/large", large),
        Route("/large-stream", large_stream),
        Route("/stream", stream),
        Route("/stream-of-threads", stream_of_threads),
        Route("/endless", endless),
        Route("/events", events),
        Route("/file", file),
        Route("/download", download),
        Route("/status/{code:int}", status),
        Route("/redirect/{code:int}", redirect),
        Route("/cookies", cookies),
        Route("/cookies/read", read_cookies),
        Route("/repeated", repeated),
        Route("/latin1", latin1),
        Route("/path/{rest:path}", path),
        Route("/query", query),
        Route("/url", url),
        Route("/fields", fields),
        Route("/slash/", hello),
        Mount("/static", StaticFiles(directory=given.FILE.parent)),
        Route("/fail", fail),
        Route("/refuse", refuse),
        Route("/fail-after", fail_after),
        Route("/background", background, methods=["POST"]),
        Route("/background-fails", background_fails, methods=["POST"]),
        Route("/seen/{name}", seen),
        Route("/state", state),
        WebSocketRoute("/ws/echo", ws_echo),
        WebSocketRoute("/ws/protocol", ws_protocol),
        WebSocketRoute("/ws/query/{rest:path}", ws_query),
        WebSocketRoute("/ws/close", ws_close),
        WebSocketRoute("/ws/deny", ws_deny),
        WebSocketRoute("/ws/deny-with", ws_deny_with),
        WebSocketRoute("/ws/fail", ws_fail),
        WebSocketRoute("/ws/fail-early", ws_fail_early),
        WebSocketRoute("/ws/many", ws_many),
    ],
)

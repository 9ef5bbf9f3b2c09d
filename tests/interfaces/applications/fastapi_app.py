"""The endpoints by FastAPI."""

import contextlib
from typing import Annotated

import given
from fastapi import (
    BackgroundTasks,
    Body,
    Cookie,
    Depends,
    FastAPI,
    Form,
    Header,
    HTTPException,
    Query,
    Request,
    Response,
    UploadFile,
    WebSocket,
    WebSocketDisconnect,
)
from fastapi import File as FileOf
from fastapi.responses import (
    FileResponse,
    HTMLResponse,
    JSONResponse,
    PlainTextResponse,
    RedirectResponse,
    StreamingResponse,
)
from fastapi.staticfiles import StaticFiles


@contextlib.asynccontextmanager
async def lifespan(app):
    given.seen["started"] = given.seen.get("started", 0) + 1
    yield {"greeting": "from the lifespan"}


app = FastAPI(lifespan=lifespan)
app.mount("/static", StaticFiles(directory=given.FILE.parent))


async def dependency():
    """Set up something, and tear it down when the answer has been sent."""
    given.seen["torn down"] = None
    yield "hello"
    given.seen["torn down"] = True


@app.get("/hello", response_class=PlainTextResponse)
async def hello(word: Annotated[str, Depends(dependency)]):
    return word


@app.get("/html", response_class=HTMLResponse)
def html():
    return given.HTML


@app.get("/json")
async def json():
    return given.JSON


@app.get("/empty")
async def empty():
    return Response()


@app.api_route(
    "/method", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"], response_class=PlainTextResponse
)
async def method(request: Request):
    return request.method


@app.api_route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
async def echo(request: Request, content_type: Annotated[str, Header()] = "text/x-none"):
    return Response(await request.body(), media_type=content_type)


@app.post("/json-in")
async def json_in(got: Annotated[dict, Body()]):
    return {"got": got}


@app.post("/form")
async def form(
    a: Annotated[list[str], Form()], b: Annotated[str, Form()], c: Annotated[str, Form()] = "none"
):
    return [a, b, c]


@app.post("/upload")
async def upload(
    file: Annotated[UploadFile, FileOf()], a: Annotated[int, Form()] = 0, b: Annotated[str, Form()] = "none"
):
    return [a, b, file.filename, file.content_type, given.summary(await file.read())]


@app.post("/count")
async def count(request: Request):
    return given.summary(b"".join([piece async for piece in request.stream()]))


@app.post("/ignore", response_class=PlainTextResponse)
async def ignore():
    return "ignored"


@app.get("/large")
async def large():
    return Response(given.LARGE)


@app.get("/large-stream")
async def large_stream():
    return StreamingResponse(given.large_pieces())


@app.get("/stream")
async def stream():
    return StreamingResponse(given.slow_pieces(), media_type="text/plain")


@app.get("/stream-of-threads")
def stream_of_threads():
    return StreamingResponse(given.pieces(), media_type="text/plain")


@app.get("/endless")
async def endless():
    return StreamingResponse(given.endless_pieces())


@app.get("/events")
async def events():
    return StreamingResponse(given.events(), media_type="text/event-stream")


@app.api_route("/file", methods=["GET", "HEAD"])
async def file():
    return FileResponse(given.FILE)


@app.get("/download")
async def download():
    return FileResponse(given.FILE, filename="n\u00e4me.txt", media_type="application/x-given")


@app.get("/status/{code}")
async def status(code: int):
    return Response(status_code=code)


@app.api_route("/redirect/{code}", methods=["GET", "POST"])
async def redirect(code: int):
    return RedirectResponse("/hello?a=b c", status_code=code)


@app.get("/cookies", response_class=PlainTextResponse)
async def cookies(response: Response):
    response.set_cookie("a", "1", httponly=True, samesite="strict")
    response.set_cookie("b", "2", path="/b", max_age=None)
    return "cookies"


@app.get("/cookies/read")
async def read_cookies(a: Annotated[int, Cookie()], b: Annotated[str, Cookie()]):
    return [a, b]


@app.get("/repeated", response_class=PlainTextResponse)
async def repeated(response: Response, x_many: Annotated[list[str], Header()]):
    response.headers.append("x-many", "three")
    response.headers.append("x-many", "four")
    return " ".join(x_many)


@app.get("/latin1")
async def latin1(x_name: Annotated[str, Header()]):
    return PlainTextResponse(ascii(x_name), headers={"x-name": "caf\u00e9"})


@app.get("/path/{rest:path}", response_class=PlainTextResponse)
async def path(rest: str):
    return ascii(rest)


@app.get("/query")
async def query(request: Request, a: Annotated[list[str], Query()] = ()):  # type: ignore[assignment]
    return [request.scope["query_string"].decode(), a, *request.query_params.multi_items()]


@app.get("/url")
async def url(request: Request):
    return [str(request.url), str(request.url_for("url")), request.scope["root_path"]]


@app.get("/fields")
async def fields(request: Request):
    return request.headers.items()


@app.get("/slash/", response_class=PlainTextResponse)
async def slash():
    return "hello"


@app.get("/fail")
async def fail():
    raise ValueError("failed before the answer")


@app.get("/refuse")
async def refuse():
    raise HTTPException(403, "refused", {"x-refused": "yes"})


@app.get("/fail-after")
async def fail_after():
    return StreamingResponse(given.failing_pieces(), media_type="text/plain")


@app.post("/background", response_class=PlainTextResponse)
async def background(tasks: BackgroundTasks):
    given.seen["background"] = None
    tasks.add_task(given.seen.update, background="done")
    return "begun"


def fail_in_background():
    raise ValueError("failed after the answer")


@app.post("/background-fails", response_class=PlainTextResponse)
async def background_fails(tasks: BackgroundTasks):
    tasks.add_task(fail_in_background)
    return "begun"


@app.get("/seen/{name}")
async def seen(name: str):
    return given.seen.get(name)


@app.get("/state")
async def state(request: Request):
    return JSONResponse([request.state.greeting, given.seen["started"]])


@app.websocket("/ws/echo")
async def ws_echo(websocket: WebSocket):
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


@app.websocket("/ws/protocol")
async def ws_protocol(websocket: WebSocket, x_asked: Annotated[str, Header()]):
    await websocket.accept("second", [(b"x-accepted", b"yes")])
    await websocket.send_json([websocket.scope["subprotocols"], x_asked])
    await websocket.close()


@app.websocket("/ws/query/{rest:path}")
async def ws_query(websocket: WebSocket, rest: str):
    await websocket.accept()
    await websocket.send_json([rest, websocket.scope["query_string"].decode()])
    await websocket.close(3000)


@app.websocket("/ws/close")
async def ws_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4001, "th\u00e9 end")


@app.websocket("/ws/deny")
async def ws_deny(websocket: WebSocket):
    await websocket.close()


@app.websocket("/ws/deny-with")
async def ws_deny_with(websocket: WebSocket):
    await websocket.send_denial_response(PlainTextResponse("not you", 401, {"x-denied": "yes"}))


@app.websocket("/ws/fail")
async def ws_fail(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("failed in a websocket")


@app.websocket("/ws/fail-early")
async def ws_fail_early(websocket: WebSocket):
    raise ValueError("failed before the websocket was accepted")


@app.websocket("/ws/many")
async def ws_many(websocket: WebSocket):
    await websocket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        for number in range(int(await websocket.receive_text())):
            await websocket.send_text(str(number))
        await websocket.receive_text()

"""The endpoints by BlackSheep."""

import asyncio

import given
from blacksheep import Application, Content, Cookie, Request, Response, StreamedContent, WebSocket, redirect
from blacksheep import file as file_of
from blacksheep import html as html_of
from blacksheep import json as json_of
from blacksheep import text as text_of
from blacksheep.contents import FormPart
from blacksheep.exceptions import Forbidden
from blacksheep.server.responses import ContentDispositionType
from blacksheep.server.websocket import WebSocketDisconnectError

app = Application()
app.serve_files(given.FILE.parent, root_path="static", extensions={".txt"})
get, post, route, ws = app.router.get, app.router.post, app.router.route, app.router.ws


@app.on_start
async def start(app):
    given.seen["started"] = given.seen.get("started", 0) + 1
    given.seen["greeting"] = "from the lifespan"


@get("/hello")
async def hello():
    return text_of("hello")


@get("/html")
def html():
    return html_of(given.HTML)


@get("/json")
async def json():
    return json_of(given.JSON)


@get("/empty")
async def empty():
    return Response(200)


@route("/method", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def method(request: Request):
    return text_of(request.method)


@route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
async def echo(request: Request):
    kind = request.get_first_header(b"content-type") or b"text/x-none"
    return Response(200, content=Content(kind, await request.read() or b""))


@post("/json-in")
async def json_in(request: Request):
    return json_of({"got": await request.json()})


@post("/form")
async def form(request: Request):
    return json_of(await request.form())


@post("/upload")
async def upload(request: Request):
    found = []
    for part in await request.multipart() or ():
        assert isinstance(part, FormPart)
        data = part.data if isinstance(part.data, bytes) else part.data.read()
        found.append([part.name.decode(), str(part.file_name), str(part.content_type), given.summary(data)])
    return json_of(found)


@post("/count")
async def count(request: Request):
    return json_of(given.summary(b"".join([piece async for piece in request.stream()])))


@post("/ignore")
async def ignore():
    return text_of("ignored")


@get("/large")
async def large():
    return Response(200, content=Content(b"application/octet-stream", given.LARGE))


@get("/large-stream")
async def large_stream():
    return Response(200, content=StreamedContent(b"application/octet-stream", given.large_pieces))


@get("/stream")
async def stream():
    return Response(200, content=StreamedContent(b"text/plain", given.slow_pieces))


@get("/endless")
async def endless():
    return Response(200, content=StreamedContent(b"text/plain", given.endless_pieces))


@get("/events")
async def events():
    return Response(200, content=StreamedContent(b"text/event-stream", given.events))


@get("/file")
async def file():
    return file_of(str(given.FILE), "text/plain")


@get("/download")
async def download():
    return file_of(
        str(given.FILE),
        "application/x-given",
        file_name="name.txt",
        content_disposition=ContentDispositionType.ATTACHMENT,
    )


@get("/status/{int:code}")
async def status(code: int):
    return Response(code)


@route("/redirect/{int:code}", methods=["GET", "POST"])
async def redirected(code: int):
    response = redirect("/hello?a=b%20c")
    response.status = code
    return response


@get("/cookies")
async def cookies():
    response = text_of("cookies")
    response.set_cookie(Cookie("a", "1", http_only=True))
    response.set_cookie(Cookie("b", "2", path="/b"))
    return response


@get("/cookies/read")
async def read_cookies(request: Request):
    return json_of(request.cookies)


@get("/repeated")
async def repeated(request: Request):
    response = text_of(b" ".join(request.get_headers(b"x-many")).decode())
    response.add_header(b"x-many", b"three")
    response.add_header(b"x-many", b"four")
    return response


@get("/latin1")
async def latin1(request: Request):
    response = text_of(ascii(request.get_first_header(b"x-name")))
    response.add_header(b"x-name", b"caf\xe9")
    return response


@get("/path/*")
async def path(request: Request):
    return text_of(ascii(request.route_values["tail"]))


@get("/query")
async def query(request: Request):
    return json_of([request.scope["query_string"].decode(), request.query])


@get("/url")
async def url(request: Request):
    return json_of([str(request.url), str(request.base_path), request.scope["root_path"], request.host])


@get("/fields")
async def fields(request: Request):
    return json_of([[name.decode(), value.decode()] for name, value in request.headers.values])


@get("/fail")
async def fail():
    raise ValueError("failed before the answer")


@get("/refuse")
async def refuse():
    raise Forbidden("refused")


@get("/fail-after")
async def fail_after():
    return Response(200, content=StreamedContent(b"text/plain", given.failing_pieces))


async def finish():
    given.seen["background"] = "done"


@post("/background")
async def background():
    given.seen["background"] = None
    given.seen["task"] = asyncio.create_task(finish())
    return text_of("begun")


@get("/seen/{name}")
async def seen(name: str):
    return json_of(given.seen.get(name))


@get("/state")
async def state():
    return json_of([given.seen["greeting"], given.seen["started"]])


@ws("/ws/echo")
async def ws_echo(websocket: WebSocket):
    given.seen["closed"] = None
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_bytes(message["bytes"])
    except WebSocketDisconnectError as error:
        given.seen["closed"] = error.code


@ws("/ws/protocol")
async def ws_protocol(websocket: WebSocket):
    await websocket.accept([(b"x-accepted", b"yes")], "second")
    asked = websocket.get_first_header(b"x-asked")
    await websocket.send_json([websocket.scope["subprotocols"], str(asked)])
    await websocket.close()


@ws("/ws/query/*")
async def ws_query(websocket: WebSocket):
    await websocket.accept()
    await websocket.send_json([websocket.route_values["tail"], websocket.scope["query_string"].decode()])
    await websocket.close(3000)


@ws("/ws/close")
async def ws_close(websocket: WebSocket):
    await websocket.accept()
    await websocket.close(4001, "th\u00e9 end")


@ws("/ws/deny")
async def ws_deny(websocket: WebSocket):
    await websocket.close()


@ws("/ws/fail")
async def ws_fail(websocket: WebSocket):
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("failed in a websocket")


@ws("/ws/fail-early")
async def ws_fail_early(websocket: WebSocket):
    raise ValueError("failed before the websocket was accepted")


@ws("/ws/many")
async def ws_many(websocket: WebSocket):
    await websocket.accept()
    try:
        for number in range(int(await websocket.receive_text())):
            await websocket.send_text(str(number))
        await websocket.receive_text()
    except WebSocketDisconnectError:
        pass

"""The endpoints by Litestar."""

import contextlib
from typing import Annotated, Any

import given
from litestar import Litestar, Request, Response, WebSocket, delete, get, patch, post, put, route, websocket
from litestar.background_tasks import BackgroundTask
from litestar.datastructures import Cookie, UploadFile
from litestar.enums import MediaType, RequestEncodingType
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException, WebSocketDisconnect
from litestar.params import Body
from litestar.response import File, Redirect, ServerSentEvent, ServerSentEventMessage, Stream
from litestar.static_files import create_static_files_router


@contextlib.asynccontextmanager
async def lifespan(app):
    given.seen["started"] = given.seen.get("started", 0) + 1
    app.state.greeting = "from the lifespan"
    yield


@get("/hello", media_type=MediaType.TEXT)
async def hello() -> str:
    return "hello"


@get("/html", media_type=MediaType.HTML, sync_to_thread=True)
def html() -> str:
    return given.HTML


@get("/json")
async def json() -> dict[str, Any]:
    return given.JSON


@get("/empty", media_type=MediaType.TEXT)
async def empty() -> str:
    return ""


@route(
    "/method",
    http_method=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"],
    media_type=MediaType.TEXT,
    status_code=200,
)
async def method(request: Request) -> str:
    return str(request.method)


async def echoed(request: Request) -> Response[bytes]:
    return Response(await request.body(), media_type=request.headers.get("content-type", "text/x-none"))


echoes = [declare("/echo", status_code=200)(echoed) for declare in (post, put, patch, delete)]


@post("/json-in")
async def json_in(data: dict[str, Any]) -> dict[str, Any]:
    return {"got": data}


@post("/form")
async def form(request: Request) -> Any:
    return list((await request.form()).multi_items())


@post("/upload")
async def upload(
    data: Annotated[dict[str, Any], Body(media_type=RequestEncodingType.MULTI_PART)],
) -> Any:
    found: list[Any] = []
    for name, value in data.items():
        if isinstance(value, UploadFile):
            found.append([name, value.filename, value.content_type, given.summary(await value.read())])
        else:
            found.append([name, value])
    return found


@post("/count")
async def count(request: Request) -> dict[str, int]:
    return given.summary(b"".join([piece async for piece in request.stream()]))


@post("/ignore", media_type=MediaType.TEXT)
async def ignore() -> str:
    return "ignored"


@get("/large", media_type="application/octet-stream")
async def large() -> bytes:
    return given.LARGE


@get("/large-stream")
async def large_stream() -> Stream:
    return Stream(given.large_pieces())


@get("/stream")
async def stream() -> Stream:
    return Stream(given.slow_pieces(), media_type="text/plain")


@get("/stream-of-threads", sync_to_thread=True)
def stream_of_threads() -> Stream:
    return Stream(given.pieces(), media_type="text/plain")


@get("/endless")
async def endless() -> Stream:
    return Stream(given.endless_pieces())


async def messages() -> Any:
    yield ServerSentEventMessage(event="first", data="1")
    yield ServerSentEventMessage(id="2", data="two")


@get("/events")
async def events() -> ServerSentEvent:
    return ServerSentEvent(messages())


@route("/file", http_method=["GET", "HEAD"])
async def file() -> File:
    return File(given.FILE)


@get("/download")
async def download() -> File:
    return File(given.FILE, filename="n\u00e4me.txt", media_type="application/x-given")


@get("/status/{code:int}")
async def status(code: int) -> Response[None]:
    return Response(None, status_code=code)


@route("/redirect/{code:int}", http_method=["GET", "POST"])
async def redirect(code: int) -> Redirect:
    return Redirect("/hello?a=b%20c", status_code=code)  # type: ignore[arg-type]


@get(
    "/cookies",
    media_type=MediaType.TEXT,
    # Of several, Litestar makes a set, which has no order.
    response_cookies=[Cookie("a", value="1", httponly=True, samesite="strict")],
)
async def cookies() -> str:
    return "cookies"


@get("/cookies/read")
async def read_cookies(request: Request) -> dict[str, str]:
    return dict(request.cookies)


@get("/repeated", media_type=MediaType.TEXT)
async def repeated(request: Request) -> Response[str]:
    response = Response(" ".join(request.headers.getall("x-many")))
    response.headers["x-many"] = "three, four"
    return response


@get("/latin1", media_type=MediaType.TEXT)
async def latin1(request: Request) -> Response[str]:
    return Response(ascii(request.headers["x-name"]), headers={"x-name": "caf\u00e9"})


@get("/path/{rest:path}", media_type=MediaType.TEXT)
async def path(rest: str) -> str:
    return ascii(str(rest))


@get("/query")
async def query(request: Request) -> Any:
    return [request.scope["query_string"].decode(), *request.query_params.multi_items()]


@get("/url")
async def url(request: Request) -> list[str]:
    return [str(request.url), str(request.base_url), request.scope["root_path"]]


@get("/fields")
async def fields(request: Request) -> Any:
    return list(request.headers.multi_items())


@get("/slash", media_type=MediaType.TEXT)
async def slash() -> str:
    return "hello"


@get("/fail")
async def fail() -> None:
    raise ValueError("failed before the answer")


@get("/refuse")
async def refuse() -> None:
    raise PermissionDeniedException("refused", headers={"x-refused": "yes"})


@get("/fail-after")
async def fail_after() -> Stream:
    return Stream(given.failing_pieces(), media_type="text/plain")


async def finish() -> None:
    given.seen["background"] = "done"


@post("/background")
async def background() -> Response[str]:
    given.seen["background"] = None
    return Response("begun", media_type=MediaType.TEXT, background=BackgroundTask(finish))


async def fail_in_background() -> None:
    raise ValueError("failed after the answer")


@post("/background-fails")
async def background_fails() -> Response[str]:
    return Response("begun", media_type=MediaType.TEXT, background=BackgroundTask(fail_in_background))


@get("/seen/{name:str}")
async def seen(name: str) -> Any:
    return Response(given.seen.get(name), media_type=MediaType.JSON)


@get("/state")
async def state(request: Request) -> Any:
    return [request.app.state.greeting, given.seen["started"]]


@websocket("/ws/echo")
async def ws_echo(socket: WebSocket) -> None:
    given.seen["closed"] = None
    await socket.accept()
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            given.seen["closed"] = [message["code"], message.get("reason")]
            return
        if message.get("text") is not None:
            await socket.send_text(message["text"])
        else:
            await socket.send_bytes(message["bytes"])


@websocket("/ws/protocol")
async def ws_protocol(socket: WebSocket) -> None:
    await socket.accept(subprotocols="second", headers=[(b"x-accepted", b"yes")])
    await socket.send_json([socket.scope["subprotocols"], socket.headers["x-asked"]])
    await socket.close()


@websocket("/ws/query/{rest:path}")
async def ws_query(socket: WebSocket, rest: str) -> None:
    await socket.accept()
    await socket.send_json([str(rest), socket.scope["query_string"].decode()])
    await socket.close(3000)


@websocket("/ws/close")
async def ws_close(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close(4001, "th\u00e9 end")


@websocket("/ws/deny")
async def ws_deny(socket: WebSocket) -> None:
    await socket.close()


@websocket("/ws/deny-with")
async def ws_deny_with(socket: WebSocket) -> None:
    raise NotAuthorizedException("not you", headers={"x-denied": "yes"})


@websocket("/ws/fail")
async def ws_fail(socket: WebSocket) -> None:
    await socket.accept()
    await socket.receive_text()
    raise ValueError("failed in a websocket")


@websocket("/ws/fail-early")
async def ws_fail_early(socket: WebSocket) -> None:
    raise ValueError("failed before the websocket was accepted")


@websocket("/ws/many")
async def ws_many(socket: WebSocket) -> None:
    await socket.accept()
    with contextlib.suppress(WebSocketDisconnect):
        for number in range(int(await socket.receive_text())):
            await socket.send_text(str(number))
        await socket.receive_text()


app = Litestar(
    lifespan=[lifespan],
    openapi_config=None,
    route_handlers=[
        hello, html, json, empty, method, *echoes, json_in, form, upload, count, ignore, large, large_stream,
        stream, stream_of_threads, endless, events, file, download, status, redirect, cookies, read_cookies,
        repeated, latin1, path, query, url, fields, slash, fail, refuse, fail_after, background,
        background_fails, seen, state, ws_echo, ws_protocol, ws_query, ws_close, ws_deny, ws_deny_with,
        ws_fail, ws_fail_early, ws_many, create_static_files_router("/static", [given.FILE.parent]),
    ],
)  # fmt: skip

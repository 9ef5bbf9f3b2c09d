"""The endpoints by Falcon's ASGI application."""

from json import dumps

import given
from falcon import HTTPForbidden, HTTPStatus, WebSocketDisconnected
from falcon.asgi import App, SSEvent


def answering(**responders):
    """Return a resource of which each named method answers."""
    return type("Resource", (), {f"on_{name}": staticmethod(call) for name, call in responders.items()})()


async def hello(request, response):
    response.text = "hello"
    response.content_type = "text/plain; charset=utf-8"


async def html(request, response):
    response.text = given.HTML
    response.content_type = "text/html; charset=utf-8"


async def json(request, response):
    response.media = given.JSON


async def empty(request, response):
    pass


async def method(request, response):
    response.text = request.method


async def echo(request, response):
    response.data = await request.stream.read()
    response.content_type = request.content_type or "text/x-none"


async def json_in(request, response):
    response.media = {"got": await request.get_media()}


async def form(request, response):
    response.media = await request.get_media()


async def upload(request, response):
    found = []
    async for part in await request.get_media():
        found.append([part.name, part.filename, part.content_type, given.summary(await part.stream.read())])
    response.media = found


async def count(request, response):
    response.media = given.summary(b"".join([piece async for piece in request.stream]))


async def ignore(request, response):
    response.text = "ignored"


async def large(request, response):
    response.data = given.LARGE


async def large_stream(request, response):
    response.stream = given.large_pieces()


async def stream(request, response):
    response.stream = given.slow_pieces()
    response.content_type = "text/plain"


async def endless(request, response):
    response.stream = given.endless_pieces()


async def emitted():
    yield SSEvent(event="first", data=b"1")
    yield SSEvent(event_id="2", text="two")


async def events(request, response):
    response.sse = emitted()


async def status(request, response, code):
    response.status = code


async def redirect(request, response, code):
    raise HTTPStatus(code, {"location": "/hello?a=b%20c"})


async def cookies(request, response):
    response.text = "cookies"
    response.set_cookie("a", "1", http_only=True, secure=False)
    response.set_cookie("b", "2", path="/b", secure=False)


async def read_cookies(request, response):
    response.media = request.cookies


async def repeated(request, response):
    response.text = request.get_header("x-many")
    response.append_header("x-many", "three")
    response.append_header("x-many", "four")


async def latin1(request, response):
    response.text = ascii(request.get_header("x-name"))


async def path(request, response, rest):
    response.text = ascii(rest)


async def query(request, response):
    response.media = [request.query_string, request.params]


async def url(request, response):
    response.media = [request.url, request.prefix, request.root_path, request.host, request.port]


async def fields(request, response):
    response.media = dict(request.headers)


async def fail(request, response):
    raise ValueError("failed before the answer")


async def refuse(request, response):
    raise HTTPForbidden(title="refused", headers={"x-refused": "yes"})


async def fail_after(request, response):
    response.stream = given.failing_pieces()
    response.content_type = "text/plain"


async def finish():
    given.seen["background"] = "done"


async def background(request, response):
    given.seen["background"] = None
    response.text = "begun"
    response.schedule(finish)


async def seen(request, response, name):
    response.text = dumps(given.seen.get(name))


async def state(request, response):
    response.media = ["from the lifespan", given.seen["started"]]


async def ws_echo(request, websocket):
    given.seen["closed"] = None
    await websocket.accept()
    try:
        while True:
            message = await websocket._receive()
            if message.get("text") is not None:
                await websocket.send_text(message["text"])
            else:
                await websocket.send_data(message["bytes"])
    except WebSocketDisconnected as error:
        given.seen["closed"] = error.code


async def ws_protocol(request, websocket):
    await websocket.accept("second", {"x-accepted": "yes"})
    await websocket.send_media([list(websocket.subprotocols), request.get_header("x-asked")])
    await websocket.close()


async def ws_query(request, websocket, rest):
    await websocket.accept()
    await websocket.send_media([rest, request.query_string])
    await websocket.close(3000)


async def ws_close(request, websocket):
    await websocket.accept()
    await websocket.close(4001, "th\u00e9 end")


async def ws_deny(request, websocket):
    await websocket.close(3403)


async def ws_deny_with(request, websocket):
    raise HTTPForbidden


async def ws_fail(request, websocket):
    await websocket.accept()
    await websocket.receive_text()
    raise ValueError("failed in a websocket")


async def ws_fail_early(request, websocket):
    raise ValueError("failed before the websocket was accepted")


async def ws_many(request, websocket):
    await websocket.accept()
    try:
        for number in range(int(await websocket.receive_text())):
            await websocket.send_text(str(number))
        await websocket.receive_text()
    except WebSocketDisconnected:
        pass


class Lifespan:
    """What runs at the start."""

    async def process_startup(self, scope, event):
        given.seen["started"] = given.seen.get("started", 0) + 1


app = App(middleware=[Lifespan()])
GET = {
    "/hello": hello, "/html": html, "/json": json, "/empty": empty, "/large": large,
    "/large-stream": large_stream, "/stream": stream, "/endless": endless, "/events": events,
    "/status/{code:int}": status, "/redirect/{code:int}": redirect, "/cookies": cookies,
    "/cookies/read": read_cookies, "/repeated": repeated, "/latin1": latin1, "/path/{rest:path}": path,
    "/query": query, "/url": url, "/fields": fields, "/fail": fail, "/refuse": refuse,
    "/fail-after": fail_after, "/seen/{name}": seen, "/state": state,
}  # fmt: skip
POST = {
    "/json-in": json_in, "/form": form, "/upload": upload, "/count": count, "/ignore": ignore,
    "/background": background,
}  # fmt: skip
WEBSOCKET = {
    "/ws/echo": ws_echo, "/ws/protocol": ws_protocol, "/ws/query/{rest:path}": ws_query,
    "/ws/close": ws_close, "/ws/deny": ws_deny, "/ws/deny-with": ws_deny_with, "/ws/fail": ws_fail,
    "/ws/fail-early": ws_fail_early, "/ws/many": ws_many,
}  # fmt: skip
for place, responder in GET.items():
    app.add_route(place, answering(get=responder))
for place, responder in POST.items():
    app.add_route(place, answering(post=responder))
for place, responder in WEBSOCKET.items():
    app.add_route(place, answering(websocket=responder))
app.add_route(
    "/method", answering(get=method, post=method, put=method, patch=method, delete=method, options=method)
)
app.add_route("/echo", answering(post=echo, put=echo, patch=echo, delete=echo))
app.add_static_route("/static", given.FILE.parent)

"""The endpoints by Quart."""

import asyncio

import given
from quart import (
    Quart,
    Response,
    abort,
    copy_current_websocket_context,
    current_app,
    jsonify,
    make_response,
    redirect,
    request,
    send_file,
    websocket,
)

app = Quart(__name__, static_folder=given.FILE.parent, static_url_path="/static")


@app.before_serving
async def start():
    given.seen["started"] = given.seen.get("started", 0) + 1
    app.config["greeting"] = "from the lifespan"


@app.get("/hello")
async def hello():
    return Response("hello", mimetype="text/plain")


@app.get("/html")
async def html():
    return given.HTML


@app.get("/json")
async def json():
    return given.JSON


@app.get("/empty")
async def empty():
    return ""


@app.route("/method", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
async def method():
    return request.method


@app.route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
async def echo():
    return Response(await request.get_data(), content_type=request.headers.get("content-type", "text/x-none"))


@app.post("/json-in")
async def json_in():
    return {"got": await request.get_json()}


@app.post("/form")
async def form():
    return jsonify(list((await request.form).items(multi=True)))


@app.post("/upload")
async def upload():
    found = list((await request.form).items(multi=True))
    for name, file in (await request.files).items(multi=True):
        found.append([name, file.filename, file.content_type, given.summary(file.read())])
    return jsonify(found)


@app.post("/count")
async def count():
    return given.summary(b"".join([piece async for piece in request.body]))


@app.post("/ignore")
async def ignore():
    return "ignored"


@app.get("/large")
async def large():
    return Response(given.LARGE)


@app.get("/large-stream")
async def large_stream():
    return Response(given.large_pieces())


@app.get("/stream")
async def stream():
    return given.slow_pieces(), 200, {"Content-Type": "text/plain"}


@app.get("/stream-of-threads")
async def stream_of_threads():
    return Response(given.pieces(), mimetype="text/plain")


@app.get("/endless")
async def endless():
    response = await make_response(given.endless_pieces())
    response.timeout = None
    return response


@app.get("/events")
async def events():
    return Response(given.events(), mimetype="text/event-stream")


@app.get("/file")
async def file():
    return await send_file(given.FILE, conditional=True)


@app.get("/download")
async def download():
    return await send_file(
        given.FILE, as_attachment=True, attachment_filename="n\u00e4me.txt", mimetype="application/x-given"
    )


@app.get("/status/<int:code>")
async def status(code):
    return "", code


@app.route("/redirect/<int:code>", methods=["GET", "POST"])
async def redirected(code):
    return redirect("/hello?a=b c", code)


@app.get("/cookies")
async def cookies():
    response = await make_response("cookies")
    response.set_cookie("a", "1", httponly=True, samesite="Strict")
    response.set_cookie("b", "2", path="/b")
    return response


@app.get("/cookies/read")
async def read_cookies():
    return request.cookies


@app.get("/repeated")
async def repeated():
    response = await make_response(" ".join(request.headers.getlist("x-many")))
    response.headers.add("x-many", "three")
    response.headers.add("x-many", "four")
    return response


@app.get("/latin1")
async def latin1():
    return ascii(request.headers["x-name"]), 200, {"x-name": "caf\u00e9"}


@app.get("/path/<path:rest>")
async def path(rest):
    return ascii(rest)


@app.get("/query")
async def query():
    return jsonify([request.query_string.decode(), *request.args.items(multi=True)])


@app.get("/url")
async def url():
    return jsonify([request.url, request.host_url, request.root_path])


@app.get("/fields")
async def fields():
    return jsonify(list(request.headers.items()))


@app.get("/slash/")
async def slash():
    return "hello"


@app.get("/fail")
async def fail():
    raise ValueError("failed before the answer")


@app.get("/refuse")
async def refuse():
    abort(403)


@app.get("/fail-after")
async def fail_after():
    return given.failing_pieces(), 200, {"Content-Type": "text/plain"}


async def finish():
    given.seen["background"] = "done"


@app.post("/background")
async def background():
    given.seen["background"] = None
    app.add_background_task(finish)
    return "begun"


async def fail_in_background():
    raise ValueError("failed after the answer")


@app.post("/background-fails")
async def background_fails():
    app.add_background_task(fail_in_background)
    return "begun"


@app.get("/seen/<name>")
async def seen(name):
    return jsonify(given.seen.get(name))


@app.get("/state")
async def state():
    return jsonify([current_app.config["greeting"], given.seen["started"]])


@app.websocket("/ws/echo")
async def ws_echo():
    given.seen["closed"] = None
    try:
        while True:
            await websocket.send(await websocket.receive())
    except asyncio.CancelledError:
        # Quart tells a handler in no other way that the client has gone.
        given.seen["closed"] = "cancelled"
        raise


@app.websocket("/ws/protocol")
async def ws_protocol():
    await websocket.accept({"x-accepted": "yes"}, "second")
    await websocket.send_json([websocket.requested_subprotocols, websocket.headers["x-asked"]])
    await websocket.close(1000)


@app.websocket("/ws/query/<path:rest>")
async def ws_query(rest):
    await websocket.send_json([rest, websocket.query_string.decode()])
    await websocket.close(3000)


@app.websocket("/ws/close")
async def ws_close():
    await websocket.accept()
    await websocket.close(4001, "th\u00e9 end")


@app.websocket("/ws/deny")
async def ws_deny():
    abort(403)


@app.websocket("/ws/deny-with")
async def ws_deny_with():
    return "not you", 401, {"x-denied": "yes"}


@app.websocket("/ws/fail")
async def ws_fail():
    await websocket.receive()
    raise ValueError("failed in a websocket")


@app.websocket("/ws/fail-early")
async def ws_fail_early():
    raise ValueError("failed before the websocket was accepted")


@app.websocket("/ws/many")
async def ws_many():
    @copy_current_websocket_context
    async def send(count):
        for number in range(count):
            await websocket.send(str(number))

    await asyncio.create_task(send(int(await websocket.receive())))
    await websocket.receive()

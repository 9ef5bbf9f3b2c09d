"""The endpoints by Flask."""

import given
from flask import Flask, Response, abort, jsonify, redirect, request, send_file, stream_with_context

app = Flask(__name__, static_folder=given.FILE.parent, static_url_path="/static")


@app.get("/hello")
def hello():
    return Response("hello", mimetype="text/plain")


@app.get("/html")
def html():
    return given.HTML


@app.get("/json")
def json():
    return given.JSON


@app.get("/empty")
def empty():
    return ""


@app.route("/method", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def method():
    return request.method


@app.route("/echo", methods=["POST", "PUT", "PATCH", "DELETE"])
def echo():
    return Response(request.get_data(), content_type=request.headers.get("content-type", "text/x-none"))


@app.post("/json-in")
def json_in():
    return {"got": request.get_json()}


@app.post("/form")
def form():
    return jsonify(list(request.form.items(multi=True)))


@app.post("/upload")
def upload():
    found = list(request.form.items(multi=True))
    for name, file in request.files.items(multi=True):
        found.append([name, file.filename, file.content_type, given.summary(file.read())])
    return jsonify(found)


@app.post("/count")
def count():
    data = b""
    while piece := request.stream.read(65536):
        data += piece
    return given.summary(data)


@app.post("/ignore")
def ignore():
    return "ignored"


@app.get("/large")
def large():
    return Response(given.LARGE)


@app.get("/large-stream")
def large_stream():
    return Response(given.large_blocks())


@app.get("/stream")
def stream():
    return Response(stream_with_context(given.pieces()), mimetype="text/plain")


@app.get("/endless")
def endless():
    return Response(given.endless_blocks())


@app.get("/events")
def events():
    return Response(given.event_blocks(), mimetype="text/event-stream")


@app.get("/file")
def file():
    return send_file(given.FILE, conditional=True)


@app.get("/download")
def download():
    return send_file(
        given.FILE, as_attachment=True, download_name="n\u00e4me.txt", mimetype="application/x-given"
    )


@app.get("/status/<int:code>")
def status(code):
    return "", code


@app.route("/redirect/<int:code>", methods=["GET", "POST"])
def redirected(code):
    return redirect("/hello?a=b c", code)


@app.get("/cookies")
def cookies():
    response = Response("cookies")
    response.set_cookie("a", "1", httponly=True, samesite="Strict")
    response.set_cookie("b", "2", path="/b")
    return response


@app.get("/cookies/read")
def read_cookies():
    return request.cookies


@app.get("/repeated")
def repeated():
    response = Response(request.headers["x-many"])
    response.headers.add("x-many", "three")
    response.headers.add("x-many", "four")
    return response


@app.get("/latin1")
def latin1():
    return ascii(request.headers["x-name"]), 200, {"x-name": "caf\u00e9"}


@app.get("/path/<path:rest>")
def path(rest):
    return ascii(rest)


@app.get("/query")
def query():
    return jsonify([request.query_string.decode(), *request.args.items(multi=True)])


@app.get("/url")
def url():
    return jsonify([request.url, request.host_url, request.root_path, request.environ["SCRIPT_NAME"]])


@app.get("/fields")
def fields():
    return jsonify(sorted(request.headers.items()))


@app.get("/slash/")
def slash():
    return "hello"


@app.get("/fail")
def fail():
    raise ValueError("failed before the answer")


@app.get("/refuse")
def refuse():
    abort(403)


@app.get("/fail-after")
def fail_after():
    return given.failing_blocks(), 200, {"Content-Type": "text/plain"}


@app.get("/seen/<name>")
def seen(name):
    return jsonify(given.seen.get(name))

"""The endpoints by Falcon's WSGI application."""

from json import dumps

import given
from falcon import App, HTTPForbidden, HTTPStatus


def answering(**responders):
    """Return a resource of which each named method answers."""
    return type("Resource", (), {f"on_{name}": staticmethod(call) for name, call in responders.items()})()


def hello(request, response):
    response.text = "hello"
    response.content_type = "text/plain; charset=utf-8"


def html(request, response):
    response.text = given.HTML
    response.content_type = "text/html; charset=utf-8"


def json(request, response):
    response.media = given.JSON


def empty(request, response):
    pass


def method(request, response):
    response.text = request.method


def echo(request, response):
    response.data = request.bounded_stream.read()
    response.content_type = request.content_type or "text/x-none"


def json_in(request, response):
    response.media = {"got": request.media}


def form(request, response):
    response.media = request.media


def upload(request, response):
    response.media = [
        [part.name, part.filename, part.content_type, given.summary(part.stream.read())]
        for part in request.media
    ]


def count(request, response):
    response.media = given.summary(request.stream.read())


def ignore(request, response):
    response.text = "ignored"


def large(request, response):
    response.data = given.LARGE


def large_stream(request, response):
    response.stream = given.large_blocks()


def stream(request, response):
    response.stream = given.pieces()
    response.content_type = "text/plain"


def endless(request, response):
    response.stream = given.endless_blocks()


def events(request, response):
    response.stream = given.event_blocks()
    response.content_type = "text/event-stream"


def file(request, response):
    response.stream = given.FILE.open("rb")
    response.content_type = "text/plain"


def status(request, response, code):
    response.status = code


def redirect(request, response, code):
    raise HTTPStatus(code, {"location": "/hello?a=b%20c"})


def cookies(request, response):
    response.text = "cookies"
    response.set_cookie("a", "1", http_only=True, secure=False)
    response.set_cookie("b", "2", path="/b", secure=False)


def read_cookies(request, response):
    response.media = request.cookies


def repeated(request, response):
    response.text = request.get_header("x-many")
    response.append_header("x-many", "three")
    response.append_header("x-many", "four")


def latin1(request, response):
    response.text = ascii(request.get_header("x-name"))


def path(request, response, rest):
    response.text = ascii(rest)


def query(request, response):
    response.media = [request.query_string, request.params]


def url(request, response):
    response.media = [request.url, request.prefix, request.root_path, request.host, request.port]


def fields(request, response):
    response.media = dict(sorted(request.headers.items()))


def fail(request, response):
    raise ValueError("failed before the answer")


def refuse(request, response):
    raise HTTPForbidden(title="refused", headers={"x-refused": "yes"})


def fail_after(request, response):
    response.stream = given.failing_blocks()
    response.content_type = "text/plain"


def seen(request, response, name):
    response.text = dumps(given.seen.get(name))


app = App()
GET = {
    "/hello": hello, "/html": html, "/json": json, "/empty": empty, "/large": large,
    "/large-stream": large_stream, "/stream": stream, "/endless": endless, "/events": events, "/file": file,
    "/status/{code:int}": status, "/redirect/{code:int}": redirect, "/cookies": cookies,
    "/cookies/read": read_cookies, "/repeated": repeated, "/latin1": latin1, "/path/{rest:path}": path,
    "/query": query, "/url": url, "/fields": fields, "/fail": fail, "/refuse": refuse,
    "/fail-after": fail_after, "/seen/{name}": seen,
}  # fmt: skip
POST = {"/json-in": json_in, "/form": form, "/upload": upload, "/count": count, "/ignore": ignore}
for place, responder in GET.items():
    app.add_route(place, answering(get=responder))
for place, responder in POST.items():
    app.add_route(place, answering(post=responder))
app.add_route(
    "/method", answering(get=method, post=method, put=method, patch=method, delete=method, options=method)
)
app.add_route("/echo", answering(post=echo, put=echo, patch=echo, delete=echo))
app.add_static_route("/static", str(given.FILE.parent))

"""What a framework would not let one do: a callable of WSGI, with an endpoint for each corner of it."""

import json
import sys
from wsgiref.validate import validator

import given

TEXT = [("Content-Type", "text/plain")]


def tell(start_response, value):
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(value).encode()]


def environ(environ, start_response):
    names = (
        "REQUEST_METHOD", "SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "CONTENT_LENGTH",
        "REMOTE_ADDR", "wsgi.url_scheme", "wsgi.version", "wsgi.multithread",
        "wsgi.run_once",
    )  # fmt: skip
    found = {name: environ.get(name) for name in names}
    found |= {name: value for name, value in environ.items() if name.startswith("HTTP_")}
    # HTTP/2 has no such field.
    found.pop("HTTP_TRANSFER_ENCODING", None)
    return tell(start_response, sorted(found.items()))


def protocol(environ, start_response):
    return tell(start_response, environ["SERVER_PROTOCOL"])


def types(environ, start_response):
    names = (
        "REQUEST_METHOD",
        "PATH_INFO",
        "SERVER_NAME",
        "SERVER_PORT",
        "REMOTE_ADDR",
        "HTTP_HOST",
    )
    return tell(start_response, [type(environ[name]).__name__ for name in names])


def write(environ, start_response):
    send = start_response("200 OK", TEXT)
    send(b"written ")
    send(b"")
    send(b"twice ")
    return [b"and ", b"returned"]


def wrapper(environ, start_response):
    start_response("200 OK", TEXT)
    return environ["wsgi.file_wrapper"](given.FILE.open("rb"), 10)


def wrapper_of_a_part(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    file = given.FILE.open("rb")
    file.seek(4)
    return environ["wsgi.file_wrapper"](file)


def list_of_one(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"one"]


def list_of_many(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"one ", b"", b"two"]


def generator(environ, start_response):
    start_response("200 OK", TEXT)
    yield b""
    yield b"one "
    yield b"two"


def late(environ, start_response):
    yield b""
    start_response("201 Created", TEXT)
    yield b"late"


def empty(environ, start_response):
    start_response("200 OK", TEXT)
    return []


def reason(environ, start_response):
    start_response("299 Something Else", TEXT)
    return [b"reason"]


class Closing:
    """An iterable whose ``close`` is noticed."""

    def __iter__(self):
        given.seen["closed"] = None
        yield b"content"

    def close(self):
        given.seen["closed"] = True


def closing(environ, start_response):
    start_response("200 OK", TEXT)
    return Closing()


class Failing(Closing):
    """One that fails."""

    def __iter__(self):
        yield from super().__iter__()
        raise ValueError("failed in the middle of the answer")


def failing(environ, start_response):
    start_response("200 OK", TEXT)
    return Failing()


def short(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "10")])
    return [b"12345"]


def long(environ, start_response):
    start_response("200 OK", [*TEXT, ("Content-Length", "5")])
    return [b"1234567890"]


def body_of_204(environ, start_response):
    start_response("204 No Content", [])
    return [b"content"]


def body_of_304(environ, start_response):
    start_response("304 Not Modified", [("Etag", '"a"')])
    return [b"content"]


def no_start(environ, start_response):
    return [b"content"]


def two_starts(environ, start_response):
    start_response("200 OK", TEXT)
    start_response("200 OK", TEXT)
    return [b"content"]


def replaced(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-First", "yes")])
    try:
        raise ValueError("before the fields were sent")
    except ValueError:
        start_response("500 Failed", TEXT, sys.exc_info())
    return [b"replaced"]


def too_late(environ, start_response):
    start_response("200 OK", TEXT)
    yield b"content"
    try:
        raise ValueError("after the fields were sent")
    except ValueError:
        start_response("500 Failed", TEXT, sys.exc_info())


def text_body(environ, start_response):
    start_response("200 OK", TEXT)
    return ["text"]


def injection(environ, start_response):
    start_response("200 OK", [*TEXT, ("X-A", "1\r\nX-B: 2")])
    return [b"content"]


def framing(environ, start_response):
    start_response("200 OK", [*TEXT, ("Connection", "close")])
    return [b"content"]


def lines(environ, start_response):
    stream = environ["wsgi.input"]
    found = [stream.readline(), stream.readline(3), *stream.readlines()]
    return tell(start_response, [line.decode("latin-1") for line in found])


def iterated(environ, start_response):
    return tell(start_response, [line.decode("latin-1") for line in environ["wsgi.input"]])


def some(environ, start_response):
    stream = environ["wsgi.input"]
    size = int(environ.get("CONTENT_LENGTH") or 0)
    found = [stream.read(3), stream.read(0), stream.read(max(0, size - 3)), stream.read(100)]
    return tell(start_response, [piece.decode("latin-1") for piece in found])


def everything(environ, start_response):
    stream = environ["wsgi.input"]
    return tell(start_response, [given.summary(stream.read()), given.summary(stream.read())])


def unread(environ, start_response):
    start_response("200 OK", TEXT)
    return [b"unread"]


@validator
def validated(environ, start_response):
    stream = environ["wsgi.input"]
    body = stream.read(int(environ.get("CONTENT_LENGTH") or 0))
    start_response("200 OK", [*TEXT, ("Content-Length", str(len(body)))])
    return [body]


def errors(environ, start_response):
    environ["wsgi.errors"].write("a line for the log\n")
    environ["wsgi.errors"].flush()
    start_response("200 OK", TEXT)
    return [b"logged"]


def fails(environ, start_response):
    raise ValueError("failed before the answer")


def leaves(environ, start_response):
    start_response("200 OK", TEXT)
    return given.endless_blocks()


def seen(environ, start_response):
    return tell(start_response, given.seen.get(environ["PATH_INFO"].rpartition("/")[2]))


PLACES = {
    call.__name__.replace("_", "-"): call
    for call in (
        environ, protocol, types, write, wrapper, wrapper_of_a_part, list_of_one, list_of_many, generator,
        late, empty, reason, closing, failing, short, long, body_of_204, body_of_304, no_start, two_starts,
        replaced, too_late, text_body, injection, framing, lines, iterated, some, everything, unread, errors,
        fails, leaves, seen,
    )
}  # fmt: skip
PLACES["validated"] = validated


def app(environ, start_response):
    return PLACES[environ["PATH_INFO"].split("/")[1]](environ, start_response)

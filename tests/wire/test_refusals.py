"""Requests that are refused before the application sees them: one table for every backend."""

import json

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.refusals.table import TABLE
from kyoukai.testing.named_refusals import named_refusal

from ..serving import Answering, chunks, echo, message

TE = "Transfer-Encoding: chunked"
TOO_LARGE = 12 * 1024 * 1024 + 1

CASES = {
    "no Host": (400, b"GET / HTTP/1.1\r\n\r\n"),
    "two Hosts": (400, message("GET", "/", "Host: localhost")),
    "Host that is none": (400, b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    "empty Host": (400, b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    "Content-Length and Transfer-Encoding": (400, message("POST", "/", TE, body=b"12345")),
    "two equal Content-Lengths": (400, message("POST", "/", "Content-Length: 1", body=b"x")),
    "two different Content-Lengths": (400, message("POST", "/", "Content-Length: 2", body=b"x")),
    "a list in Content-Length": (400, message("POST", "/", "Content-Length: 1, 1")),
    "a sign in Content-Length": (400, message("POST", "/", "Content-Length: +1")),
    "an overflow in Content-Length": (400, message("POST", "/", "Content-Length: " + "9" * 30)),
    "Transfer-Encoding in HTTP/1.0": (400, message("POST", "/", TE, version="1.0") + chunks(b"x")),
    "chunked not last": (400, message("POST", "/", "Transfer-Encoding: chunked, gzip")),
    "chunked twice": (400, message("POST", "/", "Transfer-Encoding: chunked, chunked")),
    "an unknown transfer coding": (501, message("POST", "/", "Transfer-Encoding: gzip, chunked")),
    "a chunk size that is none": (400, message("POST", "/", TE) + b"xyz\r\n"),
    "a chunk size with 0x": (400, message("POST", "/", TE) + b"0x5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk size with a sign": (400, message("POST", "/", TE) + b"+5\r\nabcde\r\n0\r\n\r\n"),
    "a chunk not followed by CRLF": (400, message("POST", "/", TE) + b"5\r\nabcdeXX0\r\n\r\n"),
    "a chunk size with bare LF": (400, message("POST", "/", TE) + b"5\nabcde\r\n0\r\n\r\n"),
    "a bare LF in the request line": (400, b"GET / HTTP/1.1\nHost: a\r\n\r\n"),
    "a bare LF after a field": (400, b"GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n"),
    "a bare CR in a value": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"),
    "a NUL in a value": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n"),
    "a folded field": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n"),
    "a space before the colon": (400, b"GET / HTTP/1.1\r\nHost : a\r\n\r\n"),
    "a space before the first field": (400, b"GET / HTTP/1.1\r\n Host: a\r\n\r\n"),
    "an empty field name": (400, b"GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n"),
    "a field without a colon": (400, b"GET / HTTP/1.1\r\nHost: a\r\nX\r\n\r\n"),
    "a target without a slash": (400, message("GET", "page")),
    "a fragment": (400, message("GET", "/#part")),
    "a backslash in a path": (400, message("GET", "/a\\b")),
    "a request line without a target": (400, b"GET HTTP/1.1\r\nHost: a\r\n\r\n"),
    "a request line of two words": (400, b"GET foo\r\n"),
    "the asterisk for GET": (400, message("GET", "*")),
    "another scheme": (400, message("GET", "ftp://example.org/")),
    "an unknown method": (501, message("BREW", "/")),
    "a lower-case method": (501, message("get", "/")),
    "CONNECT": (501, message("CONNECT", "example.org:443")),
    "HTTP/2.0": (505, message(version="2.0")),
    "HTTP/0.9 with a version": (505, message(version="0.9")),
    "HTTP/0.9": (505, b"GET /\r\n"),
    "HTTP/0.9 and an empty line": (505, b"GET /\r\n\r\n"),
    "the HTTP/2 preface": (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "a version that is none": (400, b"GET / HTTX/1.1\r\nHost: a\r\n\r\n"),
    "garbage": (400, b"\x80\x81\x82 garbage\r\n\r\n"),
    "a TLS hello": (400, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(64))),
    "a long target": (414, message("GET", "/" + "x" * 8192)),
    "a very long target": (414, message("GET", "/" + "x" * 100_000)),
    "a long field": (431, message("GET", "/", "X: " + "x" * 16384)),
    "a very long field": (431, message("GET", "/", "X: " + "x" * 100_000)),
    "a long head": (431, message("GET", "/", *[f"X-{n}: {'x' * 8000}" for n in range(9)])),
    "many fields": (431, message("GET", "/", *[f"X-{n}: x" for n in range(100)])),
    "many trailers": (
        431,
        message("POST", "/", TE) + b"0\r\n" + b"".join(b"X-%d: x\r\n" % n for n in range(101)) + b"\r\n",
    ),
    "empty lines without end": (431, b"\r\n" * 40_000),
    "a large body, declared": (413, message("POST", "/", f"Content-Length: {TOO_LARGE}")),
    "an unknown expectation": (417, message("POST", "/", "Expect: magic", body=b"x")),
}


@pytest.fixture
def unreachable():
    @Answering
    async def app(request):
        raise AssertionError("the application was called")

    return app


@pytest.mark.parametrize("case", CASES)
def test_status_and_close(serve, unreachable, case):
    status, data = CASES[case]
    server = serve(unreachable)
    with server.connect() as client:
        answer = client.request(data)
        assert (answer.status, answer.fields["connection"]) == (status, "close")
        assert answer.fields["content-length"] == str(len(answer.body))
        assert client.receive_rest() == b""
    server.wait_until_empty()


@pytest.mark.parametrize(
    "case", ["no Host", "a bare LF after a field", "an unknown method", "a large body, declared"]
)
def test_one_warning_is_logged_of_many(serve, unreachable, case, caplog):
    caplog.set_level("INFO")
    server = serve(unreachable)
    caplog.clear()
    answers = [server.request(CASES[case][1]) for _ in range(3)]
    [record] = [record for record in caplog.records if record.name != "kyoukai.access"]
    assert (record.levelname, record.name) == ("WARNING", "kyoukai.refusals")
    refusal = named_refusal(answers[0].body)
    entry = TABLE[refusal]
    assert record.getMessage() == (
        f"refused with {entry.status}: {refusal}: {entry.sentence} From 127.0.0.1."
        f" Run 'kyoukai explain {refusal}', or read \"Refusals\" in the reference"
    )


def test_suppressed_warnings_are_summed_up_at_the_end(serve, unreachable, caplog):
    server = serve(unreachable)
    for _ in range(3):
        server.request(CASES["no Host"][1])
    caplog.clear()
    server.stop()
    [record] = [record for record in caplog.records if record.name == "kyoukai.refusals"]
    assert "host-missing: The Host field is missing. 2 more in " in record.getMessage()


@pytest.mark.parametrize("case", ["no Host", "a chunk size that is none", "a folded field", "HTTP/2.0"])
def test_refusal_follows_the_answers_to_earlier_requests(serve, case):
    status, data = CASES[case]
    with serve(echo).connect() as client:
        client.send(message("GET", "/1") + message("POST", "/2", body=b"two") + data + message("GET", "/3"))
        assert client.receive().body == b"GET /1 "
        assert client.receive().body == b"POST /2 two"
        assert client.receive().status == status
        assert client.receive_rest() == b""


def test_a_body_that_passes_the_limit_in_chunks(serve, unreachable):
    with serve(unreachable, limits={"max_body_size": 1000}).connect() as client:
        answer = client.request(message("POST", "/", TE) + chunks(*[b"x" * 100] * 11))
        assert (answer.status, answer.fields["connection"]) == (413, "close")
        assert client.receive_rest() == b""


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_of_just_the_limit_is_served(serve, chunked):
    body = b"x" * 1000
    data = message("POST", "/", TE) + chunks(body) if chunked else message("POST", "/", body=body)
    assert serve(echo, limits={"max_body_size": 1000}).request(data).body == b"POST / " + body


def test_limits_themselves_are_served(serve):
    with serve(echo).connect() as client:
        assert client.request(message("GET", "/" + "x" * 8191)).status == 200
        assert client.request(message("GET", "/", "X: " + "x" * 16383)).status == 200
        assert client.request(message("GET", "/", *[f"X-{n}: x" for n in range(99)])).status == 200


@pytest.mark.parametrize(
    ("accept", "mimetype"),
    [
        (None, "text/plain"),
        ("*/*", "text/plain"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/json", "application/json"),
        ("application/problem+json", "application/problem+json"),
        ("image/png", "text/plain"),
    ],
)
def test_the_form_of_the_body(serve, accept, mimetype):
    fields = () if accept is None else (f"Accept: {accept}",)
    answer = serve(echo).request(message("POST", "/", *fields, "Content-Length: nine"))
    assert answer.status == 400
    assert answer.fields["content-type"].split(";")[0] == mimetype
    assert named_refusal(answer.body) == "content-length-malformed"
    if mimetype.endswith("json"):
        assert json.loads(answer.body)["status"] == 400
    else:
        assert b"Bad Request" in answer.body


def test_head_gets_no_body(serve):
    with serve(echo).connect() as client:
        answer = client.request(message("HEAD", "/", "Host: twice"), "HEAD")
        assert answer.status == 400
        assert client.receive_rest() == b""


def test_fault_after_a_closing_answer_is_not_read(serve):
    @Answering
    async def app(request):
        return Response("last", headers={"Connection": "close"})

    with serve(app).connect() as client:
        client.send(message() + b"garbage\r\n\r\n")
        assert client.receive().body == b"last"
        assert client.receive_rest() == b""

import pytest

from kyoukai.testing import read_answers
from kyoukai.testing.answers import Asked

DATE = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
GET = [Asked("GET")]


def answer(*fields, status="200 OK", date=DATE, content=b""):
    return (
        f"HTTP/1.1 {status}\r\n{date}{''.join(f'{field}{chr(13)}{chr(10)}' for field in fields)}\r\n".encode(
            "latin-1"
        )
        + content
    )


OK = answer("Content-Length: 2", content=b"ok")
CHUNKED = "Transfer-Encoding: chunked"


def read(data, asked=GET, *, ended=False, aborted=False):
    return read_answers(data, asked, ended=ended, aborted=aborted)


def test_one_answer():
    answers, continued, faults = read(answer("X-A: 1", "x-a:  2 ", "Content-Length: 2", content=b"ok"))
    assert (continued, faults) == (0, ())
    [only] = answers
    assert (only.status, only.reason, only.content, only.complete) == (200, "OK", b"ok", True)
    assert only.fields == {"x-a": "1, 2", "content-length": "2"}
    assert only.get("date") == "Sun, 06 Nov 1994 08:49:37 GMT"
    assert only.get("x-a") == "1, 2"
    assert only.get("x-b") is None
    assert not only.closes


def test_a_date_makes_no_difference_and_all_else_does():
    later = DATE.replace("37", "38")
    assert read(answer("Content-Length: 0")) == read(answer("Content-Length: 0", date=later))
    assert read(OK) != read(answer("Content-Length: 2", content=b"no"))
    assert read(OK) != read(answer("Content-Length: 2", "X: 1", content=b"ok"))


def test_several_answers_and_interim_ones():
    going_on = b"HTTP/1.1 100 Continue\r\n\r\n"
    answers, continued, faults = read(going_on + OK + going_on + OK)
    assert [item.status for item in answers] == [200, 200]
    assert continued == 2
    assert faults == ()


def test_nothing():
    assert read(b"") == ((), 0, ())


def test_chunks():
    [only], _, faults = read(answer(CHUNKED, content=b"2\r\nab\r\n3;\r\n"))
    assert faults == ("not a chunk size line: b'3;\\r\\n'",)
    assert not only.complete
    answers, _, faults = read(answer(CHUNKED, content=b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n") + OK)
    assert [item.content for item in answers] == [b"abc", b"ok"]
    assert faults == ()


@pytest.mark.parametrize("asked", [Asked("HEAD"), Asked("GET", "HTTP/1.0")], ids=lambda asked: asked.method)
def test_answers_to_a_list_of_requests(asked):
    data = OK + answer(
        "Content-Length: 2", "Connection: close", content=b"" if asked.method == "HEAD" else b"ok"
    )
    answers, _, faults = read(data, [Asked("GET"), asked], ended=True)
    assert faults == ()
    assert all(item.complete for item in answers)
    assert answers[1].content == (b"" if asked.method == "HEAD" else b"ok")


@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_answers_without_content(status):
    [first, second], _, faults = read(answer(status=status) + OK)
    assert (first.content, first.complete, second.content) == (b"", True, b"ok")
    assert faults == ()


def test_content_up_to_the_end():
    data = answer("Connection: close", content=b"abc")
    assert read(data, ended=True).answers[0].complete
    assert read(data, ended=True).answers[0].content == b"abc"
    assert not read(data, ended=False).answers[0].complete
    assert not read(data, ended=True, aborted=True).answers[0].complete


@pytest.mark.parametrize(
    "data",
    [
        b"HT",
        b"HTTP/1.1 200 OK\r\nDa",
        OK[:-1],
        answer(CHUNKED, content=b"2"),
        answer(CHUNKED, content=b"2\r\nab"),
        answer(CHUNKED, content=b"2\r\nab\r"),
        answer(CHUNKED, content=b"2\r\nab\r\n"),
        answer(CHUNKED, content=b"2\r\nab\r\n0\r\n"),
    ],
)
def test_truncated_answer_is_not_a_fault(data):
    [only], _, faults = read(data, ended=True)
    assert not only.complete
    assert faults == ()


def test_the_method_may_be_unknown():
    refused = answer("Content-Length: 2", "Connection: close", status="400 Bad Request")
    [only], _, faults = read(refused, [Asked(None)], ended=True)
    assert (only.complete, faults) == (True, ())
    [only], _, faults = read(refused + b"no", [Asked(None)], ended=True)
    assert (only.complete, only.content, faults) == (True, b"no", ())
    [only], _, faults = read(refused + b"n", [Asked(None)], ended=True)
    assert not only.complete


@pytest.mark.parametrize(
    ("data", "asked", "fault"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\n", GET, "not the start of an answer"),
        (b"HTTP/1.1 200\r\n\r\n", GET, "not the start of an answer"),
        (b"HTTP/1.1  200 OK\r\n\r\n", GET, "not the start of an answer"),
        (b"HTTP/1.1 099 OK\r\n\r\n", GET, "not the start of an answer"),
        (b"nonsense", GET, "not the start of an answer"),
        (OK + b"\r\n", GET, "not the start of an answer"),
        (answer("Content-Length: 0", date=""), GET, "Date is missing"),
        (answer("Content-Length: 0", date="Date: now\r\n"), GET, "not an IMF-fixdate"),
        (answer("Content-Length: 0", date=DATE + DATE), GET, "date appears more than once"),
        (answer("Content-Length: 0", date=DATE.replace("GMT", "UTC")), GET, "not an IMF-fixdate"),
        (answer("Content-Length: 0", "Content-Length: 0"), GET, "content-length appears more than once"),
        (answer("Content-Length: 2", CHUNKED, content=b"0\r\n\r\n"), GET, "both Content-Length and Transfer"),
        (answer("Content-Length: +2", content=b"ok"), GET, "its Content-Length is '+2'"),
        (answer("Transfer-Encoding: gzip, chunked", content=b"0\r\n\r\n"), GET, "its Transfer-Encoding is"),
        (answer(CHUNKED, content=b"0\r\n\r\n"), [Asked("GET", "HTTP/1.0")], "the request was HTTP/1.0"),
        (answer("Content-Length: 0", status="204 No Content"), GET, "Transfer-Encoding, but no content"),
        (answer(CHUNKED, status="204 No Content"), GET, "Transfer-Encoding, but no content"),
        (answer(status="204 No Content", content=b"ok"), GET, "not the start of an answer: b'ok'"),
        (answer("Content-Length: 2", content=b"ok"), [Asked("HEAD")], "not the start of an answer: b'ok'"),
        (answer(status="304 Not Modified", content=b"ok"), GET, "not the start of an answer: b'ok'"),
        (answer(), GET, "it does not say close"),
        (answer("Content-Length: 0", "X : 1"), GET, "'X : 1' is not a valid field line"),
        (answer("Content-Length: 0", " folded"), GET, "' folded' is not a valid field line"),
        (answer("Content-Length: 0", "X: a\rb"), GET, "is not a valid field line"),
        (answer("Content-Length: 0", "X: a\nY: b"), GET, "is not a valid field line"),
        (answer("Content-Length: 0", "X: \0"), GET, "is not a valid field line"),
        (answer("Content-Length: 0", ": x"), GET, "is not a valid field line"),
        (answer(CHUNKED, content=b"2\r\nabc\r\n0\r\n\r\n"), GET, "a chunk of 2 bytes is followed by b'c\\r'"),
        (answer(CHUNKED, content=b"x\r\n"), GET, "not a chunk size line:"),
        (answer(CHUNKED, content=b"0\r\nX: 1\r\n\r\n"), GET, "a chunk of 0 bytes is followed by b'X:'"),
        (answer("Content-Length: 0", "Connection: close") + OK, GET, "follow the answer that said close"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", GET, "101 was not requested"),
        (
            b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n",
            GET,
            "100: it has Content-Length or Transfer-Encoding",
        ),
    ],
)
def test_faults(data, asked, fault):
    faults = read(data, asked, ended=True).faults
    assert len(faults) == 1
    assert fault in faults[0]

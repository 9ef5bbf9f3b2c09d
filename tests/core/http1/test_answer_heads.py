"""The head of an answer as HTTP/1 has it: its bytes, and what delimits the message."""

import itertools
from typing import Any, NamedTuple

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.exchange.answer import prepare_answer
from kyoukai.core.http1.answer_heads import Head, make_head, own_fields, serialize_head
from kyoukai.core.semantics.answer_head import AnswerHead
from kyoukai.core.semantics.framing import ResponseFraming
from kyoukai.core.semantics.serialize import InvalidResponseError, read_head

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"

Headers = list[tuple[str, str]]

FIVE = AnswerHead("200 OK", size=5, has_content=True)
EMPTY = AnswerHead("200 OK", size=0)
STREAM = AnswerHead("200 OK", has_content=True)
NOTHING = AnswerHead("200 OK")


def serialize(
    headers: Headers = [],  # noqa: B006 - never changed
    *,
    status: str = "200 OK",
    size: int | None = 5,
    method: str = "GET",
    version: str = "1.1",
    close: bool = False,
    date: str = "",
    server: str = "",
) -> bytes:
    """Return the bytes of an answer's head."""
    answer = read_head(status, headers, size, method)
    return serialize_head(answer, version, close).complete(date, server)


def lines(head: bytes) -> list[bytes]:
    """Return the fields of a head, whose shape is checked."""
    _, *fields = head.split(b"\r\n")
    assert head.startswith(b"HTTP/1.1 ")
    assert fields[-2:] == [b"", b""]
    return fields[:-2]


def test_head() -> None:
    head = serialize(
        [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("x-own", "")],
        date=DATE,
        server="kyoukai",
    )
    assert head == (
        b"HTTP/1.1 200 OK\r\n"
        b"Content-Type: text/plain\r\n"
        b"Set-Cookie: a=1\r\n"
        b"Set-Cookie: b=2\r\n"
        b"x-own: \r\n"
        b"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        b"Server: kyoukai\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n"
    )


@pytest.mark.parametrize("status", ["204 NO CONTENT", "404 NOT FOUND", "299 Caf\xe9", "999 "])
def test_status_line(status: str) -> None:
    # RFC 9112 section 4: the version is ours, whatever the client's.
    for version in ("1.0", "1.1"):
        head = serialize(status=status, version=version)
        assert head.startswith(f"HTTP/1.1 {status}\r\n".encode("latin-1"))


def test_the_space_before_no_reason_is_sent() -> None:
    # RFC 9112 section 4: "A server MUST send the space", even when the reason-phrase is absent.
    assert serialize(status="200").startswith(b"HTTP/1.1 200 \r\n")


@pytest.mark.parametrize(
    ("answer", "version", "close", "expected"),
    [
        pytest.param(FIVE, "1.1", False, [b"Content-Length: 5"], id="RFC9112-6.2"),
        pytest.param(EMPTY, "1.1", False, [b"Content-Length: 0"], id="empty"),
        pytest.param(STREAM, "1.1", False, [b"Transfer-Encoding: chunked"], id="RFC9112-6.1"),
        pytest.param(NOTHING, "1.1", False, [], id="RFC9110-8.6-neither"),
        pytest.param(FIVE, "1.1", True, [b"Content-Length: 5", b"Connection: close"], id="RFC9112-9.6"),
        pytest.param(
            STREAM,
            "1.1",
            True,
            [b"Transfer-Encoding: chunked", b"Connection: close"],
            id="RFC9112-9.6-chunked",
        ),
        pytest.param(
            FIVE, "1.0", False, [b"Content-Length: 5", b"Connection: keep-alive"], id="RFC9112-C.2.2"
        ),
        pytest.param(FIVE, "1.0", True, [b"Content-Length: 5", b"Connection: close"], id="RFC9112-9.6-1.0"),
        pytest.param(STREAM, "1.0", False, [b"Connection: close"], id="RFC9112-6.3-until-close"),
        pytest.param(NOTHING, "1.0", False, [b"Connection: keep-alive"], id="RFC9112-C.2.2-bodiless"),
    ],
)
def test_fields_of_the_server(answer: AnswerHead, version: str, close: bool, expected: list[bytes]) -> None:
    # Twice: what was made of an answer once is taken again.
    for _ in range(2):
        assert lines(serialize_head(answer, version, close).complete("", "")) == expected


@pytest.mark.parametrize("name", ["Date", "DATE", "date"])
def test_date(name: str) -> None:
    assert lines(serialize(date=DATE))[:-1] == [b"Date: " + DATE.encode()]
    own = "Mon, 07 Nov 1994 08:49:37 GMT"
    assert lines(serialize([(name, own)], date=DATE))[:-1] == [f"{name}: {own}".encode()]


@pytest.mark.parametrize("name", ["Server", "SERVER", "server"])
def test_server(name: str) -> None:
    assert lines(serialize(server="kyoukai"))[:-1] == [b"Server: kyoukai"]
    assert lines(serialize([(name, "own")], server="kyoukai"))[:-1] == [f"{name}: own".encode()]
    assert lines(serialize(server=""))[:-1] == []


@pytest.mark.parametrize("control", ["\r", "\n", "\r\n", "\r\n\r\n", "\n\r", "\0"])
@pytest.mark.parametrize("what", ["date", "server"])
def test_server_fields_split_no_head(what: str, control: str) -> None:
    with pytest.raises(InvalidResponseError):
        serialize([("A", "1")], **{what: f"kyo{control}ukai"})  # type: ignore[arg-type]


def test_a_head_is_completed_anew_when_the_date_changes() -> None:
    head = serialize_head(read_head("200 OK", [("A", "1")], 5, "GET"), "1.1", False)
    assert (head.date, head.server, head.whole) == (None, None, b"")
    assert head.complete("then", "kyoukai") == head.whole
    assert (head.date, head.server) == ("then", "kyoukai")
    later = head.whole.replace(b"then", b"later").replace(b"Server: kyoukai\r\n", b"")
    assert head.complete("later", "") == later == head.whole
    assert head.complete("", "") == b"HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 5\r\n\r\n"


def test_a_head_is_made_once_for_each_way_that_it_is_sent() -> None:
    answer = AnswerHead("200 OK", size=5, has_content=True)
    made = {
        (version, close): serialize_head(answer, version, close)
        for version in ("1.0", "1.1")
        for close in (False, True)
    }
    assert len(set(map(id, made.values()))) == 4
    for (version, close), head in made.items():
        assert serialize_head(answer, version, close) is head
        assert head.framing.close is close
    # RFC 9110 section 2.5: a minor version above is served as ours.
    assert serialize_head(answer, "1.9", False) is made["1.1", False]
    # Another one that is alike has its own.
    other: Any = AnswerHead("200 OK", size=5, has_content=True)
    assert serialize_head(other, "1.1", False) is not made["1.1", False]
    assert make_head(answer, "1.1", False) is not made["1.1", False]


def test_the_fields_that_a_server_sets_by_itself() -> None:
    assert own_fields("", "") == b""
    assert own_fields("then", "") == b"Date: then\r\n"
    assert own_fields("", "kyoukai") == b"Server: kyoukai\r\n"
    assert own_fields("then", "kyoukai") == b"Date: then\r\nServer: kyoukai\r\n"
    assert own_fields.cache_info().maxsize == 16


FRAMED: Headers = [
    ("Content-Length", "7"),
    ("content-length", "8"),
    ("Transfer-Encoding", "chunked"),
    ("transfer-encoding", "gzip, chunked"),
    ("Connection", "close"),
    ("Connection", "keep-alive"),
    ("Upgrade", "websocket"),
]


@pytest.mark.parametrize("close", [False, True])
@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_never_both_content_length_and_transfer_encoding(version: str, close: bool) -> None:
    """Whatever an application sets, a head delimits its message once: RFC 9112 section 6.1."""
    header_sets = [list(some) for size in (0, 1, 2) for some in itertools.combinations(FRAMED, size)]
    header_sets.append(FRAMED)
    combinations = itertools.product(("GET", "HEAD"), (200, 204, 304, 404), (None, 0, 5), header_sets)
    for method, status, size, headers in combinations:
        answer = read_head(str(status), [("X", "y"), *headers], size, method)
        head = serialize_head(answer, version, close)
        fields = lines(head.complete(DATE, ""))
        names = [field.partition(b":")[0].lower() for field in fields]
        case = (method, status, size, headers, fields)
        assert not {b"content-length", b"transfer-encoding"} <= set(names), case
        assert len(names) == len(set(names)), case
        assert b"upgrade" not in names, case
        assert (b"Connection: close" in fields) is head.framing.close, case
        assert (b"Connection: keep-alive" in fields) is (version == "1.0" and not head.framing.close), case
        assert head.framing.close or not close, case
        if version == "1.0" or status in (204, 304) or method == "HEAD":
            assert b"transfer-encoding" not in names, case


# From a Werkzeug response


class Answer(NamedTuple):
    """A response made ready for the wire."""

    head: bytes
    body: bytes | None
    framing: ResponseFraming
    status: int = 200


def prepare(
    response: Response, method: str = "GET", protocol: str = "HTTP/1.1", *, close: bool = False
) -> Answer:
    answer, content = prepare_answer(response, {"REQUEST_METHOD": method})
    head: Head = serialize_head(answer, protocol.removeprefix("HTTP/"), close)
    return Answer(head.complete("then", "kyoukai"), content, head.framing, answer.code)


def streamed(pieces: list[bytes]) -> Response:
    return Response(iter(pieces))


def test_answer() -> None:
    answer = prepare(Response("caf\xe9", headers={"X-Own": "1"}))
    assert answer == (
        b"HTTP/1.1 200 OK\r\n"
        b"X-Own: 1\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\n"
        b"Date: then\r\n"
        b"Server: kyoukai\r\n"
        b"Content-Length: 5\r\n"
        b"\r\n",
        b"caf\xc3\xa9",
        ResponseFraming(5, False, True, False),
        200,
    )


def test_answer_to_1_0() -> None:
    answer = prepare(Response("abc"), protocol="HTTP/1.0")
    assert answer.head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.head.endswith(b"Content-Length: 3\r\nConnection: keep-alive\r\n\r\n")


def test_streamed_answer() -> None:
    answer = prepare(streamed([b"abc"]))
    assert answer.body is None
    assert answer.framing == ResponseFraming(None, True, True, False)
    assert answer.head.endswith(b"Transfer-Encoding: chunked\r\n\r\n")


def test_streamed_answer_to_1_0() -> None:
    answer = prepare(streamed([b"abc"]), protocol="HTTP/1.0")
    assert answer.framing == ResponseFraming(None, False, True, True)
    assert answer.head.endswith(b"\r\nServer: kyoukai\r\nConnection: close\r\n\r\n")


def test_streamed_answer_of_declared_length() -> None:
    response = streamed([b"abc"])
    response.headers["Content-Length"] = "3"
    answer = prepare(response)
    assert answer.framing == ResponseFraming(3, False, True, False)
    assert answer.head.count(b"Content-Length: 3\r\n") == 1


def test_the_length_of_a_body_in_memory_is_counted() -> None:
    answer = prepare(Response("abc", headers={"Content-Length": "7"}))
    assert answer.framing == ResponseFraming(3, False, True, False)
    assert answer.head.count(b"Content-Length:") == 1
    assert b"Content-Length: 3\r\n" in answer.head


def test_answer_to_head() -> None:
    answer = prepare(Response("abc"), "HEAD")
    assert answer.framing == ResponseFraming(3, False, False, False)
    assert answer.head.endswith(b"Content-Length: 3\r\n\r\n")


@pytest.mark.parametrize("status", [204, 304])
def test_answer_without_a_body(status: int) -> None:
    answer = prepare(Response(status=status))
    assert answer.framing == ResponseFraming(None, False, False, False)
    assert b"Content-Length" not in answer.head
    assert b"Transfer-Encoding" not in answer.head


def test_the_connection_ends_where_the_caller_says_so() -> None:
    answer = prepare(Response("abc"), close=True)
    assert answer.framing.close
    assert answer.head.endswith(b"Connection: close\r\n\r\n")


@pytest.mark.parametrize(
    "values",
    [["close"], ["Close"], ["x-own, close"], ["x-own", "close"], ["close", "x-own"]],
    ids=["RFC9112-9.6", "case", "list", "RFC9110-5.3-second-field", "RFC9110-5.3-first-field"],
)
def test_the_connection_ends_where_the_application_says_so(values: list[str]) -> None:
    response = Response("abc")
    for value in values:
        response.headers.add("Connection", value)
    answer = prepare(response)
    assert answer.framing.close
    assert answer.head.endswith(b"Content-Length: 3\r\nConnection: close\r\n\r\n")
    assert answer.head.count(b"Connection:") == 1


def test_connection_persists_by_default() -> None:
    answer = prepare(Response("abc", headers={"Connection": "keep-alive"}))
    assert not answer.framing.close
    assert b"Connection" not in answer.head


def test_repeated_answer_equals_a_single_one() -> None:
    """Each line differs from the one before it in one thing that a head depends on."""
    again = Response("abc")
    first = prepare(again)
    assert prepare(again) == prepare(again) == first
    assert b"Content-Length: 4\r\n" in prepare(Response("abcd")).head
    assert not prepare(again, "HEAD").framing.send_body
    assert prepare(again, "HEAD", "HTTP/1.0").head.endswith(b"Connection: keep-alive\r\n\r\n")
    assert prepare(again, close=True).head.endswith(b"Connection: close\r\n\r\n")
    again.status_code = 404
    assert prepare(again).head.startswith(b"HTTP/1.1 404 ")
    again.headers["X-Own"] = "1"
    assert b"X-Own: 1\r\n" in prepare(again).head
    assert prepare(Response("abc")) == first


@pytest.mark.parametrize(
    ("status", "version", "close", "expected"),
    [
        (426, "1.1", False, [b"Upgrade: websocket", b"Connection: Upgrade"]),
        (426, "1.1", True, [b"Upgrade: websocket", b"Connection: close, Upgrade"]),
        (426, "1.0", True, [b"Connection: close"]),
        (200, "1.1", False, []),
    ],
)
def test_upgrade_field_of_an_answer(status: int, version: str, close: bool, expected: list[bytes]) -> None:
    answer = read_head(f"{status} Status", [("Upgrade", "websocket")], 0, "GET")
    data = serialize_head(answer, version, close).complete("", "")
    found = [line for line in data.split(b"\r\n") if line.startswith((b"Upgrade", b"Connection"))]
    assert found == expected


def test_an_upgrade_splits_nothing() -> None:
    with pytest.raises(InvalidResponseError, match="'Upgrade' has CR, LF or NUL"):
        read_head("426 Upgrade Required", [("Upgrade", "a\r\nB: c")], 0, "GET")

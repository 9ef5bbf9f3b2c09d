"""From what an application set to the head of an answer: what is sent, what is not, and what is refused."""

import pytest

from kyoukai.core.errors import KyoukaiError
from kyoukai.core.semantics.serialize import (
    InvalidResponseError,
    declared_length,
    read_head,
    wants_close,
)

Headers = list[tuple[str, str]]


def lines(headers: Headers, *, status: str = "200 OK") -> list[bytes]:
    """Return the field lines of an answer, which say what its fields do."""
    head = read_head(status, headers, None, "GET")
    assert head.lines == "".join(f"{name}: {value}\r\n" for name, value in head.fields).encode("latin-1")
    return head.lines.split(b"\r\n")[:-1]


def test_a_head() -> None:
    fields = [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("x-own", "")]
    head = read_head("201 Made", iter(fields), 5, "POST")
    assert (head.status, head.code, head.size, head.has_content) == ("201 Made", 201, 5, True)
    assert head.fields == tuple(fields)
    assert head.lines == (b"Content-Type: text/plain\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nx-own: \r\n")
    assert (head.closes, head.has_date, head.has_server) == (False, False, False)


@pytest.mark.parametrize(
    ("method", "size", "declared", "expected"),
    [
        pytest.param(None, 5, None, (5, True), id="GET-by-default"),
        pytest.param("HEAD", 5, None, (5, False), id="RFC9110-9.3.2"),
        pytest.param("GET", None, "7", (7, True), id="declared"),
        pytest.param("GET", 5, "7", (5, True), id="declared-wrongly"),
        pytest.param("GET", None, None, (None, True), id="stream"),
    ],
)
def test_the_size_that_a_head_declares(
    method: str | None, size: int | None, declared: str | None, expected: tuple[int | None, bool]
) -> None:
    head = read_head("200 OK", [] if declared is None else [("Content-Length", declared)], size, method)
    assert (head.size, head.has_content) == expected
    assert head.fields == ()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([], (False, False, False), id="nothing"),
        pytest.param([("Connection", "close")], (True, False, False), id="close"),
        pytest.param([("connection", "close"), ("Connection", "x")], (True, False, False), id="close-first"),
        pytest.param([("Connection", "x"), ("Connection", "close")], (True, False, False), id="close-last"),
        pytest.param([("Connection", "keep-alive")], (False, False, False), id="keep-alive"),
        pytest.param([("dATE", "now")], (False, True, False), id="Date"),
        pytest.param([("sERVER", "own")], (False, False, True), id="Server"),
        pytest.param([("Server", "own"), ("Date", "now"), ("A", "b")], (False, True, True), id="both"),
    ],
)
def test_fields_requested_by_an_application(fields: Headers, expected: tuple[bool, bool, bool]) -> None:
    head = read_head("200 OK", fields, 5, "GET")
    assert (head.closes, head.has_date, head.has_server) == expected


@pytest.mark.parametrize(
    "name",
    [
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "TE",
        "Transfer-Encoding",
        "Upgrade",
        "Content-Length",
        "CONNECTION",
        "transfer-encoding",
        "tRANSFER-eNCODING",
        "content-length",
    ],
)
def test_fields_of_the_server_are_not_copied(name: str) -> None:
    # RFC 9110 section 7.6.1 and RFC 9112 section 6.1
    assert lines([("A", "1"), (name, "7"), ("B", "2")]) == [b"A: 1", b"B: 2"]


@pytest.mark.parametrize(
    "name", ["Trailer", "Content-Type", "Content-Lengths", "Connections", "Dated", "X-TE"]
)
def test_the_rest_is_copied(name: str) -> None:
    assert lines([(name, "7")]) == [f"{name}: 7".encode()]


@pytest.mark.parametrize("name", ["Location", "Content-Location", "location"])
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("/a?b=c#d", "/a?b=c#d", id="RFC3986"),
        pytest.param("/caf\xe9", "/caf%C3%A9", id="RFC3987-path"),
        pytest.param("/caf%C3%A9", "/caf%C3%A9", id="escaped-already"),
        pytest.param("/?q=\u2603", "/?q=%E2%98%83", id="RFC3987-query"),
        pytest.param("http://\u2603.net/", "http://xn--n3h.net/", id="RFC3490-host"),
        pytest.param("/a b", "/a%20b", id="space"),
        pytest.param("http://[2001:db8::1]:8080/", "http://[2001:db8::1]:8080/", id="IPv6"),
    ],
)
def test_location(name: str, value: str, expected: str) -> None:
    assert lines([(name, value)]) == [f"{name}: {expected}".encode("ascii")]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("http://[::1/", id="unclosed-bracket"),
        pytest.param("//[", id="only-a-bracket"),
        pytest.param("http://example.com:port/", id="port-no-number"),
        pytest.param("http://example.com:99999/", id="port-out-of-range"),
        pytest.param("http://a..\xe9/", id="empty-label"),
        pytest.param("http://" + "\xe9" * 100 + "/", id="label-too-long"),
        pytest.param("/\udc80", id="lone-surrogate"),
    ],
)
def test_invalid_location(value: str) -> None:
    # redirect(request.args["next"]) brings whatever a client likes. InvalidResponseError is one too.
    with pytest.raises(ValueError, match=r"."):
        lines([("Location", value)])


CONTROLS = [
    pytest.param("\r", id="CR"),
    pytest.param("\n", id="LF"),
    pytest.param("\r\n", id="CRLF"),
    pytest.param("\r\n\r\n", id="CRLFCRLF"),
    pytest.param("\n\r", id="LFCR"),
    pytest.param("\0", id="NUL"),
]


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize(
    "template",
    [
        pytest.param(("200 O{}K", "X", "y"), id="CVE-2026-34519-reason"),
        pytest.param(("200 OK{}", "X", "y"), id="reason-end"),
        pytest.param(("{}200 OK", "X", "y"), id="status-start"),
        pytest.param(("200 OK", "X{}Set-Cookie", "y"), id="name"),
        pytest.param(("200 OK", "{}X", "y"), id="name-start"),
        pytest.param(("200 OK", "X{}", "y"), id="name-end"),
        pytest.param(("200 OK", "Connection{}", "y"), id="name-owned"),
        pytest.param(("200 OK", "X", "y{}Set-Cookie: z"), id="CVE-2020-7695-value"),
        pytest.param(("200 OK", "X", "{}y"), id="value-start"),
        pytest.param(("200 OK", "X", "y{}"), id="value-end"),
        pytest.param(("200 OK", "Date", "y{}"), id="date"),
        pytest.param(("200 OK", "Server", "y{}"), id="server"),
        pytest.param(("200 OK", "Location", "/y{}Set-Cookie: z"), id="location"),
        pytest.param(("200 OK", "Content-Location", "/y{}"), id="content-location"),
    ],
)
def test_nothing_is_split(template: tuple[str, str, str], control: str) -> None:
    # RFC 9110 section 5.5: CR, LF and NUL are invalid and dangerous.
    status, name, value = (text.replace("{}", control) for text in template)
    with pytest.raises(InvalidResponseError):
        lines([("A", "1"), (name, value), ("B", "2")], status=status)


def test_the_message_of_a_refusal_is_safe_to_log() -> None:
    for value in ("secret\r\nSet-Cookie: a=b", "secret\u2603"):
        with pytest.raises(InvalidResponseError) as caught:
            lines([("X", value)])
        assert "\n" not in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("", id="empty"),
        pytest.param("Content-Length ", id="space-before-the-colon"),
        pytest.param("Transfer-Encoding\t", id="tab-before-the-colon"),
        pytest.param(" X", id="RFC9112-5.2-folds-the-line-before"),
        pytest.param("Transfer-Encoding: chunked, x", id="another-field-inside"),
        pytest.param("Content-Length:", id="another-colon"),
        pytest.param("X Y", id="space"),
        pytest.param("X\x0bY", id="control"),
        pytest.param("Caf\xe9", id="obs-text"),
    ],
)
def test_a_name_that_is_no_token(name: str) -> None:
    """RFC 9110 section 5.1: field-name = token. One that is none hides framing from this module."""
    with pytest.raises(InvalidResponseError):
        lines([(name, "7")])


def test_values_are_latin_1() -> None:
    assert lines([("X", "caf\xe9 \xff")]) == [b"X: caf\xe9 \xff"]


@pytest.mark.parametrize(
    ("status", "name", "value"),
    [
        ("200 OK", "X", "\u2603"),
        ("200 \u2603", "X", "y"),
        ("200 OK", "\u2603", "y"),
        ("200 OK", "X", "\udc80"),
    ],
    ids=["value", "reason", "name", "lone-surrogate"],
)
def test_non_latin_1_values_are_refused(status: str, name: str, value: str) -> None:
    with pytest.raises(InvalidResponseError):
        lines([(name, value)], status=status)


def test_the_error() -> None:
    assert issubclass(InvalidResponseError, KyoukaiError)
    assert issubclass(InvalidResponseError, ValueError)
    with pytest.raises(InvalidResponseError, match=r"^'\u2603' in the field 'B' is not latin-1$"):
        lines([("A", "a"), ("B", "\u2603"), ("C", "\u2603")])
    with pytest.raises(InvalidResponseError, match=r"^the field 'B' has CR, LF or NUL in it$"):
        lines([("A", "a"), ("B", "\r")])


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0", 0), ("5", 5), ("007", 7), ("12345678901234567890", 12345678901234567890)],
)
def test_declared_length(value: str, expected: int) -> None:
    assert declared_length(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("", id="empty"),
        pytest.param("five", id="word"),
        pytest.param("-5", id="minus"),
        pytest.param("+5", id="CVE-2023-47627-plus"),
        pytest.param("5 ", id="space"),
        pytest.param("5, 5", id="list"),
        pytest.param("5.0", id="fraction"),
        pytest.param("0x5", id="CVE-2023-47627-hex"),
        pytest.param("1_0", id="CVE-2023-47627-underscore"),
        pytest.param("\u0665", id="CVE-2025-69224-arabic-digit"),
        pytest.param("\xb2", id="CVE-2025-69224-superscript"),
        pytest.param("5\n", id="line-feed"),
    ],
)
def test_invalid_declared_length(value: str) -> None:
    with pytest.raises(InvalidResponseError):
        declared_length(value)


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        pytest.param("", False, id="empty"),
        pytest.param("close", True, id="RFC9112-9.6"),
        pytest.param("Close", True, id="RFC9110-7.6.1-case"),
        pytest.param("x-own , close", True, id="RFC9110-7.6.1-list"),
        pytest.param("close,x-own", True, id="RFC9110-7.6.1-first"),
        pytest.param("keep-alive", False, id="keep-alive"),
        pytest.param("x-closed", False, id="RFC9110-7.6.1-token-in-a-token"),
        pytest.param("upgrade", False, id="upgrade"),
    ],
)
def test_wants_close(connection: str, expected: bool) -> None:
    assert wants_close(connection) is expected


def test_references_that_stay_as_they_are() -> None:
    fields = [("Location", "/?a[]=\xe9"), ("Content-Location", "/{a}")]
    assert read_head("200 OK", fields, 0, "GET", as_sent=True).fields == tuple(fields)
    assert read_head("200 OK", fields, 0, "GET").fields != tuple(fields)

"""From a response to the bytes of its head: what is sent, what is not, and what is refused."""

import itertools
from dataclasses import replace

import pytest

from kyoukai.core.errors import KyoukaiError
from kyoukai.core.exchange.serialize import (
    InvalidResponseError,
    declared_length,
    read_fields,
    read_status,
    serialize_head,
    wants_close,
)
from kyoukai.core.semantics.framing import ResponseFraming, response_framing

DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
FIVE = ResponseFraming(5, False, True, False)
CHUNKED = ResponseFraming(None, True, True, False)
UNTIL_CLOSE = ResponseFraming(None, False, True, True)
NOTHING = ResponseFraming(None, False, False, False)

Headers = list[tuple[str, str]]


def serialize(
    headers: Headers = [],  # noqa: B006 - never changed
    framing: ResponseFraming = NOTHING,
    *,
    status: str = "200 OK",
    version: str = "1.1",
    date: str = "",
    server: str = "",
) -> bytes:
    read_status(status)
    return serialize_head(status, read_fields(headers), framing, version=version).complete(date, server)


def lines(head: bytes) -> list[bytes]:
    """Return the fields of a head, whose shape is checked."""
    status_line, *fields = head.split(b"\r\n")
    assert status_line == b"HTTP/1.1 200 OK"
    assert fields[-2:] == [b"", b""]
    return fields[:-2]


def test_head() -> None:
    head = serialize(
        [("Content-Type", "text/plain"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("x-own", "")],
        FIVE,
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
        head = serialize(status=status, framing=FIVE, version=version)
        assert head.startswith(f"HTTP/1.1 {status}\r\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("framing", "version", "expected"),
    [
        pytest.param(FIVE, "1.1", [b"Content-Length: 5"], id="RFC9112-6.2"),
        pytest.param(ResponseFraming(0, False, False, False), "1.1", [b"Content-Length: 0"], id="empty"),
        pytest.param(CHUNKED, "1.1", [b"Transfer-Encoding: chunked"], id="RFC9112-6.1"),
        pytest.param(NOTHING, "1.1", [], id="RFC9110-8.6-neither"),
        pytest.param(
            replace(FIVE, close=True), "1.1", [b"Content-Length: 5", b"Connection: close"], id="RFC9112-9.6"
        ),
        pytest.param(
            replace(CHUNKED, close=True),
            "1.1",
            [b"Transfer-Encoding: chunked", b"Connection: close"],
            id="RFC9112-9.6-chunked",
        ),
        pytest.param(FIVE, "1.0", [b"Content-Length: 5", b"Connection: keep-alive"], id="RFC9112-C.2.2"),
        pytest.param(
            replace(FIVE, close=True),
            "1.0",
            [b"Content-Length: 5", b"Connection: close"],
            id="RFC9112-9.6-1.0",
        ),
        pytest.param(UNTIL_CLOSE, "1.0", [b"Connection: close"], id="RFC9112-6.3-until-close"),
        pytest.param(NOTHING, "1.0", [b"Connection: keep-alive"], id="RFC9112-C.2.2-bodiless"),
    ],
)
def test_what_the_server_says(framing: ResponseFraming, version: str, expected: list[bytes]) -> None:
    assert lines(serialize(framing=framing, version=version)) == expected


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
def test_what_the_server_owns_is_not_copied(name: str) -> None:
    # RFC 9110 section 7.6.1 and RFC 9112 section 6.1
    assert lines(serialize([("A", "1"), (name, "7"), ("B", "2")])) == [b"A: 1", b"B: 2"]


@pytest.mark.parametrize(
    "name", ["Trailer", "Content-Type", "Content-Lengths", "Connections", "Dated", "X-TE"]
)
def test_the_rest_is_copied(name: str) -> None:
    assert lines(serialize([(name, "7")])) == [f"{name}: 7".encode()]


@pytest.mark.parametrize("name", ["Date", "DATE", "date"])
def test_date(name: str) -> None:
    assert lines(serialize(date=DATE)) == [b"Date: " + DATE.encode()]
    own = "Mon, 07 Nov 1994 08:49:37 GMT"
    assert lines(serialize([(name, own)], date=DATE)) == [f"{name}: {own}".encode()]


@pytest.mark.parametrize("name", ["Server", "SERVER", "server"])
def test_server(name: str) -> None:
    assert lines(serialize(server="kyoukai")) == [b"Server: kyoukai"]
    assert lines(serialize([(name, "own")], server="kyoukai")) == [f"{name}: own".encode()]
    assert lines(serialize(server="")) == []


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
    assert lines(serialize([(name, value)])) == [f"{name}: {expected}".encode("ascii")]


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
def test_a_location_that_is_none(value: str) -> None:
    # redirect(request.args["next"]) brings whatever a client likes. InvalidResponseError is one too.
    with pytest.raises(ValueError, match=r"."):
        serialize([("Location", value)])


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
        pytest.param(("200 O{}K", "X", "y", ""), id="CVE-2026-34519-reason"),
        pytest.param(("200 OK{}", "X", "y", ""), id="reason-end"),
        pytest.param(("{}200 OK", "X", "y", ""), id="status-start"),
        pytest.param(("200 OK", "X{}Set-Cookie", "y", ""), id="name"),
        pytest.param(("200 OK", "{}X", "y", ""), id="name-start"),
        pytest.param(("200 OK", "X{}", "y", ""), id="name-end"),
        pytest.param(("200 OK", "Connection{}", "y", ""), id="name-owned"),
        pytest.param(("200 OK", "X", "y{}Set-Cookie: z", ""), id="CVE-2020-7695-value"),
        pytest.param(("200 OK", "X", "{}y", ""), id="value-start"),
        pytest.param(("200 OK", "X", "y{}", ""), id="value-end"),
        pytest.param(("200 OK", "Date", "y{}", ""), id="date"),
        pytest.param(("200 OK", "Server", "y{}", ""), id="server"),
        pytest.param(("200 OK", "Location", "/y{}Set-Cookie: z", ""), id="location"),
        pytest.param(("200 OK", "Content-Location", "/y{}", ""), id="content-location"),
        pytest.param(("200 OK", "X", "y", "kyo{}ukai"), id="own-server-field"),
    ],
)
def test_nothing_is_split(template: tuple[str, str, str, str], control: str) -> None:
    # RFC 9110 section 5.5: CR, LF and NUL are invalid and dangerous.
    status, name, value, server = (text.replace("{}", control) for text in template)
    with pytest.raises(InvalidResponseError):
        serialize([("A", "1"), (name, value), ("B", "2")], FIVE, status=status, server=server)


def test_the_message_of_a_refusal_is_safe_to_log() -> None:
    for value in ("secret\r\nSet-Cookie: a=b", "secret\u2603"):
        with pytest.raises(InvalidResponseError) as caught:
            serialize([("X", value)])
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
        serialize([(name, "7")], FIVE)


def test_values_are_latin_1() -> None:
    assert lines(serialize([("X", "caf\xe9 \xff")])) == [b"X: caf\xe9 \xff"]


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
def test_what_is_not_latin_1_is_refused(status: str, name: str, value: str) -> None:
    with pytest.raises(InvalidResponseError):
        serialize([(name, value)], status=status)


def test_the_error() -> None:
    assert issubclass(InvalidResponseError, KyoukaiError)
    assert issubclass(InvalidResponseError, ValueError)
    with pytest.raises(InvalidResponseError, match=r"^'\u2603' in the field 'B' is not latin-1$"):
        serialize([("A", "a"), ("B", "\u2603"), ("C", "\u2603")])
    with pytest.raises(InvalidResponseError, match=r"^the field 'B' has CR, LF or NUL in it$"):
        serialize([("A", "a"), ("B", "\r")])


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
    combinations = itertools.product(
        ("GET", "HEAD"), (200, 204, 304, 404), (None, 0, 5), (None, 0, 7), header_sets
    )
    for method, status, size, declared, headers in combinations:
        framing = response_framing(
            method=method, version=version, status=status, size=size, declared=declared, close=close
        )
        fields = lines(serialize([("X", "y"), *headers], framing, version=version, date=DATE))
        names = [field.partition(b":")[0].lower() for field in fields]
        case = (method, status, size, declared, headers, fields)
        assert not {b"content-length", b"transfer-encoding"} <= set(names), case
        assert len(names) == len(set(names)), case
        assert b"upgrade" not in names, case
        assert (b"Connection: close" in fields) is framing.close, case
        assert (b"Connection: keep-alive" in fields) is (version == "1.0" and not framing.close), case
        if version == "1.0" or status in (204, 304) or method == "HEAD":
            assert b"transfer-encoding" not in names, case


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
def test_declared_length_that_is_none(value: str) -> None:
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

"""The part of an environ that a head gives: the names, the values, and that the table of names is bounded."""

from typing import Any

import pytest

from kyoukai.core.errors import BadRequest, HeaderFieldsTooLarge
from kyoukai.core.semantics import variables as module
from kyoukai.core.semantics.variables import (
    DROPPED,
    HEAD,
    MAX_NAME_SIZE,
    MAX_NAMES,
    field_variables,
    head_variables,
    variable_name,
)

MAX_FIELDS = 5


@pytest.fixture(autouse=True)
def names(monkeypatch: pytest.MonkeyPatch) -> dict[bytes, str]:
    """The table of names, empty before each test."""
    table: dict[bytes, str] = {}
    monkeypatch.setattr(module, "_variables", table)
    return table


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        pytest.param(b"Host", "HTTP_HOST", id="PEP3333"),
        pytest.param(b"host", "HTTP_HOST", id="RFC9110-5.1-case"),
        pytest.param(b"User-Agent", "HTTP_USER_AGENT", id="dash"),
        pytest.param(b"Content-Length", "CONTENT_LENGTH", id="PEP3333-content-length"),
        pytest.param(b"CONTENT-TYPE", "CONTENT_TYPE", id="PEP3333-content-type"),
        pytest.param(b"Content-Language", "HTTP_CONTENT_LANGUAGE", id="content-language"),
        pytest.param(b"X!#$%&'*+.^`|~9", "HTTP_X!#$%&'*+.^`|~9", id="RFC9110-5.6.2-token"),
        pytest.param(b"Http-Host", "HTTP_HTTP_HOST", id="prefixed"),
        pytest.param(b"Content_Length", DROPPED, id="alias-of-content-length"),
        pytest.param(b"X_Forwarded-For", DROPPED, id="alias"),
        pytest.param(b"_", DROPPED, id="underscore"),
    ],
)
def test_variable_name(name: bytes, variable: str) -> None:
    assert variable_name(name) == variable


def test_fields() -> None:
    fields = [(b"Host", b"example.com"), (b"accept", b"*/*"), (b"Content-Type", b"text/plain")]
    assert field_variables(fields, MAX_FIELDS) == {
        "HTTP_HOST": "example.com",
        "HTTP_ACCEPT": "*/*",
        "CONTENT_TYPE": "text/plain",
    }
    assert field_variables([], MAX_FIELDS) == {}


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param([(b"A", b"1"), (b"a", b"2"), (b"A", b"3")], {"HTTP_A": "1,2,3"}, id="RFC9110-5.3"),
        pytest.param(
            [(b"A", b"1"), (b"B", b"2"), (b"A", b"3")], {"HTTP_A": "1,3", "HTTP_B": "2"}, id="apart"
        ),
        pytest.param([(b"A", b""), (b"A", b"")], {"HTTP_A": ","}, id="empty"),
        pytest.param(
            [(b"Cookie", b"a=1"), (b"cookie", b"b=2")], {"HTTP_COOKIE": "a=1; b=2"}, id="RFC6265-5.4"
        ),
        pytest.param([(b"A", b" \t b c \t")], {"HTTP_A": "b c"}, id="RFC9112-5.1-white-space"),
        pytest.param([(b"A", b" \t ")], {"HTTP_A": ""}, id="RFC9112-5.1-only-white-space"),
        pytest.param([(b"A", b"\xa0b\x85")], {"HTTP_A": "\xa0b\x85"}, id="RFC9110-5.6.3-other-white-space"),
        pytest.param(
            [(b"A", bytes(range(0x80, 0x100)))],
            {"HTTP_A": "".join(map(chr, range(0x80, 0x100)))},
            id="RFC9110-5.5-obs-text",
        ),
        pytest.param([(b"A_B", b"1"), (b"A-B", b"2"), (b"A_B", b"3")], {"HTTP_A_B": "2"}, id="underscore"),
        pytest.param(
            [(b"Content_Length", b"5"), (b"Content_Length", b"6")], {}, id="underscore-of-a-singleton"
        ),
    ],
)
def test_values(fields: list[tuple[bytes, bytes]], expected: dict[str, str]) -> None:
    assert field_variables(fields, MAX_FIELDS) == expected


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param(b"Host", b"host", id="CVE-2026-34525"),
        pytest.param(b"Content-Length", b"CONTENT-LENGTH", id="CVE-2020-10108"),
        pytest.param(b"Content-Type", b"content-type", id="RFC9110-8.3"),
    ],
)
def test_fields_that_may_not_repeat(name: bytes, other: bytes) -> None:
    for value in (b"5", b"6", b""):
        with pytest.raises(BadRequest, match="came more than once"):
            field_variables([(name, b"5"), (b"A", b"1"), (other, value)], MAX_FIELDS)


# The limit, exactly, and one above.
@pytest.mark.parametrize(
    ("fields", "is_accepted"),
    [
        pytest.param([(b"A%d" % i, b"") for i in range(5)], True, id="fields-5"),
        pytest.param([(b"A%d" % i, b"") for i in range(6)], False, id="fields-6"),
        pytest.param([(b"A", b"1")] * 5, True, id="fields-5-of-one-name"),
        pytest.param([(b"A", b"1")] * 6, False, id="fields-6-of-one-name"),
        pytest.param([(b"A_", b"1")] * 6, False, id="fields-6-dropped"),
        # More than one thing is wrong: the number is told, which is seen first as they come.
        pytest.param([(b"Host", b"a")] * 6, False, id="fields-6-that-may-come-once"),
    ],
)
def test_max_fields(fields: list[tuple[bytes, bytes]], is_accepted: bool) -> None:
    if is_accepted:
        field_variables(fields, MAX_FIELDS)
    else:
        with pytest.raises(HeaderFieldsTooLarge):
            field_variables(fields, MAX_FIELDS)


def test_a_name_is_learnt(names: dict[bytes, str]) -> None:
    field_variables([(b"Host", b"a")], MAX_FIELDS)
    field_variables([(b"Host", b"b"), (b"A_B", b"")], MAX_FIELDS)
    assert names == {b"Host": "HTTP_HOST", b"A_B": DROPPED}
    # And what was learnt gives the same answer again.
    assert field_variables([(b"Host", b"c"), (b"A_B", b"d")], MAX_FIELDS) == {"HTTP_HOST": "c"}


def test_no_client_can_fill_the_memory_with_names(names: dict[bytes, str]) -> None:
    for i in range(MAX_NAMES + 50):
        assert field_variables([(b"X-%d" % i, b"v")], MAX_FIELDS) == {f"HTTP_X_{i}": "v"}
    assert len(names) == MAX_NAMES == 1024
    assert b"X-1023" in names
    assert b"X-1024" not in names


def test_long_names_are_not_kept(names: dict[bytes, str]) -> None:
    kept, not_kept = b"X" * MAX_NAME_SIZE, b"X" * (MAX_NAME_SIZE + 1)
    variables = field_variables([(kept, b"1"), (not_kept, b"2")], MAX_FIELDS)
    assert variables == {"HTTP_" + "X" * 64: "1", "HTTP_" + "X" * 65: "2"}
    assert list(names) == [kept]


def head(version: str = "1.1", **fields: str) -> dict[str, Any]:
    return head_variables("GET", b"/caf%C3%A9?q=%20", version, "/caf\xc3\xa9", "q=%20", fields, "kyoukai")


def test_head() -> None:
    assert head(HTTP_HOST="example.com") == {
        **HEAD,
        "SERVER_SOFTWARE": "kyoukai",
        "HTTP_HOST": "example.com",
        "REQUEST_METHOD": "GET",
        "PATH_INFO": "/caf\xc3\xa9",
        "QUERY_STRING": "q=%20",
        "RAW_URI": "/caf%C3%A9?q=%20",
        "REQUEST_URI": "/caf%C3%A9?q=%20",
        "SERVER_PROTOCOL": "HTTP/1.1",
    }


def test_heads_share_no_mutable_state() -> None:
    before = dict(HEAD)
    fields = {"HTTP_HOST": "example.com"}
    head_variables("GET", b"/", "1.1", "/", "", fields, "kyoukai")["SCRIPT_NAME"] = "/evil"
    assert before == HEAD
    assert fields == {"HTTP_HOST": "example.com"}


@pytest.mark.parametrize(
    ("version", "protocol"),
    [
        pytest.param("1.0", "HTTP/1.0", id="1.0"),
        pytest.param("1.1", "HTTP/1.1", id="1.1"),
        pytest.param("1.9", "HTTP/1.1", id="RFC9110-2.5-served-as-ours"),
        pytest.param("2", "HTTP/2", id="RFC9113-3"),
    ],
)
def test_protocol(version: str, protocol: str) -> None:
    assert head(version)["SERVER_PROTOCOL"] == protocol


def test_no_field_overrides_a_server_variable() -> None:
    names = [b"Wsgi.Url-Scheme", b"Server-Name", b"Remote-Addr", b"Path-Info", b"Script-Name"]
    result = head(**field_variables([(name, b"evil") for name in names], MAX_FIELDS))
    assert {name: result[name] for name in head()} == head()

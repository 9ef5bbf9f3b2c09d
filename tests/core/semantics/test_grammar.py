"""The grammar: what each pattern matches, and that none takes long to find that it does not."""

import re

import pytest

from kyoukai.core.errors import BadRequest, VersionNotSupported
from kyoukai.core.semantics import grammar

TCHARS = b"!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def octets(pattern):
    """Return the octets that the pattern matches alone."""
    return bytes(octet for octet in range(256) if pattern.fullmatch(bytes([octet])))


def test_a_token_is_made_of_tchars():
    assert set(range(256)) - set(octets(grammar.NOT_TCHAR)) == set(TCHARS)


def test_a_target_is_made_of_visible_ascii():
    assert set(range(256)) - set(octets(grammar.NOT_VCHAR)) == set(range(0x21, 0x7F))


def test_a_field_value_is_made_of_visible_octets_space_and_tab():
    allowed = {octet for octet in range(256) if grammar.FIELD_LINE.fullmatch(b"a:" + bytes([octet]))}
    assert allowed == {0x09, *range(0x20, 0x7F), *range(0x80, 0x100)}


@pytest.mark.parametrize("version", [b"1.0", b"1.1", b"1.2", b"1.9"])
def test_version_of_major_one(version):
    assert grammar.parse_version(b"HTTP/" + version) == version


@pytest.mark.parametrize("version", [b"HTTP/2.0", b"HTTP/3.0", b"HTTP/0.9", b"HTTP/9.9"])
def test_version_of_another_major(version):
    with pytest.raises(VersionNotSupported):
        grammar.parse_version(version)


@pytest.mark.parametrize(
    "version",
    [
        b"",
        b"HTTP",
        b"HTTP/1",
        b"HTTP/2",
        b"HTTP/1.",
        b"HTTP/.1",
        b"http/1.1",
        b"HTTP/1.10",
        b"HTTP/01.1",
        b" HTTP/1.1",
        b"HTTP/1.1 ",
        b"HTTP/1,1",
        b"HTTP/-1.1",
        b"HTTP/1.\xb2",
        b"HTTPS/1.1",
        b"HTTP /1.1",
        b"HTTP/1.1\n",
    ],
)
def test_malformed_version(version):
    with pytest.raises(BadRequest, match="HTTP version"):
        grammar.parse_version(version)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b"Host: a", (b"Host", b"a")),
        (b"Host:a", (b"Host", b"a")),
        (b"Host:", (b"Host", b"")),
        (b"Host: \t ", (b"Host", b"")),
        (b"Host: \t a b\tc \t", (b"Host", b"a b\tc")),
        (b"Host: a:80", (b"Host", b"a:80")),
        (b"x: \x80\xff\xa0", (b"x", b"\x80\xff\xa0")),
        (b"x: \x85", (b"x", b"\x85")),
        (TCHARS + b": a", (TCHARS, b"a")),
    ],
)
def test_field_line(line, field):
    assert grammar.parse_field_line(line) == field


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b" Host: a", "begins with white space"),
        (b"\tHost: a", "begins with white space"),
        (b" ", "begins with white space"),
        (b"Host", "no colon"),
        (b"Host a", "no colon"),
        (b"Host : a", "followed by white space"),
        (b"Host\t: a", "followed by white space"),
        (b": a", "not a token"),
        (b"Ho st: a", "not a token"),
        (b"H\xf6st: a", "not a token"),
        (b"Host\x00: a", "not a token"),
        (b"Host\x0b: a", "not a token"),
        (b"(Host): a", "not a token"),
        (b"x: a\x00b", "control character"),
        (b"x: \x0bchunked", "control character"),
        (b"x: a\x7f", "control character"),
        (b"x: a\x1f", "control character"),
        (b"x: a\x1b[1m", "control character"),
    ],
)
def test_malformed_field_line(line, reason):
    with pytest.raises(BadRequest, match=reason):
        grammar.parse_field_line(line)


@pytest.mark.parametrize(
    ("line", "size", "extensions"),
    [
        (b"0", 0, 0),
        (b"000", 0, 0),
        (b"5", 5, 0),
        (b"1aF", 0x1AF, 0),
        (b"F" * 16, 2**64 - 1, 0),
        (b"0" * 15 + b"5", 5, 0),
        (b"5;a", 5, 2),
        (b"5;a=b;c", 5, 6),
        (b'5;a="x;\\"y\t\xff"', 5, 12),
        (b'5;a=b;c=""', 5, 9),
    ],
)
def test_chunk_size(line, size, extensions):
    assert grammar.parse_chunk_size(line) == (size, extensions)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" ",
        b" 5",
        b"5 ",
        b"5\t",
        b"+5",
        b"-5",
        b"0x5",
        b"0_2e",
        b"5h",
        b"\xb2",
        "\u0665".encode(),
        b"0" * 17,
        b";a",
        b"5;",
        b"5;;a",
        b"5;=b",
        b"5;a=",
        b"5;a b",
        b"5;a ",
        b"5 ;a",
        b"5\t;a",
        b"5; a",
        b"5;\ta",
        b"5;a =b",
        b"5;a= b",
        b"5;a=b ;c",
        b"5 \t; a = b",
        b"5;a\x00",
        b"5;a=\x01",
        b'5;a="',
        b'5;a="\x7f"',
        b"5;\x80",
    ],
)
def test_malformed_chunk_size(line):
    # What follows a right size and a semicolon is an extension.
    what = "extension" if re.match(rb"[0-9A-Fa-f]{1,16};", line) else "size"
    with pytest.raises(BadRequest, match=f"chunk {what}"):
        grammar.parse_chunk_size(line)


def test_head_matches_up_to_its_end():
    head = b"GET /a?b HTTP/1.1\r\nHost: a\r\nx:\r\n\r\n"
    match = grammar.HEAD.match(head + b"more\r\n\r\n")
    assert match.end() == len(head)
    assert match.groups() == (b"GET", b"/a?b", b"1.1", b"Host: a\r\nx:\r\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"A" * 32 + b" / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.9\r\nHost:a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \t a b\tc\r\nX: \x80\xff\r\n\r\n",
    ],
)
def test_head(head):
    assert grammar.HEAD.fullmatch(head)


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\r\n",
        b"GET / HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n",
        b"\r\nGET / HTTP/1.1\r\n\r\n",
        b"A" * 33 + b" / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.10\r\n\r\n",
        b"GET  / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1 \r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\n\n",
        b"GET / HTTP/1.1\r\nHost: a\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n b\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \x00\r\n\r\n",
        # Right, but for the long way: white space at the end of a line.
        b"GET / HTTP/1.1\r\nHost: a \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\t\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: \r\nHost: a\r\n\r\n",
    ],
)
def test_heads_that_the_fast_pattern_declines(head):
    assert grammar.HEAD.match(head) is None


@pytest.mark.parametrize(
    ("head", "groups"),
    [
        (b"GET ", (b"GET", b"", None)),
        (b"GET /a", (b"GET", b"/a", None)),
        (b"GET /a\xff HTTP/1.0\r\n", (b"GET", b"/a", None)),
        (b"GET /a HTTP/1.0", (b"GET", b"/a", None)),
        (b"GET /a HTTP/1.0\r\n", (b"GET", b"/a", b"1.0")),
        (b"GET /a HTTP/2.0\r\nHost", (b"GET", b"/a", b"2.0")),
    ],
)
def test_start(head, groups):
    assert grammar.START.match(head).groups() == groups


@pytest.mark.parametrize("head", [b"", b"GET", b"GET\r\n", b" / ", b"G(T / ", b"\x16\x03\x01 "])
def test_invalid_starts(head):
    assert grammar.START.match(head) is None


# Were one of these matched in quadratic time, it would take many seconds.
ALMOST = {
    "method": (grammar.HEAD, b"A" * 60000),
    "target": (grammar.HEAD, b"GET /" + b"a" * 60000),
    "white space behind a value": (grammar.HEAD, b"GET / HTTP/1.1\r\na:b" + b" " * 60000 + b"\r\n\r\n"),
    "white space behind values": (grammar.HEAD, b"GET / HTTP/1.1\r\n" + b"a:b \r\n" * 10000 + b"\r\n"),
    "field name": (grammar.HEAD, b"GET / HTTP/1.1\r\n" + b"a" * 60000),
    "field value": (grammar.HEAD, b"GET / HTTP/1.1\r\na:" + b" " * 60000 + b"\x00"),
    "fields": (grammar.HEAD, b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 12000 + b"\x00"),
    "fields and CR": (grammar.HEAD, b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 12000 + b"\r"),
    "field line (CVE-2020-5236)": (grammar.FIELD_LINE, b"Bad-header: " + b"x" * 60000 + b"\x10"),
    "field line without colon": (grammar.FIELD_LINE, b"x" * 60000),
    "field line of white space": (grammar.FIELD_LINE, b"x:" + b" \t" * 30000 + b"\x00"),
    "extensions": (grammar.CHUNK_LINE, b"5" + b";a" * 30000 + b"\x00"),
    "extensions with values": (grammar.CHUNK_LINE, b"5" + b";a=b" * 15000 + b"="),
    "extension in quotes": (grammar.CHUNK_LINE, b'5;a="' + b"\\x" * 30000),
    "extension of white space": (grammar.CHUNK_LINE, b"5;a" + b" " * 60000),
    "extension name": (grammar.CHUNK_LINE, b"5;" + b"a" * 60000 + b"("),
    "chunk line": (grammar.CHUNK_LINE_CRLF, b"5" + b";a" * 30000 + b"\r"),
    "chunk size": (grammar.CHUNK_LINE_CRLF, b"0" * 60000),
    "start": (grammar.START, b"GET " + b"/" * 60000 + b" HTTP/1.1\r"),
}


@pytest.mark.parametrize(("pattern", "data"), ALMOST.values(), ids=ALMOST.keys())
def test_no_match_is_found_in_linear_time(pattern, data):
    assert pattern.fullmatch(data) is None

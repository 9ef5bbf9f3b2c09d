import pytest

from kyoukai.backends.reference import grammar
from kyoukai.core.errors import BadRequest, NotImplementedByServer, VersionNotSupported

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
        (b"5 \t; a = b", 5, 9),
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
        b"5;a\x00",
        b"5;a=\x01",
        b'5;a="',
        b'5;a="\x7f"',
        b"5;\x80",
    ],
)
def test_malformed_chunk_size(line):
    with pytest.raises(BadRequest, match="chunk size"):
        grammar.parse_chunk_size(line)


@pytest.mark.parametrize(
    ("version", "connection", "persists"),
    [
        (b"1.1", [], True),
        (b"1.9", [], True),
        (b"1.0", [], False),
        (b"1.1", [b"close"], False),
        (b"1.1", [b"Close"], False),
        (b"1.1", [b"upgrade, \tCLOSE ,x"], False),
        (b"1.1", [b"x", b"close"], False),
        (b"1.1", [b"closed", b"not-close"], True),
        (b"1.1", [b"keep-alive, close"], False),
        (b"1.0", [b"keep-alive"], True),
        (b"1.0", [b"", b"x,Keep-Alive"], True),
        (b"1.0", [b"keep-alive", b"close"], False),
        (b"1.0", [b"\xa0keep-alive"], False),
    ],
)
def test_keep_alive(version, connection, persists):
    assert grammar.keep_alive(version, connection) is persists


@pytest.mark.parametrize(
    ("content_length", "transfer_encoding", "length"),
    [
        ([], [], 0),
        ([b"0"], [], 0),
        ([b"007"], [], 7),
        ([b"9" * 19], [], 10**19 - 1),
        ([], [b"chunked"], None),
        ([], [b"CHUNKED"], None),
    ],
)
def test_body_length(content_length, transfer_encoding, length):
    assert grammar.body_length(b"1.1", content_length, transfer_encoding) == length


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"+5",
        b"-5",
        b"5 5",
        b"5, 5",
        b"5,5",
        b"0x5",
        b"1_0",
        b"5.0",
        b"a",
        b"9" * 20,
        b"\xb2",
        "\u0665".encode(),
    ],
)
def test_malformed_content_length(value):
    with pytest.raises(BadRequest, match="decimal"):
        grammar.body_length(b"1.1", [value], [])


@pytest.mark.parametrize(
    ("version", "content_length", "transfer_encoding", "reason"),
    [
        (b"1.1", [b"5", b"5"], [], "more than one"),
        (b"1.1", [b"5"], [b"chunked"], "exclude"),
        (b"1.1", [b"x"], [b"x"], "exclude"),
        (b"1.0", [], [b"chunked"], r"HTTP/1\.0"),
        (b"1.1", [], [b"chunked", b"chunked"], "final"),
        (b"1.1", [], [b"chunked, gzip"], "final"),
        (b"1.1", [], [b"chunked", b"gzip"], "final"),
        (b"1.1", [], [b"chunked, gzip, chunked"], "final"),
        (b"1.1", [], [b"gzip"], "final"),
        (b"1.1", [], [b"identity"], "final"),
        (b"1.1", [], [b"chunked;q=1"], "final"),
        (b"1.1", [], [b""], "malformed"),
        (b"1.1", [], [b"chunked,"], "malformed"),
        (b"1.1", [], [b",chunked"], "malformed"),
        (b"1.1", [], [b"gzip chunked"], "malformed"),
        (b"1.1", [], [b"\xa0chunked"], "malformed"),
        (b"1.1", [], [b'"chunked"'], "malformed"),
        (b"1.1", [], [b"gzip;, chunked"], "malformed"),
        (b"1.1", [], [b"gzip;a, chunked"], "malformed"),
        (b"1.1", [], [b"xchunked\x00"], "malformed"),
    ],
)
def test_framing_that_is_an_error(version, content_length, transfer_encoding, reason):
    with pytest.raises(BadRequest, match=reason):
        grammar.body_length(version, content_length, transfer_encoding)


@pytest.mark.parametrize(
    "transfer_encoding",
    [[b"gzip, chunked"], [b"gzip", b"chunked"], [b'x-foo ; a=b;c="d e", Chunked'], [b"identity,chunked"]],
)
def test_transfer_coding_that_is_not_implemented(transfer_encoding):
    with pytest.raises(NotImplementedByServer, match="chunked"):
        grammar.body_length(b"1.1", [], transfer_encoding)


def test_head_matches_up_to_its_end():
    head = b"GET /a?b HTTP/1.1\r\nHost: a\r\nx:\r\n\r\n"
    match = grammar.HEAD.match(head + b"more\r\n\r\n")
    assert match.end() == len(head)
    assert match.groups() == (b"GET", b"/a?b", b"1.1", b"Host: a\r\nx:\r\n")


# Were one of these matched in quadratic time, it would take many seconds.
ALMOST = {
    "method": (grammar.HEAD, b"A" * 60000),
    "target": (grammar.HEAD, b"GET /" + b"a" * 60000),
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
    "transfer coding": (grammar.TRANSFER_CODING, b"gzip" + b";a=b" * 15000 + b"\x00"),
    "transfer coding of white space": (grammar.TRANSFER_CODING, b"gzip" + b" " * 60000),
}


@pytest.mark.parametrize(("pattern", "data"), ALMOST.values(), ids=ALMOST.keys())
def test_no_match_is_found_in_linear_time(pattern, data):
    assert pattern.fullmatch(data) is None

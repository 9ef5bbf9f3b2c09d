"""Heads and trailer sections: the same head, or the same fault, wherever the network cuts them."""

import random
from collections.abc import Iterable, Iterator
from typing import Any

import pytest

from kyoukai.core.errors import (
    BadRequest,
    HeaderFieldsTooLarge,
    NotImplementedByServer,
    ProtocolError,
    URITooLong,
    VersionNotSupported,
)
from kyoukai.core.http1.readers import (
    MAX_FIELD_WHITESPACE,
    read_fields,
    read_head,
    read_start,
    read_trailers,
    take_head,
)
from kyoukai.core.http1.receive_buffer import ReceiveBuffer
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.grammar import parse_field_line

DEFAULT = Limits()

SMALL = Limits(max_target_size=256, max_head_size=1024, max_field_size=300, max_fields=4)
"""Limits that a test can fill."""

Fault = tuple[type[ProtocolError], str | None]


def cuttings(data: bytes) -> Iterator[list[bytes]]:
    """Yield ``data`` whole, byte by byte, and in two at every position."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]


def drive(reader: Any, buffer: ReceiveBuffer, pieces: Iterable[bytes]) -> Any:
    """Feed a reader, and return what it returns, its fault, or ``None`` if it wants more."""
    result = None
    pieces = iter(pieces)
    try:
        for piece in pieces:
            buffer.feed(piece)
            next(reader)
            buffer.drop_read()
    except StopIteration as stop:
        result = stop.value
    except ProtocolError as error:
        return type(error), error.description
    for piece in pieces:
        buffer.feed(piece)
    return result


def read(pieces: Iterable[bytes], limits: Limits = DEFAULT) -> tuple[Any, bytes]:
    """Read a head, and return it or its fault, and what was not read."""
    buffer = ReceiveBuffer()
    result = drive(read_head(buffer, limits), buffer, pieces)
    return result, b"" if isinstance(result, tuple) else buffer.take_all()


def read_every_way(data: bytes, limits: Limits = DEFAULT) -> tuple[Any, bytes]:
    """Read a head by every cutting, check that it makes no difference, and return what comes of it."""
    whole = read([data], limits)
    for pieces in cuttings(data):
        assert read(pieces, limits) == whole, pieces
    return whole


def fault(data: bytes, limits: Limits = DEFAULT) -> Any:
    """Return the error that a head is refused with, or ``None``."""
    result, _ = read_every_way(data, limits)
    return result[0] if isinstance(result, tuple) else None


def take(data: bytes, limits: Limits = DEFAULT) -> tuple[bytes | None, bytes]:
    """Take a head, and return it and what was not read."""
    buffer = ReceiveBuffer()
    buffer.feed(data)
    head = take_head(buffer, limits.small_head_size)
    return head, buffer.take_all()


def meaning(head: bytes) -> tuple[bytes, list[tuple[bytes, bytes]]]:
    """Return the request line and the fields of a head."""
    request_line, *lines, end, nothing = head.split(b"\r\n")
    assert end == nothing == b""
    return request_line, [parse_field_line(line) for line in lines]


GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

HEADS = [
    GET,
    b"OPTIONS * HTTP/1.9\r\n\r\n",
    b"HEAD http://a/?b HTTP/1.0\r\nConnection: x, Keep-Alive\r\nObs: \x80\xff\r\n\r\n",
    b"POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"GET /caf%C3%A9?a=b&c HTTP/1.1\r\nHost: a\r\nX: b\tc  d\r\nX: e\r\n\r\n",
]


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("rest", [b"", b"\x00 whatever\r\n\r\n", GET])
def test_a_head_however_it_is_cut(head: bytes, rest: bytes) -> None:
    assert read_every_way(head + rest) == (head, rest)


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("before", [b"\r\n", b"\r\n\r\n\r\n"])
def test_empty_lines_before_a_head_are_no_part_of_it(head: bytes, before: bytes) -> None:
    # RFC 9112 section 2.2
    assert read_every_way(before + head + b"rest") == (head, b"rest")
    assert take(before + head) == (None, before + head)


@pytest.mark.parametrize(
    ("head", "plain"),
    [
        (b"GET / HTTP/1.1\r\nHost:a\r\n\r\n", GET),
        (b"GET / HTTP/1.1\r\nHost:\t \ta\r\n\r\n", GET),
        (b"GET / HTTP/1.1\r\nHost: a \r\n\r\n", GET),
        (b"GET / HTTP/1.1\r\nHost:a\t \t\r\n\r\n", GET),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: \t\r\n\r\n", GET[:-2] + b"X: \r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX:\r\n\r\n", GET[:-2] + b"X: \r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX:\xa0\x85\r\n\r\n", GET[:-2] + b"X: \xa0\x85\r\n\r\n"),
    ],
)
def test_white_space_around_a_value_is_one_space(head: bytes, plain: bytes) -> None:
    # RFC 9112 section 5.1: it is no part of the value, and each parser has its own idea of it.
    assert read_every_way(head) == (plain, b"")


@pytest.mark.parametrize("head", HEADS)
def test_taking_and_reading_give_the_same_head(head: bytes) -> None:
    for rest in (b"", b"\r\nrest", GET):
        assert take(head + rest) == read([head + rest]) == (head, rest)


@pytest.mark.parametrize("value", [b"", b"a", b"  a", b"\ta"])
def test_taking_leaves_the_white_space_before_a_value(value: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost: a\r\nX:" + value + b"\r\n\r\n"
    taken, _ = take(head)
    assert taken == head
    assert meaning(taken) == meaning(read([head])[0])


def test_one_head_in_one_feed_is_not_copied() -> None:
    buffer = ReceiveBuffer()
    data = b"".join([GET])
    buffer.feed(data)
    assert take_head(buffer, 1024) is data
    assert len(buffer) == 0


def test_a_head_is_bytes_whatever_is_held() -> None:
    for size in (1, 10, len(GET)):
        buffer = ReceiveBuffer()
        buffer.feed(GET[:size])
        buffer.feed(GET[size:] + GET)
        for _ in range(2):
            head = take_head(buffer, 1024)
            assert head == GET
            assert type(head) is bytes
        assert len(buffer) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n",
        GET[:-1],
        b"FOO / HTTP/1.1\r\n\r\n",
        b"CONNECT a:80 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/2.0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a \r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"a" * 300 + b"\r\n\r\n",
    ],
)
def test_fast_path_declines_doubtful_heads(data: bytes) -> None:
    assert take(data, SMALL) == (None, data)


@pytest.mark.parametrize("size", [299, 300, 301])
def test_a_head_is_taken_up_to_the_size_at_which_a_field_could_be_too_long(size: int) -> None:
    head = b"GET / HTTP/1.1\r\nX: " + b"a" * (size - 23) + b"\r\n\r\n"
    assert len(head) == size
    assert take(head, SMALL) == ((head, b"") if size <= 300 else (None, head))
    assert read_every_way(head, SMALL) == (head, b"")


def mutate(data: bytes, rng: random.Random) -> bytes:
    """Return ``data`` with some bytes replaced, taken out, put in, or a piece of it twice."""
    mutable = bytearray(data)
    for _ in range(rng.randrange(1, 3)):
        i = rng.randrange(len(mutable))
        match rng.randrange(4):
            case 0:
                mutable[i] = rng.choice(b'\r\n \t:;,\x00\x0b\x7f\x80\xffaZ059/.-_"')
            case 1:
                del mutable[i : i + rng.randrange(1, 3)]
            case 2:
                mutable[i:i] = rng.choice([b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b"\x00", b"a" * 200])
            case _:
                mutable[i:i] = mutable[rng.randrange(len(mutable)) :][: rng.randrange(1, 20)]
    return bytes(mutable)


@pytest.mark.parametrize("seed", range(10))
def test_fast_path_equals_the_slow_path(seed: int) -> None:
    rng = random.Random(seed)
    taken = 0
    for _ in range(60):
        data = mutate(rng.choice(HEADS), rng)
        limits = rng.choice([DEFAULT, SMALL])
        head, rest = take(data, limits)
        result = read_every_way(data, limits)
        if head is not None:
            # Taking leaves the target, and how many fields there are, to the policy.
            taken += 1
            if not isinstance(result[0], tuple):
                assert (meaning(head), rest) == (meaning(result[0]), result[1])
            else:
                assert result[0][0] in (BadRequest, HeaderFieldsTooLarge)
                assert result[0][0] is not HeaderFieldsTooLarge or len(meaning(head)[1]) > limits.max_fields
                assert result[0][0] is not BadRequest or "target" in result[0][1]
    assert taken


# What is refused, and with what

REFUSED = {
    "target missing": (b"GET\r\n\r\n", BadRequest),
    "target empty": (b"GET  HTTP/1.1\r\n\r\n", BadRequest),
    "two spaces before target": (b"GET  / HTTP/1.1\r\n\r\n", BadRequest),
    "two spaces before version": (b"GET /  HTTP/1.1\r\n\r\n", BadRequest),
    "tab for space": (b"GET\t/ HTTP/1.1\r\n\r\n", BadRequest),
    "tab before version": (b"GET /\tHTTP/1.1\r\n\r\n", BadRequest),
    "space before method": (b" GET / HTTP/1.1\r\n\r\n", BadRequest),
    "space after version": (b"GET / HTTP/1.1 \r\n\r\n", BadRequest),
    "space in target": (b"GET /a b HTTP/1.1\r\n\r\n", BadRequest),
    "target not ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\n\r\n", BadRequest),
    "NUL in target": (b"GET /\x00 HTTP/1.1\r\n\r\n", BadRequest),
    "DEL in target": (b"GET /\x7f HTTP/1.1\r\n\r\n", BadRequest),
    "target with a fragment": (b"GET /#a HTTP/1.1\r\n", BadRequest),
    "backslash in a path": (b"GET /a\\b HTTP/1.1\r\n", BadRequest),
    "asterisk, but not OPTIONS": (b"GET * HTTP/1.1\r\n", BadRequest),
    "method not a token": (b"G(T / HTTP/1.1\r\n\r\n", BadRequest),
    "method not ASCII": (b"G\xcbT / HTTP/1.1\r\n\r\n", BadRequest),
    "method empty": (b"/ HTTP/1.1\r\n\r\n", BadRequest),
    "endless method": (b"A" * 33, NotImplementedByServer),
    "long method": (b"A" * 33 + b" / HTTP/1.1\r\n\r\n", NotImplementedByServer),
    "unknown method": (b"FOO / HTTP/1.1\r\n", NotImplementedByServer),
    "unknown method of 32 bytes": (b"A" * 32 + b" / HTTP/1.1\r\n", NotImplementedByServer),
    "method in lower case": (b"get / HTTP/1.1\r\n", NotImplementedByServer),
    "tunnel": (b"CONNECT a:80 HTTP/1.1\r\n", NotImplementedByServer),
    "tunnel to anything": (b"CONNECT * HTTP/1.1\r\n", NotImplementedByServer),
    "version in lower case": (b"GET / http/1.1\r\n\r\n", BadRequest),
    "version of two digits": (b"GET / HTTP/1.10\r\n\r\n", BadRequest),
    "version without minor": (b"GET / HTTP/1\r\n\r\n", BadRequest),
    "endless version": (b"GET / HTTP/1.11", BadRequest),
    "HTTP/2.0": (b"GET / HTTP/2.0\r\n", VersionNotSupported),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", VersionNotSupported),
    "HTTP/3.0": (b"GET / HTTP/3.0\r\n", VersionNotSupported),
    "HTTP/0.9 by name": (b"GET / HTTP/0.9\r\n", VersionNotSupported),
    "HTTP/0.9": (b"GET /\r\n", VersionNotSupported),
    "HTTP/0.9 of an absolute URI": (b"GET http://a/\r\n", VersionNotSupported),
    "no target, which HTTP/0.9 has": (b"GET HTTP/1.1\r\n", BadRequest),
    "a word for a target, and no version": (b"GET foo\r\n", BadRequest),
    "an asterisk, and no version": (b"GET *\r\n", BadRequest),
    "a fragment, and no version": (b"GET /#a\r\n", BadRequest),
    "HTTP/0.9 but not GET": (b"POST /\r\n", BadRequest),
    "HTTP/0.9 with bare LF": (b"GET /\n", BadRequest),
    "HTTP/0.9 with bare CR": (b"GET /\rX", BadRequest),
    "TLS hello": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", BadRequest),
    "NUL": (b"\x00", BadRequest),
    "bare LF before": (b"\nGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare CR before": (b"\rGET / HTTP/1.1\r\n\r\n", BadRequest),
    "CR CR LF before": (b"\r\r\nGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare LF after an empty line": (b"\r\n\nGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare CR after an empty line": (b"\r\n\rGET / HTTP/1.1\r\n\r\n", BadRequest),
    "bare LF": (b"GET / HTTP/1.1\nHost: a\n\n", BadRequest),
    "bare CR": (b"GET / HTTP/1.1\rHost: a\r\r", BadRequest),
    "bare LF ends a field": (b"GET / HTTP/1.1\r\nx: y\nz: w\r\n\r\n", BadRequest),
    "bare CR ends a field (CVE-2023-30589)": (b"GET / HTTP/1.1\r\nx: y\rz: w\r\n\r\n", BadRequest),
    "bare CR after the head": (b"GET / HTTP/1.1\r\n\rX", BadRequest),
    "bare LF after the head": (b"GET / HTTP/1.1\r\nHost: a\r\n\n", BadRequest),
    "space before colon (CVE-2021-22959)": (b"GET / HTTP/1.1\r\nContent-Length : 5\r\n\r\n", BadRequest),
    "leading space (CVE-2024-27982)": (b"GET / HTTP/1.1\r\n Content-Length: 5\r\n\r\n", BadRequest),
    "folded (CVE-2022-32215)": (b"GET / HTTP/1.1\r\nX: chunked\r\n , x\r\n\r\n", BadRequest),
    "white space alone": (b"GET / HTTP/1.1\r\n \r\n\r\n", BadRequest),
    "no colon": (b"GET / HTTP/1.1\r\nHost\r\n\r\n", BadRequest),
    "empty name": (b"GET / HTTP/1.1\r\n: a\r\n\r\n", BadRequest),
    "name not a token": (b"GET / HTTP/1.1\r\na b: c\r\n\r\n", BadRequest),
    "NUL in value": (b"GET / HTTP/1.1\r\nx: a\x00b\r\n\r\n", BadRequest),
    "vertical tab (CVE-2019-16789)": (b"GET / HTTP/1.1\r\nx: \x0bchunked\r\n\r\n", BadRequest),
    "DEL in value": (b"GET / HTTP/1.1\r\nx: \x7f\r\n\r\n", BadRequest),
}


@pytest.mark.parametrize(("data", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(data: bytes, error: type[ProtocolError]) -> None:
    for whole in (data, data + GET, b"\r\n" + data):
        assert fault(whole) is error
        # The short cut must not let it pass.
        assert take(whole) == (None, whole)


# The fault that shows first, though there is another one.
ORDER = {
    "version before method": (b"FOO / HTTP/2.0\r\n\r\n", VersionNotSupported),
    "version before target": (b"GET * HTTP/2.0\r\n\r\n", VersionNotSupported),
    "version before Host": (b"GET / HTTP/2.0\r\nHost : a\r\n\r\n", VersionNotSupported),
    "version's grammar before method": (b"FOO / HTTP/x\r\n\r\n", BadRequest),
    "method before target": (b"FOO nonsense HTTP/1.1\r\n\r\n", NotImplementedByServer),
    "method before fields": (b"FOO / HTTP/1.1\r\nHost : a\r\n\r\n", NotImplementedByServer),
    "length of the target before the method": (b"FOO /" + b"a" * 300 + b" HTTP/1.1\r\n\r\n", URITooLong),
    "length of the target before its form": (b"GET " + b"a" * 300 + b" HTTP/1.1\r\n\r\n", URITooLong),
    "form of the target before fields": (b"GET * HTTP/1.1\r\nHost : a\r\n\r\n", BadRequest),
    "number of fields before the next one": (
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5 + b"Host : a\r\n\r\n",
        HeaderFieldsTooLarge,
    ),
    "a field's grammar before the next one's size": (
        b"GET / HTTP/1.1\r\nHost : a\r\nX: " + b"a" * 400 + b"\r\n\r\n",
        BadRequest,
    ),
}


@pytest.mark.parametrize(("data", "error"), ORDER.values(), ids=ORDER.keys())
def test_the_first_fault_is_the_one_reported(data: bytes, error: type[ProtocolError]) -> None:
    assert fault(data, SMALL) is error


def test_fault_of_the_target_form_is_reported() -> None:
    result, _ = read_every_way(b"GET * HTTP/1.1\r\nHost : a\r\n\r\n")
    assert "target" in result[1]


@pytest.mark.parametrize(
    "data",
    [
        b"\n",
        b"\rX",
        b"\x16",
        b"\x00",
        b"{",
        b" ",
        b"A" * 33,
        b"GET(",
        b"GET /\x80",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\rX",
        b"GET / HTTP/1.1 ",
        b"GET / no HTTP/1",
        b"GET / HTTP/2.0\r\n",
        b"GET /\r\n",
        b"FOO / HTTP/1.1\r\n",
        b"GET * HTTP/1.1\r\n",
        b"GET / HTTP/1.1\r\nHost: a\n",
        b"GET / HTTP/1.1\r\nHost: a\rX",
        b"GET / HTTP/1.1\r\nHost : a\r\n",
        b"GET / HTTP/1.1\r\n x\r\n",
    ],
)
def test_a_fault_is_reported_at_the_byte_that_shows_it(data: bytes) -> None:
    assert fault(data) is not None
    assert fault(data[:-1]) is None


def test_no_fault_repeats_what_the_client_sent() -> None:
    for data, _ in [*REFUSED.values(), *ORDER.values()]:
        result, _ = read([data.replace(b"Host", b"Secret").replace(b"GET", b"SECRET")], SMALL)
        description = result[1]
        assert "secret" not in description.lower()
        assert description.isascii()
        assert description.isprintable()


# Where a message begins


def test_what_is_kept_begins_with_the_request_line() -> None:
    buffer = ReceiveBuffer()
    reader = read_head(buffer, DEFAULT)
    for piece in (b"\r", b"\n\r\n", b"\r"):
        buffer.feed(piece)
        next(reader)
        assert buffer.kept is None
        buffer.drop_read()
    for piece in (b"\nG", b"ET / HT", b"TP/1.1\r\nHost:", b" a\r\n"):
        buffer.feed(piece)
        next(reader)
        assert buffer.kept is not None
        buffer.drop_read()
    assert buffer.take_all() == b"GET / HTTP/1.1\r\nHost: a\r\n"


def test_nothing_is_kept_once_the_head_is_whole() -> None:
    buffer = ReceiveBuffer()
    buffer.feed(b"\r\n" + GET + b"rest")
    with pytest.raises(StopIteration) as stop:
        next(read_head(buffer, DEFAULT))
    assert stop.value.value == GET
    assert buffer.kept is None
    buffer.drop_read()
    assert buffer.data == b"rest"


def test_received_part_of_a_refused_head_is_kept() -> None:
    for pieces in cuttings(b"\r\nHEAD /a HTTP/1.1\r\nHost : a\r\n"):
        buffer = ReceiveBuffer()
        result = drive(read_head(buffer, DEFAULT), buffer, pieces)
        assert result[0] is BadRequest
        assert read_start(buffer.take_all()) == (b"HEAD", b"/a", "1.1")


@pytest.mark.parametrize(
    ("head", "start"),
    [
        (b"GET /a?b HTTP/1.0\r\nHost", (b"GET", b"/a?b", "1.0")),
        (b"GET /a HTTP/1.2\r\n", (b"GET", b"/a", "1.2")),
        (b"FOO /a HTTP/1.1\r\n", (b"FOO", b"/a", "1.1")),
        (b"GET /a HTTP/2.0\r\n", (b"GET", b"/a", "2.0")),
        (b"GET /a HTTP/1.0", (b"GET", b"/a", "1.1")),
        (b"GET /a HTTP/1.0\n", (b"GET", b"/a", "1.1")),
        (b"GET /a HTTP/1.", (b"GET", b"/a", "1.1")),
        (b"GET /a nonsense\r\n", (b"GET", b"/a", "1.1")),
        (b"GET /a", (b"GET", b"/a", "1.1")),
        (b"GET /a\xff HTTP/1.0\r\n", (b"GET", b"/a", "1.1")),
        (b"GET  /a HTTP/1.0\r\n", (b"GET", b"", "1.1")),
        (b"HEAD ", (b"HEAD", b"", "1.1")),
        (b"HEAD", (b"", b"", "1.1")),
        (b"H\xc3AD / HTTP/1.0\r\n", (b"", b"", "1.1")),
        (b" GET / HTTP/1.0\r\n", (b"", b"", "1.1")),
        (b"", (b"", b"", "1.1")),
    ],
)
def test_the_start_of_a_head(head: bytes, start: tuple[bytes, bytes, str]) -> None:
    assert read_start(head) == start


# Sizes, exactly at the bound and one above


@pytest.mark.parametrize(
    ("target", "is_read"),
    [
        pytest.param(b"/" + b"a" * 255, True, id="at-256"),
        pytest.param(b"/" + b"a" * 256, False, id="at-257"),
        pytest.param(b"/?" + b"a" * 254, True, id="query-at-256"),
        pytest.param(b"/?" + b"a" * 255, False, id="query-at-257"),
        pytest.param(b"http://a/" + b"a" * 248, False, id="absolute-at-257"),
        pytest.param(b"/" + b"a" * 65535, False, id="httptools-144"),
    ],
)
def test_target_size(target: bytes, is_read: bool) -> None:
    head = b"GET " + target + b" HTTP/1.1\r\n\r\n"
    for pieces in ([head], [head[i : i + 1] for i in range(len(head))], [head[:100], head[100:]]):
        result, _ = read(pieces, SMALL)
        assert result == head if is_read else result[0] is URITooLong


def test_an_endless_target_is_refused_without_its_end() -> None:
    assert fault(b"GET /" + b"a" * 255, SMALL) is None
    assert fault(b"GET /" + b"a" * 256, SMALL) is URITooLong


def test_a_target_longer_than_the_head_may_be() -> None:
    limits = Limits(max_target_size=2000, max_head_size=1024)
    assert read([b"GET /" + b"a" * 1024], limits)[0][0] is URITooLong
    result, _ = read([b"GET /" + b"a" * 1010 + b" HTTP/1.1\r\n\r\n"], limits)
    assert result[0] is HeaderFieldsTooLarge


def head_of(size: int) -> bytes:
    """Return a head of ``size`` bytes whose fields are all within the small limits."""
    head = b"GET / HTTP/1.1\r\n" + b"A: " + b"a" * 290 + b"\r\nB: " + b"b" * 290 + b"\r\nC: "
    rest = size - len(head) - 4
    head += b"c" * min(rest, 290)
    if rest > 290:
        head += b"\r\nD: " + b"d" * (rest - 295)
    head += b"\r\n\r\n"
    assert len(head) == size
    return head


def test_head_size() -> None:
    assert read_every_way(head_of(1024), SMALL) == (head_of(1024), b"")
    assert read_every_way(head_of(1024) + GET, SMALL) == (head_of(1024), GET)
    assert fault(head_of(1025), SMALL) is HeaderFieldsTooLarge
    assert fault(head_of(1026), SMALL) is HeaderFieldsTooLarge


@pytest.mark.parametrize("lines", [1, 2, 50])
def test_empty_lines_count_as_the_head(lines: int) -> None:
    before = b"\r\n" * lines
    size = 1024 - len(before)
    assert read_every_way(before + head_of(size), SMALL) == (head_of(size), b"")
    assert fault(before + head_of(size + 1), SMALL) is HeaderFieldsTooLarge


def test_empty_lines_alone_fill_a_head() -> None:
    assert fault(b"\r\n" * 511, SMALL) is None
    assert fault(b"\r\n" * 512, SMALL) is HeaderFieldsTooLarge
    result, _ = read([b"\r\n" * 100_000], SMALL)
    assert result[0] is HeaderFieldsTooLarge


@pytest.mark.parametrize(
    ("line", "is_read"),
    [
        pytest.param(b"X: " + b"a" * 299, True, id="at-300"),
        pytest.param(b"X: " + b"a" * 300, False, id="at-301"),
        pytest.param(b"X" * 300 + b":", True, id="name-at-300"),
        pytest.param(b"X" * 301 + b":", False, id="name-at-301"),
        pytest.param(b"X_: " + b"a" * 299, False, id="dropped-at-301"),
        pytest.param(b"X: \t " + b"a" * 299 + b"\t ", True, id="white-space-does-not-count"),
        pytest.param(b"X: \t " + b"a" * 300 + b"\t ", False, id="white-space-does-not-help"),
    ],
)
def test_field_size(line: bytes, is_read: bool) -> None:
    assert fault(b"GET / HTTP/1.1\r\n" + line + b"\r\n\r\n", SMALL) is (
        None if is_read else HeaderFieldsTooLarge
    )


def test_white_space_around_a_value_is_not_held_for_ever() -> None:
    limits = Limits(max_field_size=256)
    head = b"GET / HTTP/1.1\r\nHost:" + b" " * (MAX_FIELD_WHITESPACE + 256 - len(b"Host:"))
    assert read([head], limits)[0] is None
    for pieces in ([head + b" "], [(head + b" ")[i : i + 1] for i in range(len(head) + 1)]):
        assert read(pieces, limits)[0][0] is HeaderFieldsTooLarge


def test_number_of_fields() -> None:
    head = b"GET / HTTP/1.1\r\n%b\r\n"
    assert fault(head % (b"a: b\r\n" * 4), SMALL) is None
    # The fifth line shows it, whatever comes behind.
    assert fault((head % (b"a: b\r\n" * 5))[:-3], SMALL) is None
    assert fault((head % (b"a: b\r\n" * 5))[:-2], SMALL) is HeaderFieldsTooLarge
    assert fault(head % (b"a%d: b\r\n" * 5 % (1, 2, 3, 4, 5)), SMALL) is HeaderFieldsTooLarge


ENDLESS = {
    "method": (b"", b"A"),
    "empty lines": (b"", b"\r\n"),
    "target": (b"GET /", b"a"),
    "name": (b"GET / HTTP/1.1\r\n", b"a"),
    "value": (b"GET / HTTP/1.1\r\na:", b"b"),
    "white space": (b"GET / HTTP/1.1\r\na:", b" "),
    "fields": (b"GET / HTTP/1.1\r\n", b"a: b\r\n"),
}


@pytest.mark.parametrize(("start", "endless"), ENDLESS.values(), ids=ENDLESS.keys())
@pytest.mark.parametrize("size", [1, 7, 400])
def test_no_more_than_the_limit_is_held(start: bytes, endless: bytes, size: int) -> None:
    # CVE-2026-54277, CVE-2025-69228: an endless element in small fragments.
    limits = Limits(max_target_size=256, max_head_size=1024, max_field_size=300, max_fields=1000)
    buffer = ReceiveBuffer()
    reader = read_head(buffer, limits)
    stream = endless * 5000

    def flood() -> None:
        for piece in [start, *(stream[i : i + size] for i in range(0, 5000, size))]:
            buffer.feed(piece)
            assert len(buffer.data) <= 1024 + 8 + size
            next(reader)
            buffer.drop_read()

    with pytest.raises(ProtocolError):
        flood()


# Trailer sections: RFC 9112 section 7.1.2


def trailers(data: bytes, limits: Limits = SMALL) -> Any:
    """Read a trailer section by every cutting; return the fields, or the fault."""
    results = []
    for pieces in cuttings(data):
        buffer = ReceiveBuffer()
        results.append(drive(read_trailers(buffer, limits), buffer, pieces))
    assert all(result == results[0] for result in results), results
    return results[0]


@pytest.mark.parametrize(
    ("data", "fields"),
    [
        (b"\r\n", []),
        (b"X-Sum: \t1 \r\nEmpty:\r\n\r\n", [(b"X-Sum", b"1"), (b"Empty", b"")]),
        (b"X: 1\r\nX: 2\r\n\r\nGET / HTTP/1.1\r\n", [(b"X", b"1"), (b"X", b"2")]),
        (b"Host: evil\r\nConnection: close\r\n\r\n", [(b"Host", b"evil"), (b"Connection", b"close")]),
        (b"Content_Length: 5\r\n\r\n", [(b"Content_Length", b"5")]),
        (b"a: b\r\n" * 4 + b"\r\n", [(b"a", b"b")] * 4),
        (b"X: " + b"a" * 299 + b"\r\n\r\n", [(b"X", b"a" * 299)]),
    ],
)
def test_trailers(data: bytes, fields: list[tuple[bytes, bytes]]) -> None:
    assert trailers(data) == fields


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="CVE-2025-53643"),
        pytest.param(b"X: y\r\n z\r\n\r\n", id="RFC9112-5.2-folded"),
        pytest.param(b" X: y\r\n\r\n", id="RFC9112-2.2-white-space"),
        pytest.param(b"X : y\r\n\r\n", id="RFC9112-5.1-space-before-colon"),
        pytest.param(b"X: \x00\r\n\r\n", id="RFC9110-5.5-NUL"),
        pytest.param(b"X: y\n\r\n", id="RFC9112-2.2-bare-LF"),
        pytest.param(b"X: y\r\n\n", id="RFC9112-2.2-bare-LF-at-the-end"),
        pytest.param(b"\rX", id="RFC9112-2.2-bare-CR"),
        pytest.param(b"Content-Length: 0\r\n\r\n", id="RFC9110-6.5.1-length"),
        pytest.param(b"content-LENGTH: 0\r\n\r\n", id="RFC9110-6.5.1-length-case"),
        pytest.param(b"X: y\r\nTransfer-Encoding: chunked\r\n\r\n", id="RFC9110-6.5.1-coding"),
        pytest.param(b"Transfer-encoding:\r\n\r\n", id="RFC9110-6.5.1-empty-coding"),
    ],
)
def test_bad_trailers(data: bytes) -> None:
    assert trailers(data)[0] is BadRequest


def section_of(size: int) -> bytes:
    """Return a trailer section of ``size`` bytes whose fields are all within the small limits."""
    section = b"".join(b"%b: %b\r\n" % (name, b"a" * 290) for name in (b"A", b"B", b"C"))
    section += b"D: " + b"d" * (size - len(section) - 7) + b"\r\n\r\n"
    assert len(section) == size
    return section


@pytest.mark.parametrize(
    ("data", "is_read"),
    [
        pytest.param(b"a: b\r\n" * 5 + b"\r\n", False, id="CVE-2026-22815-fields-at-5"),
        pytest.param(b"X: " + b"a" * 300 + b"\r\n\r\n", False, id="CVE-2026-22815-field-at-301"),
        pytest.param(b"X:\r\nY: " + b"a" * 300 + b"\r\n\r\n", False, id="CVE-2026-22815-not-first"),
        pytest.param(section_of(1024), True, id="CVE-2026-34517-all-at-1024"),
        pytest.param(section_of(1025), False, id="CVE-2026-34517-all-at-1025"),
        pytest.param(section_of(1026), False, id="CVE-2026-34517-all-at-1026"),
    ],
)
def test_trailers_are_held_to_the_limits_of_fields(data: bytes, is_read: bool) -> None:
    result = trailers(data)
    assert isinstance(result, list) if is_read else result[0] is HeaderFieldsTooLarge


def test_fields_without_room_in_the_head() -> None:
    for room in (-5, 0, 1):
        buffer = ReceiveBuffer()
        assert drive(read_fields(buffer, room, SMALL), buffer, [b"\r\n"])[0] is HeaderFieldsTooLarge
    buffer = ReceiveBuffer()
    assert drive(read_fields(buffer, 2, SMALL), buffer, [b"\r\n"]) == []

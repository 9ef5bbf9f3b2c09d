"""The chunked coding: however it is cut, its data, its end, or the fault that refuses it."""

import pytest

from kyoukai.core.errors import BadRequest, ContentTooLarge, ProtocolError
from kyoukai.core.http1.chunked import read_chunks
from kyoukai.core.http1.receive_buffer import ReceiveBuffer
from kyoukai.core.limits import Limits

ROOM = 1024
"""The least ``max_head_size``: so many bytes the extensions may have."""

LIMITS = Limits(max_head_size=ROOM, max_body_size=20_000)


def read(pieces, limits=LIMITS, skip=False):
    """Return the pieces of data, and what is left once the last chunk's line was read.

    :param skip: whether the data is read over, as a connection does it.
    """
    buffer = ReceiveBuffer()
    data = []

    def read_data(size):
        return buffer.skip(size) if skip else buffer.pass_on(size, data.append)

    reader = read_chunks(buffer, limits, read_data)
    for piece in pieces:
        buffer.feed(piece)
        try:
            next(reader)
        except StopIteration:
            buffer.drop_read()
            return data, bytes(buffer.data)
        buffer.drop_read()
        assert len(buffer.data) <= limits.max_head_size + 18
    return data, None


def outcome_of(pieces, limits, skip):
    try:
        data, rest = read(pieces, limits, skip)
    except ProtocolError as error:
        return type(error), error.description
    return b"".join(data), None if rest is None else rest[:0]


def cuttings(coded):
    yield [coded]
    yield [coded[i : i + 1] for i in range(len(coded))]
    for i in range(1, len(coded)):
        yield [coded[:i], coded[i:]]


def read_every_way(coded, limits=LIMITS):
    """Return all data and what is left, or the error, having checked that cutting makes no difference."""
    outcomes = [outcome_of(pieces, limits, False) for pieces in cuttings(coded)]
    assert all(outcome == outcomes[0] for outcome in outcomes), outcomes
    # Where the data goes makes no difference either.
    first = outcomes[0]
    expected = (b"", first[1]) if isinstance(first[0], bytes) else first
    assert all(outcome_of(pieces, limits, True) == expected for pieces in cuttings(coded))
    return first


@pytest.mark.parametrize(
    ("coded", "data"),
    [
        (b"0\r\n", b""),
        (b"000\r\n", b""),
        (b"5\r\nhello\r\n0\r\n", b"hello"),
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n", b"hello world"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n", b"0123456789" * 2),
        (b'02;a;b="c"\r\n\r\n\r\n0\r\n', b"\r\n"),
        (b"0000000000000005\r\nhello\r\n0000000000000000\r\n", b"hello"),
        (b"3;x\r\n0\r\n\r\n0;y\r\n", b"0\r\n"),
    ],
)
def test_chunks(coded, data):
    assert read_every_way(coded) == (data, b"")


def test_it_stops_before_the_trailer_section():
    assert read([b"1\r\na\r\n0\r\nX: y\r\n\r\n"]) == ([b"a"], b"X: y\r\n\r\n")


def test_data_is_passed_on_as_it_comes():
    first, second = b"x" * 60, b"y" * 40
    data, _ = read([b"64\r\n", first, second, b"\r\n0\r\n"])
    assert data == [first, second]
    assert data[0] is first
    assert data[1] is second


@pytest.mark.parametrize(
    ("coded", "reason"),
    [
        # RFC 9112 section 7.1.1: BWS, which no sender may make. To refuse it is stricter than the
        # MUST of RFC 9110 section 5.6.3, on purpose.
        (b"5 ;a\r\nhello\r\n0\r\n", "chunk size"),
        (b"5; a\r\nhello\r\n0\r\n", "chunk extension"),
        (b"5;a =b\r\nhello\r\n0\r\n", "chunk extension"),
        (b"5;a= b\r\nhello\r\n0\r\n", "chunk extension"),
        (b"5;a \r\nhello\r\n0\r\n", "chunk extension"),
        (b"5\t;a\r\nhello\r\n0\r\n", "chunk size"),
        (b"5;\r\nhello\r\n0\r\n", "chunk extension"),
        (b"5;a=\r\nhello\r\n0\r\n", "chunk extension"),
        (b"5;=b\r\nhello\r\n0\r\n", "chunk extension"),
        (b"0 \r\n\r\n", "chunk size"),
        (b"0; a\r\n\r\n", "chunk extension"),
        (b"5\r\nhelloXX0\r\n\r\n", "not followed by CRLF"),
        (b"5\r\nhello0\r\n\r\n", "not followed by CRLF"),
        (b"5\r\nhello\n0\r\n\r\n", "LF without CR"),
        (b"5\r\nhello\rX0\r\n\r\n", "CR is not followed"),
        (b"5\nhello\r\n0\r\n\r\n", "LF without CR"),
        (b"5\rXhello\r\n0\r\n\r\n", "CR is not followed"),
        (b"5;a\nb\r\nhello\r\n0\r\n\r\n", "LF without CR"),
        (b"5;a\rb\r\nhello\r\n0\r\n\r\n", "CR is not followed"),
        (b'5;a="\n"\r\nhello\r\n', "LF without CR"),
        (b"5 \r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"+5\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"0x5\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"0_5\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"00000000000000005\r\nhello\r\n0\r\n\r\n", "chunk size"),
        (b"5\r\nhello\r\n\r\n0\r\n\r\n", "chunk size"),
    ],
)
def test_malformed_chunks(coded, reason):
    error, description = read_every_way(coded)
    assert error is BadRequest
    assert reason in description


def test_the_data_after_a_chunk_is_refused_at_its_first_byte():
    with pytest.raises(BadRequest):
        read([b"5\r\nhello", b"X"])


def test_extensions_may_fill_their_room():
    half = b";" + b"a" * (ROOM // 2 - 1)
    assert read_every_way(b"1%b\r\nx\r\n1%b\r\nx\r\n0\r\n" % (half, half)) == (b"xx", b"")
    assert read_every_way(b"1\r\nx\r\n0%b%b\r\n" % (half, half)) == (b"x", b"")


HALF = b";" + b"a" * (ROOM // 2 - 1)


@pytest.mark.parametrize(
    "coded",
    [
        b"1%b\r\nx\r\n1%ba\r\nx\r\n0\r\n" % (HALF, HALF),
        b"1%b\r\nx\r\n1%b\r\nx\r\n0;a\r\n" % (HALF, HALF),
        b"1%b%ba\r\nx\r\n0\r\n" % (HALF, HALF),
        b"1;" + b"a" * (ROOM + 50),
        b"1;" + b"a" * (ROOM + 50) + b"\r\n",
        b"0%b%ba\r\n" % (HALF, HALF),
    ],
)
def test_extensions_past_their_room(coded):
    error, description = read_every_way(coded)
    assert error is BadRequest
    assert "extensions are larger" in description


def test_endless_extension_is_refused_and_not_held():
    with pytest.raises(BadRequest, match="extensions are larger"):
        read([b"1;", *[b"a" * 10] * 200])


SMALL_BODY = Limits(max_head_size=ROOM, max_body_size=10)


@pytest.mark.parametrize(
    "coded",
    [
        b"a\r\n0123456789\r\n0\r\n",
        b"5\r\n01234\r\n5;a\r\n56789\r\n0\r\n",
        b"000a\r\n0123456789\r\n0\r\n",
    ],
)
def test_a_body_of_the_most_bytes(coded):
    assert read_every_way(coded, SMALL_BODY) == (b"0123456789", b"")


@pytest.mark.parametrize(
    "coded",
    [
        b"b\r\n",
        b"b;a=b\r\n",
        b"a\r\n0123456789\r\n1\r\n",
        b"5\r\n01234\r\n6\r\n",
        b"FFFFFFFFFFFFFFFF\r\n",
        # Added up in 64 bits, these two would be nothing.
        b"1\r\na\r\nFFFFFFFFFFFFFFFF\r\n",
    ],
)
def test_a_chunk_past_the_most_bytes_is_refused_at_its_size_line(coded):
    # RFC 9110 section 15.5.14: a client that waits for the answer has sent none of the data.
    assert read_every_way(coded, SMALL_BODY) == (ContentTooLarge, ContentTooLarge.description)
    assert read([coded[:-1]], SMALL_BODY)[1] is None


def test_a_server_that_takes_no_bodies_takes_the_last_chunk():
    limits = Limits(max_body_size=0)
    assert read_every_way(b"0\r\n", limits) == (b"", b"")
    assert read_every_way(b"1\r\n", limits)[0] is ContentTooLarge


def test_many_tiny_chunks_in_one_feed_are_not_copied_about():
    buffer = ReceiveBuffer()
    count = 0

    def on_body(data):
        nonlocal count
        count += 1
        assert buffer.data is coded

    coded = b"1\r\na\r\n" * 10000 + b"0\r\n"
    buffer.feed(coded)
    with pytest.raises(StopIteration):
        next(read_chunks(buffer, LIMITS, lambda size: buffer.pass_on(size, on_body)))
    assert count == 10000


@pytest.mark.parametrize(("most", "is_read"), [(15, True), (14, False), (2**53, True)])
def test_another_limit_than_the_servers(most, is_read):
    buffer = ReceiveBuffer()
    buffer.feed(b"f\r\n" + bytes(15) + b"\r\n0\r\n\r\n")
    reader = read_chunks(buffer, SMALL_BODY, buffer.skip, most)
    if is_read:
        with pytest.raises(StopIteration) as stop:
            next(reader)
        assert stop.value.value == 15
    else:
        with pytest.raises(ContentTooLarge):
            next(reader)

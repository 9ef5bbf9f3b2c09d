"""What is received and not yet read: the ways of reading it, what is kept, and what is copied."""

import re

import pytest

from kyoukai.core.errors import BadRequest, HeaderFieldsTooLarge
from kyoukai.core.http1.receive_buffer import ReceiveBuffer


class CountingBytearray(bytearray):
    """Counts the bytes that its searches look at."""

    searched = 0

    def find(self, sub, start=0, end=None):
        end = len(self) if end is None else min(end, len(self))
        self.searched += max(end - start, 0)
        return super().find(sub, start, end)


def drive(reader, buffer, pieces):
    """Feed the buffer with the pieces until the reader returns; return what it returns."""
    for piece in pieces:
        buffer.feed(piece)
        try:
            next(reader)
        except StopIteration as stop:
            return stop.value
        finally:
            buffer.drop_read()
    return None


def bytewise(data):
    return [data[i : i + 1] for i in range(len(data))]


def test_one_feed_is_not_copied():
    buffer = ReceiveBuffer()
    data = b"x" * 1000
    buffer.feed(data)
    assert buffer.data is data
    assert buffer.take(1000) is data
    buffer.drop_read()
    assert buffer.data == b""
    assert buffer.offset == 0


def test_unread_rest_is_kept_without_read_bytes():
    buffer = ReceiveBuffer()
    buffer.feed(b"abcdef")
    assert buffer.take(2) == b"ab"
    buffer.drop_read()
    assert (buffer.data, buffer.offset) == (b"cdef", 0)
    buffer.feed(b"gh")
    left = buffer.data
    assert buffer.take(3) == b"cde"
    buffer.drop_read()
    assert buffer.data is left
    assert (buffer.data, buffer.offset) == (b"fgh", 0)
    piece = buffer.take(100)
    assert piece == b"fgh"
    assert type(piece) is bytes
    assert buffer.take(1) == b""


def test_line_by_single_bytes_is_searched_once():
    size = 5000
    buffer = ReceiveBuffer()
    reader = buffer.read_line(size, HeaderFieldsTooLarge)
    buffer.data = counting = CountingBytearray(b"x")
    line = b"x" * (size - 1) + b"\r\n"
    assert drive(reader, buffer, bytewise(line)) == b"x" * size
    # Once for CR and once for LF.
    assert counting.searched <= 2 * (size + 2)


def test_read_bytes_of_a_feed_are_dropped_once():
    buffer = ReceiveBuffer()
    data = b"x\r\n" * 100
    buffer.feed(data)
    for _ in range(100):
        with pytest.raises(StopIteration) as stop:
            next(buffer.read_line(1, HeaderFieldsTooLarge))
        assert stop.value.value == b"x"
        assert buffer.data is data


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
@pytest.mark.parametrize(
    ("data", "error", "reason"),
    [
        (b"abcd", HeaderFieldsTooLarge, "are larger"),
        (b"abcd\r\n", HeaderFieldsTooLarge, "are larger"),
        (b"abcde\n", HeaderFieldsTooLarge, "are larger"),
        (b"ab\n", BadRequest, "LF without CR"),
        (b"abc\n", BadRequest, "LF without CR"),
        (b"\n\r\n", BadRequest, "LF without CR"),
        (b"a\rb", BadRequest, "CR is not followed"),
        (b"a\r\r\n", BadRequest, "CR is not followed"),
    ],
)
def test_line_that_is_refused(cut, data, error, reason):
    buffer = ReceiveBuffer()
    with pytest.raises(error, match=reason):
        drive(buffer.read_line(3, HeaderFieldsTooLarge), buffer, cut(data))


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_line_that_is_as_long_as_it_may_be(cut):
    buffer = ReceiveBuffer()
    assert drive(buffer.read_line(3, HeaderFieldsTooLarge), buffer, cut(b"abc\r\n")) == b"abc"
    assert drive(buffer.read_line(0, HeaderFieldsTooLarge), buffer, cut(b"\r\n")) == b""


def test_no_line_fits_a_negative_limit():
    buffer = ReceiveBuffer()
    buffer.feed(b"\r\n")
    with pytest.raises(HeaderFieldsTooLarge):
        next(buffer.read_line(-7, HeaderFieldsTooLarge))


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_read_until(cut):
    buffer = ReceiveBuffer()
    reader = buffer.read_until(re.compile(b"[^a]"), 3, HeaderFieldsTooLarge)
    assert drive(reader, buffer, cut(b"aaa ")) == (b"aaa", 0x20)
    assert buffer.take(1) == b" "


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_read_until_stops_at_its_limit(cut):
    buffer = ReceiveBuffer()
    with pytest.raises(HeaderFieldsTooLarge):
        drive(buffer.read_until(re.compile(b"[^a]"), 3, HeaderFieldsTooLarge), buffer, cut(b"aaaa"))


def test_pass_on_hands_over_pieces_as_they_come():
    buffer = ReceiveBuffer()
    pieces = []
    fed = [b"ab", b"", b"cde", b"fgh"]
    drive(buffer.pass_on(6, pieces.append), buffer, fed)
    assert pieces == [b"ab", b"cde", b"f"]
    assert pieces[0] is fed[0]
    assert pieces[1] is fed[2]
    assert buffer.data == b"gh"


@pytest.mark.parametrize("size", [0, 1, 6, 9])
def test_skip_reads_over_what_comes(size):
    for pieces in ([b"0123456789"], bytewise(b"0123456789"), [b"01", b"", b"2345", b"6789"]):
        buffer = ReceiveBuffer()
        reader = buffer.skip(size)
        skipped = []
        for piece in pieces:
            buffer.feed(piece)
            start = buffer.offset
            next(reader, None)
            skipped.append(buffer.since(start))
            buffer.drop_read()
        assert b"".join(skipped) == b"0123456789"[:size]
        assert buffer.take_all() == b"0123456789"[size:]


def test_skip_ends_with_its_last_byte():
    buffer = ReceiveBuffer()
    reader = buffer.skip(3)
    buffer.feed(b"ab")
    next(reader)
    assert len(buffer) == 0
    buffer.feed(b"cd")
    with pytest.raises(StopIteration):
        next(reader)
    assert len(buffer) == 1


@pytest.mark.parametrize("cut", [lambda data: [data], bytewise])
def test_kept_bytes_stay_after_reading(cut):
    buffer = ReceiveBuffer()
    pieces = iter(cut(b"--kept and more"))
    while len(buffer) < 2:
        buffer.feed(next(pieces))
    assert buffer.take(2) == b"--"
    buffer.kept = buffer.offset
    buffer.drop_read()
    assert buffer.kept == 0
    for piece in pieces:
        buffer.feed(piece)
        buffer.offset = min(buffer.offset + 1, len(buffer.data))
        buffer.drop_read()
        assert buffer.kept == 0
        assert bytes(buffer.data).startswith(b"k")
    assert buffer.take_all() == b"kept and more"
    assert buffer.kept is None


def test_released_bytes_are_dropped():
    buffer = ReceiveBuffer()
    buffer.feed(b"abcd")
    buffer.kept = 0
    buffer.take(3)
    buffer.drop_read()
    assert (buffer.data, buffer.offset) == (b"abcd", 3)
    buffer.kept = None
    buffer.drop_read()
    assert (buffer.data, buffer.offset) == (b"d", 0)


def test_take_all_returns_unread_bytes():
    buffer = ReceiveBuffer()
    assert buffer.take_all() == b""
    buffer.feed(b"abcd")
    buffer.take(1)
    assert buffer.take_all() == b"bcd"
    assert len(buffer) == 0
    assert buffer.take_all() == b""
    buffer.drop_read()
    assert (buffer.data, buffer.offset) == (b"", 0)


def test_take_all_of_one_feed_is_not_copied():
    buffer = ReceiveBuffer()
    data = b"x" * 1000
    buffer.feed(data)
    assert buffer.take_all() is data


def test_take_all_is_bytes_whatever_is_held():
    buffer = ReceiveBuffer()
    buffer.feed(b"ab")
    buffer.feed(b"cd")
    everything = buffer.take_all()
    assert everything == b"abcd"
    assert type(everything) is bytes


def test_feeds_that_nobody_reads_add_up():
    buffer = ReceiveBuffer()
    fed = [b"ab", b"", b"cde", b"f"]
    for piece in fed:
        buffer.feed(piece)
    assert len(buffer) == 6
    assert fed == [b"ab", b"", b"cde", b"f"]
    assert buffer.take(3) == b"abc"
    buffer.feed(b"g")
    assert len(buffer) == 4
    assert buffer.take_all() == b"defg"


def test_since_returns_the_last_read_bytes():
    buffer = ReceiveBuffer()
    for data in (b"abcdef", b"gh"):
        buffer.feed(data)
        start = buffer.offset
        buffer.take(2)
        piece = buffer.since(start)
        assert piece == (b"ab" if data == b"abcdef" else b"cd")
        assert type(piece) is bytes

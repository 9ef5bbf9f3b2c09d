import re

import pytest

from kyoukai.backends.reference.buffer import ReceiveBuffer
from kyoukai.core.errors import BadRequest, HeaderFieldsTooLarge


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


def test_what_is_left_over_stays_without_what_was_read():
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


def test_what_was_read_of_one_feed_is_dropped_once():
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

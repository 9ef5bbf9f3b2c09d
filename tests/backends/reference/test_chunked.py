import pytest

from kyoukai.backends.reference.buffer import ReceiveBuffer
from kyoukai.backends.reference.chunked import read_chunks
from kyoukai.core.errors import BadRequest


def read(pieces, room=100):
    """Return the pieces of data, and what is left once the last chunk's line was read."""
    buffer = ReceiveBuffer()
    data = []
    reader = read_chunks(buffer, room, data.append)
    for piece in pieces:
        buffer.feed(piece)
        try:
            next(reader)
        except StopIteration:
            buffer.drop_read()
            return data, bytes(buffer.data)
        buffer.drop_read()
        assert len(buffer.data) <= room + 18
    return data, None


def read_every_way(coded, room=100):
    """Return all data and what is left, or the error, having checked that cutting makes no difference."""
    outcomes = []
    cut_in_two = [[coded[:i], coded[i:]] for i in range(1, len(coded))]
    for pieces in [[coded], [coded[i : i + 1] for i in range(len(coded))], *cut_in_two]:
        try:
            data, rest = read(pieces, room)
        except BadRequest as error:
            outcomes.append(str(error))
        else:
            outcomes.append((b"".join(data), None if rest is None else rest[:0]))
    assert all(outcome == outcomes[0] for outcome in outcomes), outcomes
    return outcomes[0]


@pytest.mark.parametrize(
    ("coded", "data"),
    [
        (b"0\r\n", b""),
        (b"000\r\n", b""),
        (b"5\r\nhello\r\n0\r\n", b"hello"),
        (b"5\r\nhello\r\n6\r\n world\r\n0\r\n", b"hello world"),
        (b"A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n", b"0123456789" * 2),
        (b'02;a;b="c\r"\r\n\r\n\r\n0\r\n'.replace(b"c\r", b"c"), b"\r\n"),
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
    assert reason in read_every_way(coded)


def test_the_data_after_a_chunk_is_refused_at_its_first_byte():
    with pytest.raises(BadRequest):
        read([b"5\r\nhello", b"X"])


def test_extensions_may_fill_their_room():
    coded = b"1;aaaa\r\nx\r\n1;aaa\r\nx\r\n0;\x09\r\n".replace(b";\t", b"")
    assert read_every_way(coded, room=9) == (b"xx", b"")


@pytest.mark.parametrize(
    "coded",
    [
        b"1;aaaa\r\nx\r\n1;aaaa\r\nx\r\n0\r\n",
        b"1;aaaaaaaaa\r\nx\r\n0\r\n",
        b"1;" + b"a" * 50,
        b"1;" + b"a" * 50 + b"\r\n",
        b"0;aaaaaaaaa\r\n",
    ],
)
def test_extensions_past_their_room(coded):
    assert "extensions are larger" in read_every_way(coded, room=9)


def test_endless_extension_is_refused_and_not_held():
    with pytest.raises(BadRequest, match="extensions are larger"):
        read([b"1;", *[b"a" * 10] * 20])


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
        next(read_chunks(buffer, 0, on_body))
    assert count == 10000

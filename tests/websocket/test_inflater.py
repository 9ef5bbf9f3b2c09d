"""Inflating in steps."""

import tracemalloc
import zlib
from itertools import islice

import pytest
from websockets.extensions.permessage_deflate import PerMessageDeflate

from kyoukai.websocket.frame_reader import FrameReader, Violation
from kyoukai.websocket.inflater import LEAST_SIZE, Inflater

from .frames import BINARY, deflated, frame

MIB = 1024 * 1024


def make_deflate(*, keeps: bool = True) -> PerMessageDeflate:
    return PerMessageDeflate(not keeps, not keeps, 12, 12)


@pytest.mark.parametrize("keeps", [True, False], ids=["context takeover", "no context takeover"])
@pytest.mark.parametrize(
    "size", [0, 1, LEAST_SIZE - 1, LEAST_SIZE, LEAST_SIZE + 1, 3 * LEAST_SIZE, 10 * LEAST_SIZE + 7]
)
def test_steps_make_up_the_message(size: int, keeps: bool) -> None:
    inflater = Inflater(make_deflate(keeps=keeps), 1)
    payload = b"0123456789abcdef" * (size // 16) + b"x" * (size % 16)
    for _ in range(2):
        steps = list(inflater.inflate(deflated(payload), is_first=True, is_last=True))
        assert b"".join(steps) == payload
        assert max(map(len, steps)) <= LEAST_SIZE


@pytest.mark.parametrize("keeps", [True, False], ids=["context takeover", "no context takeover"])
@pytest.mark.parametrize("pieces", [1, 2, 7])
@pytest.mark.parametrize("size", [0, 1, LEAST_SIZE - 1, LEAST_SIZE, LEAST_SIZE + 1, 3 * LEAST_SIZE])
def test_a_message_that_ends_by_a_final_block(size: int, pieces: int, keeps: bool) -> None:
    """RFC 7692 section 7.2.3.4. What stands behind that block would not be read by any number of steps."""
    inflater = Inflater(make_deflate(keeps=keeps), 1)
    payload = b"x" * size
    for _ in range(2):
        compressor = zlib.compressobj(wbits=-12)
        data = compressor.compress(payload) + compressor.flush(zlib.Z_FINISH) + b"\0"
        length = len(data) // pieces + 1
        inflated = b""
        for start in range(0, len(data), length):
            is_last = start + length >= len(data)
            steps = inflater.inflate(data[start : start + length], is_first=start == 0, is_last=is_last)
            # More steps than a message has bytes are those of one that never ends.
            inflated += b"".join(islice(steps, size + 10))
        assert inflated == payload
        assert next(steps, None) is None


def test_a_message_of_several_steps_is_read() -> None:
    payload = bytes(range(256)) * 4096
    reader = FrameReader(MIB, MIB, make_deflate())
    reader.feed(frame(BINARY, deflated(payload), reserved=4))
    assert reader.read() == payload


def test_no_window_is_kept_where_none_is_needed() -> None:
    deflate = make_deflate(keeps=False)
    inflater = Inflater(deflate, MIB)
    for _ in range(2):
        assert list(inflater.inflate(deflated(b"hello"), is_first=True, is_last=True)) == [b"hello"]
        assert not hasattr(deflate, "decoder")


def bomb(size: int) -> bytes:
    """Return so many zeros, compressed to a thousandth."""
    compressor = zlib.compressobj(wbits=-12)
    pieces = [compressor.compress(bytes(MIB)) for _ in range(size // MIB)]
    return b"".join([*pieces, compressor.flush(zlib.Z_SYNC_FLUSH)])[:-4]


def feed(reader: FrameReader, pieces: list[bytes]) -> None:
    for piece in pieces:
        reader.feed(piece)
        assert reader.read() is None


@pytest.mark.parametrize("piece", [1024, 64 * 1024, MIB])
def test_a_bomb_takes_less_than_twice_the_limit(piece: int) -> None:
    limit = 8 * MIB
    data = frame(BINARY, bomb(128 * MIB), reserved=4)
    assert len(data) * 1000 < 128 * MIB
    pieces = [data[start : start + piece] for start in range(0, len(data), piece)]
    reader = FrameReader(limit, limit, make_deflate())
    tracemalloc.start()
    try:
        with pytest.raises(Violation) as caught:
            feed(reader, pieces)
        assert caught.value.code == 1009
        assert tracemalloc.get_traced_memory()[1] < 2 * limit
    finally:
        tracemalloc.stop()

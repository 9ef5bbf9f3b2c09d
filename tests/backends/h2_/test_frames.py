"""Frames are found, counted and handed on, however they are cut."""

import random
from typing import Any

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    SettingsFrame,
)

from kyoukai.backends.h2_.floods import FloodError, FloodLimits, Floods
from kyoukai.backends.h2_.frames import (
    TURN_FRAMES,
    FirstFrameError,
    FrameScanner,
    FrameSizeError,
    PaddingError,
)

SETTINGS = SettingsFrame(0).serialize()
GOAWAY = GoAwayFrame(0, last_stream_id=0, error_code=0, additional_data=b"bye bye").serialize()


def scanner(**limits: int) -> FrameScanner:
    return FrameScanner(Floods(FloodLimits(**limits), 0.0), 16384, {})


def frames(*given: Frame) -> bytes:
    return SETTINGS + b"".join(frame.serialize() for frame in given)


def feed(target: FrameScanner, pieces: list[bytes]) -> bytes:
    """Feed pieces, and return what comes out of it."""
    taken = []
    for piece in pieces:
        taken += take(target, piece)
        while target.has_more:
            taken += take(target, b"")
    return b"".join(taken)


def take(target: FrameScanner, data: bytes) -> list[bytes]:
    """Return what is for the library of one turn; there is no stream whose content is not."""
    return [piece for piece in target.take(data, 0.0) if isinstance(piece, bytes)]


def cuts(data: bytes, seed: int) -> list[bytes]:
    """Cut data at random."""
    chance = random.Random(seed)
    places = sorted(chance.choices(range(len(data) + 1), k=chance.randrange(20)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def test_complete_frames_are_forwarded_unchanged() -> None:
    data = frames(HeadersFrame(1, b"x" * 100, flags=["END_HEADERS"]), DataFrame(1, b"y" * 16384))
    target = scanner()
    # All the library has to read before it is known whether there is a stream for what follows.
    assert take(target, data) == [data[:118], data[118:]]
    assert not target.has_more


@pytest.mark.parametrize("seed", range(30))
def test_only_goaway_frames_are_changed(seed: int) -> None:
    chance = random.Random(seed)
    sent, wanted = SETTINGS, SETTINGS
    for _ in range(20):
        frame = DataFrame(1, bytes(chance.randrange(300))).serialize()
        sent += frame
        wanted += frame
        if chance.random() < 0.3:
            sent += GOAWAY
    target = scanner()
    assert feed(target, cuts(sent, seed)) == wanted
    assert target.is_leaving is (GOAWAY in sent)
    assert feed(target, [SETTINGS[i : i + 1] for i in range(9)]) == SETTINGS


def test_a_turn_hands_on_so_many_frames() -> None:
    frame = DataFrame(1, b"x").serialize()
    target = scanner()
    data = b"".join(take(target, SETTINGS + frame * (2 * TURN_FRAMES)))
    assert (data, target.has_more) == (SETTINGS + frame * (TURN_FRAMES - 1), True)
    data = b"".join(take(target, frame))
    assert (data, target.has_more) == (frame * TURN_FRAMES, True)
    data = b"".join(take(target, b""))
    assert (data, target.has_more) == (frame * 2, False)


def test_malformed_goaway_is_left_to_the_library() -> None:
    wrong = bytearray(GOAWAY)
    wrong[8] = 1
    target = scanner()
    assert take(target, SETTINGS + bytes(wrong)) == [SETTINGS + wrong]
    assert not target.is_leaving


@pytest.mark.parametrize("first", [PingFrame(0, b"12345678"), SettingsFrame(0, flags=["ACK"])])
def test_the_first_frame_has_settings(first: Frame) -> None:
    with pytest.raises(FirstFrameError):
        take(scanner(), first.serialize())


def test_a_frame_that_is_too_large_is_refused_by_its_head() -> None:
    target = scanner()
    with pytest.raises(FrameSizeError):
        take(target, SETTINGS + (16385).to_bytes(3) + bytes(6))


def test_a_flood_is_noticed_before_the_library_reads_it() -> None:
    with pytest.raises(FloodError):
        take(scanner(pings=2), frames(*[PingFrame(0, b"12345678")] * 3))


def test_within_a_head() -> None:
    target = scanner()
    head = HeadersFrame(1, b"x" * 100).serialize()
    rest = ContinuationFrame(1, b"y", flags=["END_HEADERS"]).serialize()
    for byte in SETTINGS:
        take(target, bytes([byte]))
    assert not target.is_within_head
    for byte in head + rest[:-1]:
        take(target, bytes([byte]))
        assert target.is_within_head
    take(target, rest[-1:])
    assert not target.is_within_head
    take(target, DataFrame(1, b"x" * 100).serialize()[:50])
    assert not target.is_within_head


class Stream:
    """A stream that takes content.

    :param stream_id: its identifier.
    """

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id
        self.got_end = False


def with_stream(stream: Stream) -> FrameScanner:
    streams: Any = {stream.stream_id: stream}
    return FrameScanner(Floods(FloodLimits(), 0.0), 16384, streams)


@pytest.mark.parametrize("seed", range(30))
def test_content_is_handed_on_as_it_comes(seed: int) -> None:
    chance, stream = random.Random(seed), Stream(3)
    sent, kept, content, taken = SETTINGS, SETTINGS, b"", 0
    others = [b"", GOAWAY, PingFrame(0, b"12345678").serialize(), DataFrame(5, b"y").serialize()]
    for _ in range(20):
        piece = chance.randbytes(chance.randrange(300))
        padding = chance.choice([None, 0, chance.randrange(256)])
        flags = [] if padding is None else ["PADDED"]
        frame = DataFrame(3, piece, pad_length=padding or 0, flags=flags).serialize()
        other = chance.choice(others)
        sent += frame + other
        kept += b"" if other == GOAWAY else other
        content, taken = content + piece, taken + len(frame) - 9
    sent += DataFrame(3, b"end", flags=["END_STREAM"]).serialize()
    # The library is told of the end alone.
    kept += DataFrame(3, b"", flags=["END_STREAM"]).serialize()
    target, library, found, counted = with_stream(stream), b"", b"", 0
    for cut in cuts(sent, seed):
        for piece in target.take(cut, 0.0):
            if isinstance(piece, bytes):
                library += piece
            else:
                assert piece.exchange is stream
                found, counted = found + piece.data, counted + piece.taken
        assert not target.has_more
    assert (library, found, counted) == (kept, content + b"end", taken + 3)


def test_content_of_a_lost_stream_is_dropped_with_its_end() -> None:
    stream = Stream(1)
    target = with_stream(stream)
    frame = DataFrame(1, b"0123456789", flags=["END_STREAM"]).serialize()
    [settings, content] = target.take(SETTINGS + frame[:15], 0.0)
    assert (settings, content) == (SETTINGS, (stream, b"012345", 10, True))
    target.streams = {}
    assert list(target.take(frame[15:], 0.0)) == [(stream, b"6789", 0, True)]


def test_content_behind_the_end_is_the_librarys_to_refuse() -> None:
    stream = Stream(1)
    target = with_stream(stream)
    stream.got_end = True
    frame = DataFrame(1, b"more").serialize()
    assert take(target, SETTINGS + frame) == [SETTINGS, frame]


@pytest.mark.parametrize("frame", [b"\0\0\x02\0\x08\0\0\0\x01\x02x", b"\0\0\x01\0\x08\0\0\0\x01\x01"])
def test_padding_that_is_larger_than_its_frame(frame: bytes) -> None:
    with pytest.raises(PaddingError):
        take(with_stream(Stream(1)), SETTINGS + frame)


def test_padding_without_a_size_is_the_librarys_to_refuse() -> None:
    frame = b"\0\0\0\0\x08\0\0\0\x01"
    assert take(with_stream(Stream(1)), SETTINGS + frame) == [SETTINGS, frame]


def test_content_within_a_head_is_the_librarys_to_refuse() -> None:
    head, frame = HeadersFrame(3, b"x").serialize(), DataFrame(1, b"y").serialize()
    assert take(with_stream(Stream(1)), SETTINGS + head + frame) == [SETTINGS + head + frame]


def test_frames_for_an_ended_stream_are_recognized() -> None:
    streams: Any = {3: Stream(3)}
    target = FrameScanner(Floods(FloodLimits(overhead_frames=2), 0.0), 16384, streams)
    first = [HeadersFrame(1, b"x", flags=["END_HEADERS"]), DataFrame(1, b"x"), RstStreamFrame(1, 8)]
    [*target.take(frames(*first, HeadersFrame(3, b"x", flags=["END_HEADERS"])), 0.0)]
    for _ in range(10):
        [*target.take(DataFrame(3, b"").serialize(), 0.0)]
    for _ in range(2):
        [*target.take(HeadersFrame(1, b"x", flags=["END_HEADERS"]).serialize(), 0.0)]
    with pytest.raises(FloodError):
        [*target.take(DataFrame(1, b"x").serialize(), 0.0)]


@pytest.mark.parametrize("reserved", [0, 0x80])
def test_frames_for_an_ended_stream_count_with_any_reserved_bit(reserved: int) -> None:
    target = scanner(overhead_frames=20)
    head = HeadersFrame(1, b"\x82", flags=["END_HEADERS", "END_STREAM"])
    feed(target, [frames(head)])
    data = bytearray(DataFrame(1, b"x").serialize())
    data[5] |= reserved
    with pytest.raises(FloodError):
        feed(target, [bytes(data)] * 100)
    assert target.highest == 1

"""Frames are found, counted and handed on, however they are cut."""

import random

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
from kyoukai.backends.h2_.frames import TURN_FRAMES, FirstFrameError, FrameScanner, FrameSizeError

SETTINGS = SettingsFrame(0).serialize()
GOAWAY = GoAwayFrame(0, last_stream_id=0, error_code=0, additional_data=b"bye bye").serialize()


def scanner(**limits: int) -> FrameScanner:
    return FrameScanner(Floods(FloodLimits(**limits), 0.0), 16384)


def frames(*given: Frame) -> bytes:
    return SETTINGS + b"".join(frame.serialize() for frame in given)


def feed(target: FrameScanner, pieces: list[bytes]) -> bytes:
    """Feed pieces, and return what comes out of it."""
    taken = []
    for piece in pieces:
        data, more = target.take(piece, 0.0)
        taken.append(data)
        while more:
            data, more = target.take(b"", 0.0)
            taken.append(data)
    return b"".join(taken)


def cuts(data: bytes, seed: int) -> list[bytes]:
    """Cut data at random."""
    chance = random.Random(seed)
    places = sorted(chance.choices(range(len(data) + 1), k=chance.randrange(20)))
    return [data[start:end] for start, end in zip([0, *places], [*places, len(data)], strict=True)]


def test_what_is_whole_is_handed_on_as_it_is() -> None:
    data = frames(HeadersFrame(1, b"x" * 100, flags=["END_HEADERS"]), DataFrame(1, b"y" * 16384))
    assert scanner().take(data, 0.0) == (data, False)


@pytest.mark.parametrize("seed", range(30))
def test_nothing_is_lost_or_changed_but_goodbyes(seed: int) -> None:
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
    data, more = target.take(SETTINGS + frame * (2 * TURN_FRAMES), 0.0)
    assert (data, more) == (SETTINGS + frame * (TURN_FRAMES - 1), True)
    data, more = target.take(frame, 0.0)
    assert (data, more) == (frame * TURN_FRAMES, True)
    assert target.take(b"", 0.0) == (frame * 2, False)


def test_a_goodbye_that_is_none_is_the_librarys_to_refuse() -> None:
    wrong = bytearray(GOAWAY)
    wrong[8] = 1
    target = scanner()
    assert target.take(SETTINGS + bytes(wrong), 0.0)[0] == SETTINGS + wrong
    assert not target.is_leaving


@pytest.mark.parametrize("first", [PingFrame(0, b"12345678"), SettingsFrame(0, flags=["ACK"])])
def test_the_first_frame_has_settings(first: Frame) -> None:
    with pytest.raises(FirstFrameError):
        scanner().take(first.serialize(), 0.0)


def test_a_frame_that_is_too_large_is_refused_by_its_head() -> None:
    target = scanner()
    with pytest.raises(FrameSizeError):
        target.take(SETTINGS + (16385).to_bytes(3) + bytes(6), 0.0)


def test_a_flood_is_noticed_before_the_library_reads_it() -> None:
    with pytest.raises(FloodError):
        scanner(pings=2).take(frames(*[PingFrame(0, b"12345678")] * 3), 0.0)


def test_within_a_head() -> None:
    target = scanner()
    head = HeadersFrame(1, b"x" * 100).serialize()
    rest = ContinuationFrame(1, b"y", flags=["END_HEADERS"]).serialize()
    for byte in SETTINGS:
        target.take(bytes([byte]), 0.0)
    assert not target.is_within_head
    for byte in head + rest[:-1]:
        target.take(bytes([byte]), 0.0)
        assert target.is_within_head
    target.take(rest[-1:], 0.0)
    assert not target.is_within_head
    target.take(DataFrame(1, b"x" * 100).serialize()[:50], 0.0)
    assert not target.is_within_head


def test_what_is_for_a_stream_at_its_end_is_told_apart() -> None:
    streams = {3}
    target = FrameScanner(Floods(FloodLimits(overhead_frames=2), 0.0), 16384, streams)
    first = [HeadersFrame(1, b"x", flags=["END_HEADERS"]), DataFrame(1, b"x"), RstStreamFrame(1, 8)]
    target.take(frames(*first, HeadersFrame(3, b"x", flags=["END_HEADERS"])), 0.0)
    for _ in range(10):
        target.take(DataFrame(3, b"").serialize(), 0.0)
    for _ in range(2):
        target.take(HeadersFrame(1, b"x", flags=["END_HEADERS"]).serialize(), 0.0)
    with pytest.raises(FloodError):
        target.take(DataFrame(1, b"x").serialize(), 0.0)

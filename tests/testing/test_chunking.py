import random

import pytest

from kyoukai.testing import Action, cuttings
from kyoukai.testing.chunking import (
    SPLITS,
    cut,
    random_pieces,
    slow_cuttings,
    small_pieces,
    with_actions,
)

TEXT = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


def generator():
    return random.Random(1)


@pytest.mark.parametrize("size", [1, 2, 27, 2048, 2049, 30_000])
def test_every_cutting_is_of_the_same_text(size):
    text = random.Random(2).randbytes(size)
    for cutting in cuttings(text, generator()):
        assert b"".join(cutting.pieces) == text, cutting.label
        assert all(cutting.pieces), cutting.label


def test_the_ways_of_a_short_text():
    ways = list(cuttings(TEXT, generator()))
    labels = [way.label for way in ways]
    size = len(TEXT)
    assert labels == [
        "whole",
        *(f"cut at {position}" for position in range(1, size)),
        "byte by byte",
        "random 1",
        "random 2",
        "random 3",
    ]
    assert ways[0].pieces == (TEXT,)
    assert [way.pieces for way in ways[1:size]] == [(TEXT[:at], TEXT[at:]) for at in range(1, size)]
    assert ways[size].pieces == tuple(bytes([byte]) for byte in TEXT)


def test_the_ways_of_a_long_text():
    text = bytes(30_000)
    ways = {way.label: way for way in cuttings(text, generator())}
    assert len([label for label in ways if label.startswith("cut at")]) == SPLITS
    assert all(64 <= len(piece) <= 1000 for piece in ways["byte by byte"].pieces[:-1])


def test_nothing_to_cut():
    assert [way.pieces for way in cuttings(b"", generator())] == [()] * 5


def test_the_same_seed_cuts_in_the_same_way():
    text = bytes(3000)
    assert list(cuttings(text, generator())) == list(cuttings(text, generator()))
    assert list(cuttings(text, generator())) != list(cuttings(text, random.Random(3)))


def test_slow_cuttings():
    ways = list(slow_cuttings(TEXT, generator()))
    assert [(way.label, len(way.pieces)) for way in ways] == [("whole", 1), ("byte by byte", len(TEXT))]


def test_random_pieces_keep_their_bounds():
    pieces = random_pieces(bytes(1000), generator(), 3, 7)
    assert {len(piece) for piece in pieces[:-1]} == {3, 4, 5, 6, 7}
    assert small_pieces(b"ab", generator()) == (b"a", b"b")


def test_cut():
    assert cut(b"abcd", (1, 3)) == (b"a", b"bc", b"d")
    assert cut(b"abcd", (0, 4)) == (b"abcd",)


def test_actions():
    assert with_actions((b"ab", b"cd"), None, None) == (b"ab", b"cd")
    assert with_actions((b"ab", b"cd"), None, Action.END) == (b"ab", b"cd", Action.END)
    assert with_actions((b"ab", b"cd"), 1, None) == (b"a", Action.PAUSE, b"b", b"cd")
    assert with_actions((b"ab", b"cd"), 2, Action.RESET) == (b"ab", Action.PAUSE, b"cd", Action.RESET)
    assert with_actions((b"ab", b"cd"), 4, None) == (b"ab", b"cd", Action.PAUSE)
    assert with_actions((b"ab", Action.PAUSE, b"cd"), None, None) == (b"ab", Action.PAUSE, b"cd")

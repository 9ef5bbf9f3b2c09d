"""The pieces that pyperf measures do what they are called after, and go on doing so."""

from collections.abc import Callable

import pytest

from benchmarks.pieces import make_pieces

PIECES = make_pieces()


@pytest.mark.parametrize("piece", PIECES.values(), ids=PIECES)
def test_a_piece_can_be_repeated(piece: Callable[[], object]) -> None:
    first, second = piece(), piece()
    assert type(first) is type(second)


def test_answers_are_made_ready() -> None:
    head, body = PIECES["serialize"]()  # type: ignore[misc]
    assert b"HTTP/1.1 200 OK\r\n" in head
    assert body == b"hello, world"


def test_environs_are_made() -> None:
    environ = PIECES["environ, browser"]()
    assert environ["HTTP_SEC_FETCH_MODE"] == "navigate"  # type: ignore[index]


def test_one_piece_of_each_kind() -> None:
    kinds = {name.partition(",")[0] for name in PIECES}
    assert kinds == {"parser", "policy", "environ", "routing", "serialize"}

"""Calls in threads that belong together."""

import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.serving.strands import (
    InStrand,
    Strand,
    adopt,
    note_strand,
    running_strand,
    strand_of,
    take_strand,
)

variable: contextvars.ContextVar[int] = contextvars.ContextVar("variable")


def test_a_token_of_one_call_is_good_in_the_next() -> None:
    strand = Strand()
    with ThreadPoolExecutor(1) as pool:
        token = pool.submit(strand.run, variable.set, 1).result()
        assert pool.submit(strand.run, variable.get).result() == 1
    strand.run(variable.reset, token)
    assert strand.run(variable.get, 0) == 0
    assert variable.get(0) == 0


def test_one_call_waits_for_the_other() -> None:
    strand, begun, go_on = Strand(), threading.Event(), threading.Event()
    order: list[str] = []

    def first() -> None:
        begun.set()
        go_on.wait(20)
        order.append("first")

    with ThreadPoolExecutor(2) as pool:
        pool.submit(strand.run, first)
        assert begun.wait(20)
        second = pool.submit(strand.run, order.append, "second")
        go_on.set()
        second.result(20)
    assert order == ["first", "second"]


def test_a_strand_may_be_entered_within_itself() -> None:
    strand, other = Strand(), Strand()

    def inner() -> list[Strand | None]:
        return [running_strand(), strand.run(running_strand), other.run(running_strand), running_strand()]

    assert strand.run(inner) == [strand, strand, other, strand]
    assert running_strand() is None


@pytest.mark.parametrize("raises", [False, True])
def test_a_thread_is_let_go_of_whatever_is_raised(raises: bool) -> None:
    strand = Strand()
    if raises:
        with pytest.raises(ZeroDivisionError):
            strand.run(lambda: 1 / 0)
    assert strand.run(int) == 0
    assert running_strand() is None


def test_what_is_noted_of_a_body_is_taken_once() -> None:
    def pieces() -> Iterator[bytes]:
        yield b""

    strand, body = Strand(), pieces()
    assert strand_of(body) is None
    note_strand(body, strand)
    assert strand_of(body) is strand
    assert take_strand(body) is strand
    assert take_strand(body) is None


def test_nothing_is_noted_of_what_has_nothing_to_close() -> None:
    note_strand([b"abc"], Strand())
    assert strand_of([b"abc"]) is None
    assert take_strand([b"abc"]) is None


def test_the_callbacks_that_were_given_in_a_thread() -> None:
    strand, response = Strand(), Response()
    strand.run(variable.set, 1)
    seen: list[int] = []
    for _ in range(2):
        response.call_on_close(lambda: seen.append(variable.get(0)))
    adopt(response, strand, known=1)
    adopt(response, Strand(), known=1)
    assert [isinstance(callback, InStrand) for callback in response._on_close] == [False, True]
    # Whoever calls them by hand has them where they belong, too.
    response.close()
    assert seen == [0, 1]

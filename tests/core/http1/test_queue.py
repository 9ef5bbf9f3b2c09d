"""The queue by itself: whose turn it is, and when it is full."""

from collections.abc import Callable

import pytest

from kyoukai.core.http1.queue import ExchangeQueue


class Waiting:
    """What is queued: its answer takes a while, or is there at once.

    :param at_once: the queue, where it is answered as soon as it is begun.
    """

    def __init__(self, name: str = "", *, at_once: ExchangeQueue | None = None, fills: bool = False) -> None:
        self.name = name
        self.at_once = at_once
        self.is_begun = False
        self.started = self.asked = 0
        self._fills = fills
        self.also: Callable[[], None] = lambda: None

    @property
    def fills(self) -> bool:
        self.asked += 1
        return self._fills

    def start(self) -> None:
        self.started += 1
        self.also()
        if self.at_once is not None:
            self.at_once.end_first()


def test_queue_begins_nothing_before_it_resumes() -> None:
    queue, first = ExchangeQueue(10), Waiting()
    queue.add(first, may_fill=False)
    assert first.is_begun
    assert not first.started
    # Most requests are not asked, which is a call less.
    assert not first.asked
    assert not queue.is_answering
    queue.go_on()
    assert (first.started, queue.is_answering, queue.waiting) == (1, True, [first])


def test_an_empty_queue_goes_on_to_nothing() -> None:
    queue = ExchangeQueue(10)
    queue.go_on()
    assert not queue.is_answering
    assert not queue.is_full


def test_request_begins_after_the_answer_before_it() -> None:
    queue, requests = ExchangeQueue(10), [Waiting() for _ in range(3)]
    for request in requests:
        queue.add(request)
    for number in range(3):
        queue.go_on()
        queue.go_on()
        assert [request.started for request in requests] == [1] * (number + 1) + [0] * (2 - number)
        queue.end_first()
        assert not queue.is_answering
    assert queue.waiting == []


def test_immediate_answers_do_not_grow_the_stack() -> None:
    queue, depths = ExchangeQueue(10_000), []
    depth = 0

    def go_on() -> None:
        # As a connection does where an answer is at its end.
        nonlocal depth
        depth += 1
        depths.append(depth)
        queue.go_on()
        depth -= 1

    requests = [Waiting(at_once=queue) for _ in range(5000)]
    for request in requests:
        request.also = go_on
        queue.add(request)
    queue.go_on()
    assert [request.started for request in requests] == [1] * 5000
    assert queue.waiting == []
    assert max(depths) == 1


def test_request_added_while_another_begins_is_served() -> None:
    queue = ExchangeQueue(10)
    first, second = Waiting(at_once=queue), Waiting()
    first.also = lambda: queue.add(second)
    queue.add(first)
    queue.go_on()
    assert (first.started, second.started) == (1, 1)
    assert queue.waiting == [second]


def test_queue_continues_after_a_request_that_fails_to_begin() -> None:
    queue = ExchangeQueue(10)
    first, second = Waiting(), Waiting()

    def fail() -> None:
        raise ZeroDivisionError

    first.also = fail
    queue.add(first)
    queue.add(second)
    with pytest.raises(ZeroDivisionError):
        queue.go_on()
    queue.end_first()
    queue.go_on()
    assert second.started == 1


@pytest.mark.parametrize("most", [1, 2, 10])
def test_queue_capacity(most: int) -> None:
    queue = ExchangeQueue(most)
    for number in range(most):
        assert not queue.is_full, number
        queue.add(Waiting())
    assert queue.is_full
    queue.end_first()
    assert not queue.is_full
    queue.add(Waiting())
    assert queue.is_full


def test_queue_is_full_while_its_last_request_fills_it() -> None:
    queue = ExchangeQueue(10)
    queue.add(Waiting())
    queue.add(Waiting())
    last = Waiting(fills=True)
    queue.add(last)
    assert queue.is_full
    queue.end_first()
    assert queue.is_full
    # A large body is no reason any more once its request is being answered.
    last._fills = False
    queue.end_first()
    assert queue.waiting == [last]
    assert not queue.is_full


def test_it_can_be_cleared() -> None:
    queue = ExchangeQueue(1)
    queue.add(Waiting())
    assert queue.is_full
    queue.clear()
    assert queue.waiting == []
    assert not queue.is_full

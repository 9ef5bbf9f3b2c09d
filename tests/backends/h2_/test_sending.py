"""Who is cut off for taking nothing, and who only waits for others."""

from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.backends.h2_.sending import Sender


class Connection:
    """What a sender asks of its connection, and of the library.

    :param window: of the connection.
    :param windows: of the streams.
    """

    def __init__(self, window: int, windows: dict[int, int]) -> None:
        self.outbound_flow_control_window = window
        self.stream_window = windows.__getitem__
        self.aborted = False
        self.refusals: list[str] = []
        self.note_refusal = self.refusals.append
        self.lost: list[int] = []

    def abort(self) -> None:
        self.aborted = True

    def reset_stream(self, exchange: Any, code: int) -> None:
        self.lost.append(exchange.stream_id)

    def lose_stream(self, exchange: Any) -> None:
        assert self.lost[-1] == exchange.stream_id


def check(window: int, windows: dict[int, int], stalled: dict[int, float], sent_at: float) -> Connection:
    """Check at 20 s, with a timeout of 10 s."""
    connection: Any = Connection(window, windows)
    sender = Sender(connection, connection)
    sender.sent_at = sent_at
    for stream_id, since in stalled.items():
        exchange: Any = SimpleNamespace(stream_id=stream_id, stalled_since=since)
        sender.waiting[stream_id] = exchange
    sender.check_takers(10.0)
    return connection


@pytest.mark.parametrize("window", [0, -5])
def test_a_client_that_takes_nothing_is_cut_off(window: int) -> None:
    assert check(window, {1: 100, 3: 0}, {1: 9.0, 3: 9.0}, sent_at=9.0).aborted


def test_answer_behind_more_urgent_answers_waits() -> None:
    connection = check(0, {1: 100, 3: 100}, {1: 5.0, 3: 19.0}, sent_at=19.0)
    assert not connection.aborted
    assert connection.lost == []


def test_a_stream_without_a_window_ends_alone() -> None:
    connection = check(0, {1: 0, 3: 100}, {1: 5.0, 3: 19.0}, sent_at=19.0)
    assert not connection.aborted
    assert connection.lost == [1]


def test_no_stream_is_late() -> None:
    connection = check(0, {1: 0}, {1: 11.0}, sent_at=11.0)
    assert not connection.aborted
    assert connection.lost == []

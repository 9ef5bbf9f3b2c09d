"""Budgets: what each frame costs, and what is given back."""

import pytest
from h2.errors import ErrorCodes

from kyoukai.backends.h2_.floods import (
    CONTINUATION,
    DATA,
    END_STREAM,
    FIELDS_A_FRAME,
    HEADERS,
    PING,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Budget,
    FloodError,
    FloodLimits,
    Floods,
)

LIMITS = FloodLimits(resets=3, pings=3, settings=3, empty_frames=3, overhead_frames=3, continuations=3)


def spend(floods: Floods, kind: int, count: int, now: float = 0.0, flags: int = 0, size: int = 0) -> None:
    for _ in range(count):
        floods.note(kind, flags, size, now)


@pytest.mark.parametrize(
    "kind", [RST_STREAM, PING, SETTINGS, DATA, PRIORITY, WINDOW_UPDATE, CONTINUATION, 0x10, 0xFF]
)
def test_one_too_many(kind: int) -> None:
    floods = Floods(LIMITS, 0.0)
    spend(floods, kind, 3)
    with pytest.raises(FloodError, match="too many ") as caught:
        spend(floods, kind, 1)
    assert caught.value.code == ErrorCodes.ENHANCE_YOUR_CALM


def test_heads_and_content_are_no_flood() -> None:
    floods = Floods(LIMITS, 0.0)
    spend(floods, HEADERS, 1000, size=10)
    spend(floods, DATA, 1000, size=1)
    spend(floods, DATA, 1000, flags=END_STREAM)


def test_each_head_may_have_as_many_continuations() -> None:
    floods = Floods(LIMITS, 0.0)
    for _ in range(10):
        spend(floods, HEADERS, 1)
        spend(floods, CONTINUATION, 3)


def test_seconds_give_back() -> None:
    budget = Budget("x", 10, 2.0, 0.0)
    for _ in range(10):
        budget.spend(0.0)
    for _ in range(4):
        budget.spend(2.0)
    with pytest.raises(FloodError):
        budget.spend(2.0)


def test_no_more_is_given_back_than_was_spent() -> None:
    budget = Budget("x", 2, 1.0, 0.0)
    budget.spend(0.0)
    budget.spend(0.0)
    for _ in range(2):
        budget.spend(1000.0)
    with pytest.raises(FloodError):
        budget.spend(1000.0)


@pytest.mark.parametrize(("kind", "size"), [(HEADERS, 5), (DATA, 5)])
def test_content_earns_credit_for_updates(kind: int, size: int) -> None:
    floods = Floods(LIMITS, 0.0)
    for _ in range(100):
        spend(floods, WINDOW_UPDATE, 3)
        spend(floods, kind, 1, size=size)


def test_sent_content_earns_credit_for_updates_and_pings() -> None:
    floods = Floods(LIMITS, 0.0)
    for _ in range(100):
        spend(floods, WINDOW_UPDATE, 3)
        spend(floods, PING, 3)
        floods.note_sent(3)


@pytest.mark.parametrize("kind", [HEADERS, DATA, RST_STREAM, WINDOW_UPDATE])
def test_frames_for_an_ended_stream_carry_nothing(kind: int) -> None:
    floods = Floods(LIMITS, 0.0)
    for _ in range(3):
        floods.note(kind, 0, 100, 0.0, is_stray=True)
    with pytest.raises(FloodError):
        floods.note(kind, 0, 100, 0.0, is_stray=True)


def test_answers_pay_for_requests_taken_back() -> None:
    floods = Floods(LIMITS, 0.0)
    for _ in range(100):
        spend(floods, RST_STREAM, 3)
        for _ in range(3):
            floods.note_answered()


def test_fields_that_are_too_many() -> None:
    floods = Floods(FloodLimits(overhead_frames=100), 0.0)
    # As many as a head may have, and some more, are no matter.
    for count in (-90, 0, FIELDS_A_FRAME - 1):
        for _ in range(1000):
            floods.note_fields(count, 0.0)
    for _ in range(10):
        floods.note_fields(10 * FIELDS_A_FRAME, 0.0)
    with pytest.raises(FloodError):
        floods.note_fields(FIELDS_A_FRAME, 0.0)

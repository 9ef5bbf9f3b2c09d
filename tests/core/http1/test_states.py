"""The states of a reader: the table, pair by pair, and that no state is unreachable or a trap."""

import itertools

import pytest

from kyoukai.core.errors import KyoukaiError
from kyoukai.core.http1 import states
from kyoukai.core.http1.states import EVENTS, STATES, TABLE, IllegalTransitionError, State

NAMES = ("idle", "arriving", "head", "body", "ended")

ALL_EVENTS = ("begin", "end", "headers_complete", "message_begin", "message_complete", "resume")

# Written out here, so that a slip in the table is a failure and not the new expectation.
FOLLOWING = {
    ("idle", "begin"): "arriving",
    ("idle", "resume"): "body",
    ("idle", "end"): "ended",
    ("arriving", "message_begin"): "head",
    ("arriving", "end"): "ended",
    ("head", "headers_complete"): "body",
    ("head", "end"): "ended",
    ("body", "message_complete"): "idle",
    ("body", "end"): "ended",
    ("ended", "end"): "ended",
}

PAIRS = sorted(itertools.product(NAMES, ALL_EVENTS))


def test_the_names() -> None:
    assert tuple(STATES) == NAMES
    assert EVENTS == ALL_EVENTS
    assert [state.name for state in STATES.values()] == list(NAMES)
    assert tuple(STATES.values()) == (states.IDLE, states.ARRIVING, states.HEAD, states.BODY, states.ENDED)
    assert frozenset({states.ARRIVING, states.HEAD}) == states.IN_HEAD


@pytest.mark.parametrize(("state", "event"), [pair for pair in PAIRS if pair in FOLLOWING])
def test_admitted(state: str, event: str) -> None:
    assert getattr(STATES[state], event) is STATES[FOLLOWING[state, event]]


@pytest.mark.parametrize(("state", "event"), [pair for pair in PAIRS if pair not in FOLLOWING])
def test_not_admitted(state: str, event: str) -> None:
    with pytest.raises(IllegalTransitionError, match=rf"^{event} cannot happen in the state {state}$"):
        getattr(STATES[state], event)


def reachable(start: str) -> set[str]:
    """Return the states that any sequence of events leads to from ``start``."""
    seen: set[str] = set()
    left = [start]
    while left:
        state = left.pop()
        if state not in seen:
            seen.add(state)
            left += TABLE[state].values()
    return seen


def test_every_state_is_reached_from_the_first() -> None:
    assert reachable("idle") == set(NAMES)


@pytest.mark.parametrize("state", NAMES)
def test_every_state_leads_to_the_last(state: str) -> None:
    assert "ended" in reachable(state)


@pytest.mark.parametrize("state", NAMES)
def test_reading_can_be_ended_at_any_time(state: str) -> None:
    assert TABLE[state]["end"] == "ended"


def test_no_request_is_read_after_the_last() -> None:
    assert reachable("ended") == {"ended"}


def test_no_event_is_without_use() -> None:
    assert {event for _, event in FOLLOWING} == set(ALL_EVENTS)


def test_one_request_after_the_other() -> None:
    state = STATES["idle"]
    for _ in range(3):
        state = state.begin
        state = state.message_begin
        state = state.headers_complete
        state = state.message_complete
    assert state is STATES["idle"]


@pytest.mark.parametrize("state", [name for name in NAMES if name != "arriving"])
def test_a_parser_begins_a_message_only_where_one_arrives(state: str) -> None:
    # A parser that takes one head for two requests is found out.
    with pytest.raises(IllegalTransitionError, match="message_begin"):
        STATES[state].message_begin  # noqa: B018


@pytest.mark.parametrize("name", NAMES)
def test_the_module_tells_of_every_state(name: str) -> None:
    assert states.__doc__ is not None
    assert f"\n``{name}``\n" in states.__doc__


def test_unknown_event_is_not_an_attribute() -> None:
    with pytest.raises(AttributeError, match="unheard_of"):
        STATES["idle"].unheard_of  # type: ignore[attr-defined] # noqa: B018
    assert not hasattr(STATES["idle"], "unheard_of")


def test_the_error() -> None:
    assert issubclass(IllegalTransitionError, KyoukaiError)
    assert issubclass(IllegalTransitionError, RuntimeError)
    # hasattr() and getattr() with a default must not hide it.
    assert not issubclass(IllegalTransitionError, AttributeError)


def test_repr() -> None:
    assert repr(State("idle")) == "<State idle>"

"""How long the checks of the rules wait for what must come."""

import asyncio

from kyoukai.testing import stage
from kyoukai.testing.stage import LEAST_TURNS, wait_for


def turns_until(turn: int, monkeypatch) -> bool:
    """Wait with no patience for what comes after some turns of the loop."""
    monkeypatch.setattr(stage, "PATIENCE", 0.0)
    turns = 0

    def has_come() -> bool:
        nonlocal turns
        turns += 1
        return turns > turn

    return asyncio.run(wait_for(has_come, 1.0, lambda: False))


def test_arriving_data_gets_its_turns_on_slow_machines(monkeypatch) -> None:
    assert turns_until(LEAST_TURNS, monkeypatch)
    assert not turns_until(10 * LEAST_TURNS, monkeypatch)


def test_impossible_data_is_waited_for_briefly(monkeypatch) -> None:
    """The parsers of tests/testing/test_causes.py are waited for in this way."""
    monkeypatch.setattr(stage, "PATIENCE", 3600.0)
    assert not asyncio.run(wait_for(lambda: False, 1.0, lambda: True))

"""Whether there are workers enough, as a fact of the workers: it is the same whoever asks, and how often."""

from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.server.supervisor.phases import Phase
from kyoukai.server.supervisor.process import State
from kyoukai.server.supervisor.readiness import read_status
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.slot import Slot
from kyoukai.server.supervisor.slots import Slots


class Stub:
    """A worker without a process."""

    state = State.STARTING

    def drain(self, reason: str, **values: object) -> None:
        """Do as it is told."""
        self.state = State.DRAINING


@pytest.fixture
def slots() -> Slots:
    """Two slots whose workers have not started."""

    sockets: Any = SimpleNamespace(apart=False)
    command: Any = None
    slots = Slots(Supervision(workers=2), sockets, command, lambda slot, worker: None)
    for number in range(2):
        slots.opened.append(slot := Slot(number, []))
        slot.current = Stub()  # type: ignore[assignment]
    return slots


def serve(slots: Slots, number: int) -> None:
    slot = slots.opened[number]
    assert slot.current is not None
    slot.current.state = State.SERVING
    slots.settle(slot)


def lose(slots: Slots, number: int) -> None:
    slot = slots.opened[number]
    assert slot.current is not None
    slot.forget(slot.current)


def is_ready(slots: Slots, phase: Phase = Phase.SERVING) -> bool:
    return read_status(slots, phase).is_ready


def test_all_workers_are_needed_at_first_and_then_one(slots: Slots) -> None:
    serve(slots, 0)
    assert read_status(slots, Phase.SERVING).reason == "1 of 2 workers are ready"
    serve(slots, 1)
    # Nobody asks while there are all.
    lose(slots, 0)
    assert is_ready(slots)
    lose(slots, 1)
    assert read_status(slots, Phase.SERVING).reason == "0 of 1 workers are ready"


def test_worker_lost_at_first_is_still_needed(slots: Slots) -> None:
    serve(slots, 0)
    lose(slots, 0)
    serve(slots, 1)
    assert not is_ready(slots)


def test_fewer_may_be_all(slots: Slots) -> None:
    serve(slots, 0)
    assert not is_ready(slots)
    slots.close_last()
    assert read_status(slots, Phase.SERVING).workers == {"ready": 1, "not_ready": 0}
    assert is_ready(slots)


def test_to_ask_changes_nothing(slots: Slots) -> None:
    """A supervisor that is replaced is as ready as the one that serves, and what it has is its own."""
    assert is_ready(slots, Phase.REPLACED)
    assert not is_ready(slots)
    assert read_status(slots, Phase.STARTING) == read_status(slots, Phase.STARTING)


def test_no_more_are_needed_than_there_are_sockets_for(
    slots: Slots, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(number: int) -> Any:
        raise OSError(24, "Too many open files")

    lose(slots, 1)
    slots.opened.pop()
    slots._sockets.slot = fail  # type: ignore[method-assign]
    serve(slots, 0)
    assert not is_ready(slots)
    slots.open()
    assert "cannot open a socket for worker 2: Too many open files" in caplog.text
    assert is_ready(slots)

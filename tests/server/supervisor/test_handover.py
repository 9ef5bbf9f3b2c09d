"""What two supervisors say to each other, and what the new one makes of it."""

import asyncio
import os
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.handed import Column, socket_name
from kyoukai.server.metrics.book import Book
from kyoukai.server.metrics.layout import FIRST
from kyoukai.server.metrics.region import Labels
from kyoukai.server.supervisor import handover, predecessor, upgrade
from kyoukai.server.supervisor.channel import Channel, Message, pair
from kyoukai.server.supervisor.handover import (
    LAYOUT,
    VERSION,
    HandoverError,
    describe,
    flatten,
    read_columns,
    receive,
    send,
)
from kyoukai.server.supervisor.predecessor import Predecessor, adopt_environment, reporting_failure
from kyoukai.server.supervisor.settings import Supervision
from kyoukai.server.supervisor.takeover import Takeover
from kyoukai.server.supervisor.tally import Tally
from kyoukai.server.supervisor.upgrade import Successor, Upgrades

from ...serving import PATIENCE


@pytest.fixture
def ends() -> Iterator[tuple[Channel, Channel]]:
    """The old supervisor's end of a channel, and the new one's."""
    ours, theirs = pair()
    other = Channel(theirs)
    yield ours, other
    ours.close()
    other.close()


@pytest.mark.parametrize("count", [0, 1, 250, 251, 600])
def test_any_number_of_descriptors(ends: tuple[Channel, Channel], count: int) -> None:
    old, new = ends
    with open(os.devnull) as file:
        assert send(old, "estate", [file.fileno()] * count, pid=1)
    message = receive(new)
    assert (message.kind, message.values["pid"], len(message.descriptors)) == ("estate", 1, count)
    for descriptor in message.descriptors:
        os.close(descriptor)


def test_missing_messages_are_not_waited_for(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = ends
    monkeypatch.setattr(handover, "PATIENCE", 0.01)
    with pytest.raises(HandoverError, match="the old supervisor sends nothing"):
        receive(new)
    old.send("estate", total=1)
    old.close()
    with pytest.raises(HandoverError, match="the old supervisor is gone"):
        receive(new)


def test_columns_come_as_they_are(ends: tuple[Channel, Channel]) -> None:
    old, new = ends
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        columns = [
            Column(0, "", socket_name(first), None, [first, second]),
            Column(1, "unix:a", "a", (1, 2), [second]),
        ]
        send(old, "estate", flatten(columns), listening=describe(columns))
        message = receive(new)
        found = read_columns(message.values["listening"], message.descriptors)
        assert message.descriptors == []
        for column, copy in zip(columns, found, strict=True):
            assert copy[:4] == column[:4]
            names = [sock.getsockname() for sock in copy.sockets]
            assert names == [sock.getsockname() for sock in column.sockets]
            for sock in copy.sockets:
                sock.close()


@pytest.mark.parametrize("values", [{"version": VERSION + 1}, {"version": VERSION, "kind": "go"}])
def test_another_language_is_not_understood(ends: tuple[Channel, Channel], values: dict[str, object]) -> None:
    old, new = ends
    kind = str(values.pop("kind", "estate"))
    send(old, kind, [], listening=[], admin=[], pid=1, **values)
    with pytest.raises(HandoverError, match="this version of Kyoukai cannot take over from the running one"):
        Predecessor(new).read_estate()


@pytest.mark.parametrize(
    "error", [ConfigurationError("port is no good"), HandoverError("port is no good")], ids=["click", "ours"]
)
def test_failed_start_is_reported_to_the_predecessor_once(
    ends: tuple[Channel, Channel], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    old, new = ends
    monkeypatch.setattr(predecessor, "_predecessor", Predecessor(new))
    with pytest.raises(type(error)), reporting_failure(), reporting_failure():
        raise error
    assert old.receive() == ("failed", {"why": "port is no good"}, [])
    assert old.receive() is None


def test_without_a_predecessor_no_message_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(handover.VARIABLE, raising=False)
    with pytest.raises(ConfigurationError), reporting_failure():
        raise ConfigurationError("port is no good")


def test_service_manager_variables_of_the_predecessor() -> None:
    environ = {
        "LISTEN_PID": "7",
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "http",
        "WATCHDOG_PID": "7",
        "WATCHDOG_USEC": "1000",
    }
    adopt_environment(7, environ)
    assert environ == {"WATCHDOG_PID": str(os.getpid()), "WATCHDOG_USEC": "1000"}
    environ["WATCHDOG_PID"] = "8"
    adopt_environment(7, environ)
    assert environ["WATCHDOG_PID"] == "8"


class Started:
    """A new supervisor's process, which runs."""

    pid = 7
    returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it has ended, if it has."""
        return self.returncode


class Starting:
    """Starts it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.started = Started()

    def start(self, variable: str) -> tuple[Any, Channel]:
        """Return it."""
        return self.started, self.channel


def test_last_message_of_the_successor_is_its_reason(ends: tuple[Channel, Channel]) -> None:
    """Its end may be heard of before that is read."""
    old, new = ends

    async def end() -> str | None:
        command = Starting(old)
        successor = Successor(command, [], [], None, lambda successor: True)  # type: ignore[arg-type]
        new.send("failed", why="port is no good")
        command.started.returncode = 1
        return successor.poll()

    assert asyncio.run(end()) == "the new supervisor (pid 7) does not start: port is no good"


@pytest.mark.parametrize(("is_last", "kind"), [(True, "ended"), (False, "ends")])
def test_earlier_predecessor_only_reports_the_end_of_its_workers(
    ends: tuple[Channel, Channel], is_last: bool, kind: str
) -> None:
    """Those of the one before it, which is stopped later, count still."""
    old, new = ends
    tally = Tally()
    tally.end("upgrade", None)

    async def finish() -> None:
        upgrades = Upgrades(Starting(old))  # type: ignore[arg-type]
        assert upgrades.begin(Supervision(), [], lambda successor: True)
        assert receive(new).kind == "estate"
        assert upgrades.successor is not None
        upgrades.successor.serves = True
        upgrades.finish(tally, is_last=is_last)

    asyncio.run(finish())
    message = receive(new)
    assert (message.kind, message.values) == (kind, {"ends": {"upgrade": 1}})
    with pytest.raises(HandoverError, match="is gone"):
        receive(new)


@pytest.mark.parametrize("is_half_said", [False, True])
def test_failed_go_message_makes_the_predecessor_gone(
    ends: tuple[Channel, Channel],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    is_half_said: bool,
) -> None:
    """Else it would wait: the system takes no message, or no descriptors, of either side's."""
    old, new = ends

    def fail(channel: Channel, kind: str, descriptors: object, **values: object) -> bool:
        if kind == "go":
            return is_half_said and not channel.send("go", total=1)
        return send(channel, kind, [], **values)

    monkeypatch.setattr(upgrade, "send", fail)

    async def hand_over() -> None:
        heard: list[object] = []
        taken = asyncio.Event()

        def take(message: object) -> None:
            heard.append(message)
            taken.set()

        successor = Successor(Starting(old), [], [], None, lambda successor: True)  # type: ignore[arg-type]
        assert receive(new).kind == "estate"
        Predecessor(new).begin(take)
        successor.hand_over(Tally(), [])
        await asyncio.wait_for(taken.wait(), PATIENCE)
        assert heard == [None]
        # What the old one does afterwards is nothing to it.
        successor.tell("ended", Tally())
        successor.close()

    asyncio.run(hand_over())
    assert "cannot be sent to the new supervisor (pid 7)" in caplog.text


LABELS = Labels("GET", 200, "/")


def count(tally: Tally, worker: str, number: int) -> object:
    """Have a worker count so many requests, and return what it counts in."""
    assert tally.book is not None
    region = tally.book.open(worker)
    region.cells[region.place(LABELS) + FIRST] = number
    return region


def counted(tally: Tally) -> float:
    assert tally.book is not None
    return tally.book.sum().series[LABELS][FIRST]


def inherit(new: Tally, old: Tally) -> bool:
    descriptors = [os.dup(descriptor) for descriptor in old.hold()]
    return new.inherit(old.ends, descriptors, LAYOUT)


def test_counts_go_on_over_two_supervisors() -> None:
    first, second, third = Tally(Book()), Tally(Book()), Tally(Book())
    ended, live = count(first, "1", 1), count(first, "2", 10)
    first.end("crashed", ended)  # type: ignore[arg-type]
    assert inherit(second, first)
    # It is counted by the second already, and moves no more.
    first.end("upgrade", live)  # type: ignore[arg-type]
    count(second, "1", 100)
    assert counted(second) == 111
    assert inherit(third, second)
    # What the second is told of by the first, when it has handed over itself, changes nothing either.
    second.settle()
    assert counted(third) == 111
    count(third, "1", 1000)
    third.settle()
    assert counted(third) == 1111
    for tally in (first, second, third):
        assert tally.book is not None
        tally.book.shut()


def test_successor_takes_over_the_counts_of_its_predecessor() -> None:
    """Else each upgrade would add the memory that its workers counted in, and hand it on to the next."""
    old, new = Tally(Book()), Tally(Book())
    count(old, "1", 1)
    assert inherit(new, old)
    ended: list[str] = []
    before: Any = SimpleNamespace(has_ended=False, serves=False)
    unused: Any = None
    takeover = Takeover(before, unused, unused, new, unused, lambda: ended.append("the old one"))
    takeover.take(Message("ends", {"ends": {"upgrade": 1}}, []), is_wanted=True)
    assert ended == []
    for _ in range(2):
        takeover.take(Message("ended", {"ends": {"upgrade": 1}}, []), is_wanted=True)
    assert ended == ["the old one"]
    assert new.ends == {"upgrade": 3}
    assert counted(new) == 1
    # Its own, of workers that have ended.
    assert len(new.hold()) == 1
    for tally in (old, new):
        assert tally.book is not None
        tally.book.shut()


def test_ends_are_told_once() -> None:
    first, second = Tally(), Tally()
    first.end("crashed", None)
    assert inherit(second, first)
    first.untold.clear()
    first.end("upgrade", None)
    first.end("upgrade", None)
    assert first.untold == {"upgrade": 2}
    second.add(first.untold)
    assert second.ends == {"crashed": 1, "upgrade": 2}


def test_counts_of_another_layout_are_dropped() -> None:
    old, new = Tally(Book()), Tally(Book())
    count(old, "1", 1)
    descriptors = [os.dup(descriptor) for descriptor in old.hold()]
    assert not new.inherit({}, descriptors, [*LAYOUT, 1])
    assert new.book is not None
    assert LABELS not in new.book.sum().series
    for descriptor in descriptors:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(descriptor)
    # Where this one counts nothing, there is nothing to be said of.
    assert Tally().inherit({}, [], LAYOUT)
    for tally in (old, new):
        assert tally.book is not None
        tally.book.shut()

"""The connections of a server: held, handed over and counted."""

from typing import Any

import pytest

from kyoukai.core.serving.server_state import Server

from ..wires import run, turns


class Connection:
    """One that notes what the server calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def sweep(self, now: float) -> None:
        self.calls.append("sweep")

    def shutdown(self) -> None:
        self.calls.append("shutdown")

    def abort(self) -> None:
        self.calls.append("abort")


class Watched:
    """A server, and what has been told of its connections.

    :param counts: whether they are counted.
    """

    def __init__(self, counts: bool = True) -> None:
        self.told: list[Any] = []
        self.server = Server(on_opened=self.told.append, on_lost=lambda *lost: self.told.append(lost))
        if counts:
            self.server.watch(lambda: self.told.append("+"), lambda: self.told.append("-"))


def test_a_connection_is_counted_before_who_listens_is_told() -> None:
    async def main() -> None:
        watched, connection = Watched(), Connection()
        watched.server.opened(connection)
        watched.server.lost(connection, None)
        assert watched.told == ["+", connection, "-", (connection, None)]

    run(main)


def test_it_is_counted_where_nobody_listens() -> None:
    async def main() -> None:
        told: list[str] = []
        server, connection = Server(), Connection()
        server.watch(lambda: told.append("+"), lambda: told.append("-"))
        server.opened(connection)
        server.lost(connection, None)
        assert told == ["+", "-"]

    run(main)


def test_one_that_is_handed_over_is_counted_once() -> None:
    async def main() -> None:
        watched, first, second = Watched(), Connection(), Connection()
        server = watched.server
        server.hold(first)
        assert (watched.told, server.connections) == (["+"], {first})
        server.hand_over(first, lambda: server.opened(second))
        assert (watched.told, server.connections) == (["+", second], {second})
        server.lost(second, None)
        # The next one counts anew.
        server.opened(first)
        assert watched.told == ["+", second, "-", (second, None), "+", first]

    run(main)


def test_one_that_nobody_takes_note_of_any_more_is_gone() -> None:
    async def main() -> None:
        watched, first, second = Watched(), Connection(), Connection()
        watched.server.hold(first)
        watched.server.hand_over(first, lambda: None)
        assert (watched.told, watched.server.connections) == (["+", "-"], set())
        watched.server.opened(second)
        assert watched.told == ["+", "-", "+", second]

    run(main)


def test_one_that_fails_as_it_is_handed_over_is_gone() -> None:
    def fail() -> None:
        raise RuntimeError("no connection today")

    async def main() -> None:
        watched, connection = Watched(), Connection()
        watched.server.hold(connection)
        with pytest.raises(RuntimeError, match="no connection today"):
            watched.server.hand_over(connection, fail)
        assert (watched.told, watched.server.connections) == (["+", "-"], set())

    run(main)


@pytest.mark.parametrize("counts", [True, False])
def test_one_that_is_lost_while_it_is_held(counts: bool) -> None:
    async def main() -> None:
        watched, connection = Watched(counts), Connection()
        watched.server.hold(connection)
        watched.server.drop(connection)
        watched.server.drop(connection)
        assert (watched.told, watched.server.connections) == (["+", "-"] if counts else [], set())

    run(main)


def test_one_that_is_held_as_the_server_stops_is_told_so() -> None:
    async def main() -> None:
        watched, connection = Watched(), Connection()
        watched.server.stopping = True
        watched.server.hold(connection)
        assert connection.calls == []
        await turns(1)
        assert connection.calls == ["shutdown"]

    run(main)

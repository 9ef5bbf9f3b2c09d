"""Sockets that one server hands to another find their listeners, whose settings may have changed."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from kyoukai.core.errors import ListenError
from kyoukai.server.handed import Column, Handed, columns_of, socket_name
from kyoukai.server.listeners import Listeners, Sockets, close
from kyoukai.server.sockets import inherit

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has supervisors")


def of(**settings: Any) -> Listeners:
    return Listeners.from_settings(settings)


@contextlib.contextmanager
def opened(listeners: Listeners, workers: int = 1) -> Iterator[list[Sockets]]:
    """Listen for so many workers while the block runs."""
    slots = [asyncio.run(listeners.open(shared=True))]
    slots += [listeners.beside(slots[0]) for _ in range(1, workers)]
    try:
        yield slots
    finally:
        listeners.remove()
        for slot in slots:
            close(slot)


def handed(listeners: Listeners, slots: Sequence[Sockets]) -> Handed:
    """Return the sockets as another process gets them."""
    return Handed(
        column._replace(sockets=[inherit(os.dup(sock.fileno())) for sock in column.sockets])
        for column in listeners.columns(slots)
    )


@contextlib.contextmanager
def taken(listeners: Listeners, given: Handed, workers: int = 1) -> Iterator[list[Sockets]]:
    """Listen in the place of another server while the block runs."""
    listeners.take(given)
    with opened(listeners, workers) as slots:
        yield slots
    given.close()


def inode(sock: socket.socket) -> int:
    """Return what tells a socket, by whatever descriptor it is open."""
    return os.fstat(sock.fileno()).st_ino


def inodes(slots: Sequence[Sockets]) -> list[list[list[int]]]:
    return [[[inode(sock) for sock in some] for some in slot] for slot in slots]


def test_the_same_settings_find_all_sockets(tmp_path: Path) -> None:
    binds = ["127.0.0.1:0", f"unix:{tmp_path}/a", "127.0.0.1:0", "[::1]:0"]
    old, new = of(bind=binds), of(bind=binds)
    with opened(old, 3) as slots:
        given = handed(old, slots)
        with taken(new, given, 3) as others:
            assert inodes(others) == inodes(slots)
        # What it has not made itself, and does not own yet, it does not remove.
        assert (tmp_path / "a").exists()


def test_address_is_found_by_any_of_its_spellings() -> None:
    old = of(host="127.0.0.1", port=0)
    with opened(old, 2) as slots:
        port = slots[0][0][0].getsockname()[1]
        new = of(bind=[f"http://localhost:{port}"])
        given = handed(old, slots)
        with taken(new, given, 2) as others:
            assert {*inodes(others)[0][0], *inodes(others)[1][0]} >= {inode(slots[0][0][0])}
            mine = [[sock for sock in other[0] if sock.family == socket.AF_INET] for other in others]
            assert [inode(some[0]) for some in mine] == [inode(slot[0][0]) for slot in slots]


def test_sockets_for_fewer_and_for_more_workers() -> None:
    old, fewer, more = of(bind="127.0.0.1:0"), of(bind="127.0.0.1:0"), of(bind="127.0.0.1:0")
    with opened(old, 2) as slots:
        given = handed(old, slots)
        assert given.slots is None
        with taken(fewer, given) as others:
            assert given.slots == 2
            assert inodes(others) == inodes(slots)[:1]
            given.close_gone()
            another = given.beside(others[0][0][0])
            assert another is not None
            another.close()
            assert given.slots == 1
        with taken(more, handed(old, slots), 3) as others:
            assert inodes(others)[:2] == inodes(slots)
            # The third is beside them.
            assert others[2][0][0].getsockname() == slots[0][0][0].getsockname()
            assert inodes(others)[2] not in inodes(slots)


def test_a_shared_socket_does_for_any_number_of_workers(tmp_path: Path) -> None:
    old, new = of(uds=f"{tmp_path}/a"), of(bind=f"unix:{tmp_path}/a")
    with opened(old, 2) as slots, taken(new, given := handed(old, slots), 3) as others:
        assert given.slots is None
        assert len({inode(other[0][0]) for other in others}) == 1


def test_new_address_is_opened_and_removed_address_is_closed(tmp_path: Path) -> None:
    old = of(bind=["127.0.0.1:0", f"unix:{tmp_path}/gone"])
    with opened(old) as slots:
        given = handed(old, slots)
        names = {socket_name(sock) for some in slots[0] for sock in some}
        with taken(of(bind=[f"unix:{tmp_path}/new"]), given) as others:
            kept = {socket_name(sock) for some in others[0] for sock in some}
            assert not kept & names
            assert (tmp_path / "new").exists()
            old.leave(slots[0], kept)
            assert not (tmp_path / "gone").exists()
        assert not (tmp_path / "new").exists()


def test_an_address_beside_another_of_its_port() -> None:
    """All addresses of the port, where one was before; another server there is refused all the same."""
    old = of(bind="127.0.0.1:0")
    with opened(old) as slots:
        port = slots[0][0][0].getsockname()[1]
        wildcard = of(bind=f"0.0.0.0:{port}")
        with taken(wildcard, handed(old, slots)) as others:
            assert inodes(others) != inodes(slots)
        with pytest.raises(ListenError, match="the address is already in use"):
            asyncio.run(of(bind=f"0.0.0.0:{port}").open(shared=True))
    with socket.create_server(("127.0.0.1", 0)) as stranger, opened(old) as slots:
        other = of(bind=f"0.0.0.0:{stranger.getsockname()[1]}")
        given = handed(old, slots)
        other.take(given)
        with pytest.raises(ListenError, match="the address is already in use"):
            asyncio.run(other.open(shared=True))
        given.close()


def test_a_unix_socket_is_owned_when_the_other_server_leaves_it(tmp_path: Path) -> None:
    path = tmp_path / "a"
    old, new = of(uds=str(path)), of(bind=f"unix:{path}?mode=0600")
    with opened(old) as slots:
        with taken(new, handed(old, slots)) as others:
            assert path.stat().st_mode & 0o777 != 0o600
            old.leave(slots[0], {socket_name(others[0][0][0])})
            assert path.exists()
            new.own()
            assert path.stat().st_mode & 0o777 == 0o600
            old.remove()
            assert path.exists()
        assert not path.exists()


def test_failing_chmod_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a"
    old, new = of(uds=str(path)), of(bind=f"unix:{path}?mode=0600")
    with opened(old) as slots, taken(new, handed(old, slots)):
        path.unlink()
        new.own()
    assert f"the permissions of {path} cannot be set: No such file or directory" in caplog.text


def test_inherited_descriptor_is_matched_by_name() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first:
        old = of(bind=f"fd:{os.dup(first.fileno())}")
        with opened(old, 2) as slots:
            [key] = {column.key for column in old.columns(slots)}
            with taken(of(bind=key), handed(old, slots), 2) as others:
                assert inode(others[1][0][0]) == inode(first)
            # The number may be another's in this process.
            other = of(bind=f"fd:{first.fileno()}")
            given = handed(old, slots)
            other.take(given)
            with pytest.raises(ListenError, match="the old server does not; restart the server"):
                asyncio.run(other.open())
            given.close()
            assert first.getsockname()


def test_unclaimed_sockets_are_closed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        copy = sock.dup()
        given = Handed([Column(0, "", socket_name(sock), None, [copy])])
        assert given.take(sock.family, ("127.0.0.1", 1)) is None
        assert given.take_listener("none") == []
        given.close()
        given.close()
        assert copy.fileno() == -1


def test_sockets_of_several_workers_make_one_column() -> None:
    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        columns = columns_of(2, "key", None, [first, second, first])
        assert [(column.place, column.key, column.sockets) for column in columns] == [
            (2, "key", [first]),
            (2, "key", [second]),
        ]

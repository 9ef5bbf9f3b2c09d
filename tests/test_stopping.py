"""The steps of a stop: each is taken, whatever becomes of the others."""

import asyncio
import os
import signal

import pytest

from kyoukai import Kyoukai
from kyoukai.core.http1.protocol import HTTPProtocol

from .processes import QUICK, kyoukai_run, write_application
from .serving import Client, Running, message


class Noting:
    """An application that notes how it is stopped."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.app = app = Kyoukai("noting")
        self.go_on = asyncio.Event()

        @app.while_serving
        async def around(ctx):
            yield
            self.seen.append("left")

        @app.after_serving
        async def after(ctx):
            self.seen.append("after")

        @app.route("/")
        async def index(ctx):
            app.create_task(self.work(), name="work")
            return "begun"

        @app.route("/held")
        async def held(ctx):
            self.seen.append("held")
            await self.go_on.wait()
            return "held"

    async def work(self) -> None:
        await self.go_on.wait()
        self.seen.append("worked")


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def path(tmp_path, monkeypatch):
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    return "http.sock"


def test_a_unix_socket_that_cannot_be_removed_is_logged_and_left(serve, noting, path, monkeypatch, caplog):
    server: Running = serve(noting.app, port=None, uds=path)
    assert server.request(message()).body == b"begun"

    def unlink(path, **options):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("os.unlink", unlink)
    server.call(noting.go_on.set)
    server.stop()
    monkeypatch.undo()
    assert server._error is None
    assert noting.seen == ["worked", "left", "after"]
    assert f"the Unix socket {path} cannot be removed: Permission denied" in caplog.text


def test_a_unix_socket_that_somebody_else_removed(serve, noting, path, monkeypatch, caplog):
    server: Running = serve(noting.app, port=None, uds=path)
    unlink = os.unlink

    def unlink_twice(path):
        unlink(path)
        unlink(path)

    monkeypatch.setattr("os.unlink", unlink_twice)
    server.stop()
    assert server._error is None
    assert noting.seen == ["left", "after"]
    assert "cannot be removed" not in caplog.text


def test_a_successor_keeps_its_socket_where_the_file_has_the_old_ones_inode(serve, noting, path, monkeypatch):
    """ext4 gives the number of a freed inode to the next file."""
    monkeypatch.setattr(
        "kyoukai.server.listener.inode", lambda path: (1, 2) if os.path.exists(path) else None
    )
    old: Running = serve(noting.app, port=None, uds=path)
    with old.connect() as client:
        client.send(message("GET", "/held"))
        old.wait_until(lambda: "held" in noting.seen)
        old.begin_stop()
        old.wait_until(lambda: old.server.stopping)
        new: Running = serve(Noting().app, port=None, uds=path)
        old.call(noting.go_on.set)
        assert client.receive().body == b"held"
        old.stop()
    assert new.request(message()).body == b"begun"


@pytest.mark.parametrize("broken", ["shutdown", "abort"])
def test_a_connection_that_cannot_be_ended_is_logged_and_left(serve, noting, monkeypatch, caplog, broken):
    end = getattr(HTTPProtocol, broken)

    def fail(self):
        end(self)
        raise LookupError("lost")

    server: Running = serve(noting.app, limits={"shutdown_timeout": 0.05})
    with server.connect() as first, server.connect() as second:
        assert first.request(message("GET", "/nothing")).status == 404
        second.send(message("GET", "/held"))
        server.wait_until(lambda: "held" in noting.seen)
        monkeypatch.setattr(HTTPProtocol, broken, fail)
        server.stop()
        assert first.receive_rest() == second.receive_rest() == b""
    assert server._error is None
    assert noting.seen == ["held", "left", "after"]
    assert f"a connection's {broken} failed" in caplog.text


def test_a_listener_that_cannot_be_closed_skips_nothing(serve, noting, monkeypatch):
    async def close(self):
        for door in self._doors:
            asyncio.get_running_loop().remove_reader(door.sock)
            door.sock.close()
        raise OSError("not closed")

    monkeypatch.setattr("kyoukai.server.acceptor.Acceptor.close", close)
    server: Running = serve(noting.app)
    assert server.request(message()).body == b"begun"
    server.call(noting.go_on.set)
    server.stop()
    assert "not closed" in str(server._error)
    assert noting.seen == ["worked", "left", "after"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
@pytest.mark.parametrize("where", ["tcp", "unix"])
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_requests_sent_before_the_signal_are_answered(backend, tmp_path, loop, number, where):
    """The server has not looked when the signal comes: at the connections, nor at what came on them."""
    write_application(tmp_path)
    address = ("--port", "0") if where == "tcp" else ("--uds", str(tmp_path / "s"))
    options = (*address, "--loop", loop, "--backend", backend)
    with kyoukai_run("served:app", *options, folder=tmp_path) as process:
        clients: list[Client] = [process.connect() for _ in range(3)]
        for client in clients:
            assert client.request(QUICK).status == 200
        with process.standing_still():
            clients += [process.connect() for _ in range(40)]
            for client in clients:
                client.send(QUICK)
            process.send(number)
        for client in clients:
            with client:
                assert client.receive().body == b"answer to /quick"
        assert process.finish() == 0
    assert "cutting off" not in process.stderr

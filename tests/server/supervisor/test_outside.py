"""What is told outside of a supervisor: by a file, by a service manager's socket, and by /readyz."""

import asyncio
import os
import signal
import socket
from pathlib import Path

from kyoukai.server.admin.status import Status
from kyoukai.server.notify import ServiceManager
from kyoukai.server.pid_file import PidFile
from kyoukai.server.supervisor.outside import Outside
from kyoukai.server.supervisor.phases import Phase

from ...processes import kyoukai_run
from ...serving import Client, message
from .supervised import ADMIN, APPLICATION, Supervised, supervised, wait_until, write


def hear(manager: socket.socket, field: str) -> dict[str, str]:
    """Return the next message that has a field."""
    while True:
        told = dict(line.split("=", 1) for line in manager.recv(1000).decode().split("\n"))
        if field in told:
            return told


def test_a_service_manager_is_told_of_each_phase(tmp_path: Path, manager: socket.socket) -> None:
    write(tmp_path, APPLICATION)
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
    options = ("--workers", "2", "--port", "0")
    with kyoukai_run("app:app", *options, folder=tmp_path, environ=environ) as process:
        server = Supervised(process, tmp_path)
        assert hear(manager, "READY") == {"READY": "1"}
        server.workers(2)
        while hear(manager, "WATCHDOG")["STATUS"] != "serving: 2 of 2 workers are ready":
            pass
        server.signal(signal.SIGHUP)
        assert hear(manager, "RELOADING")["MONOTONIC_USEC"].isdigit()
        assert hear(manager, "READY") == {"READY": "1"}
        server.signal(signal.SIGTERM)
        assert hear(manager, "STOPPING") == {"STOPPING": "1"}
        server.finish()


def test_a_service_manager_is_told_of_one_process_too(tmp_path: Path, manager: socket.socket) -> None:
    write(tmp_path, APPLICATION)
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "20000"}
    with kyoukai_run("app:app", "--port", "0", folder=tmp_path, environ=environ) as process:
        assert hear(manager, "READY") == {"READY": "1"}
        for _ in range(3):
            assert hear(manager, "WATCHDOG") == {"WATCHDOG": "1"}
        with Client(("127.0.0.1", int(process.url.rpartition(":")[2]))) as client:
            assert client.request(message("GET", "/")).status == 200
        process.send(signal.SIGTERM)
        assert hear(manager, "STOPPING") == {"STOPPING": "1"}
        assert process.finish() == 0


def test_without_a_service_manager_nothing_is_looked_at() -> None:
    """It would be each second, as long as the server runs."""

    def status() -> Status:
        raise AssertionError("nobody wants to know")

    async def begin() -> None:
        Outside(manager=ServiceManager({"WATCHDOG_USEC": "200000"})).begin(status)

    asyncio.run(begin())


def test_the_file_of_the_process(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    with supervised(tmp_path, "--workers", "1", "--pid", str(path)) as server:
        wait_until(path.exists)
        assert int(path.read_text()) == server.process.pid
        with kyoukai_run("app:app", "--port", "0", "--pid", str(path), folder=tmp_path) as other:
            assert other.finish() != 0
            assert f"this file names process {server.process.pid}, which is running" in other.stderr
        server.signal(signal.SIGTERM)
        server.finish()
    assert not path.exists()


def test_the_file_names_the_next_process_as_soon_as_that_serves(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    for heir, left in ((str(path), "1\n"), (str(tmp_path / "other.pid"), None), (None, None)):
        outside = Outside(PidFile(str(path)), ServiceManager({}))
        outside.enter(Phase.SERVING)
        assert int(path.read_text()) == os.getpid()
        outside.hand_over(1, heir)
        outside.end()
        assert (path.read_text() if path.exists() else None) == left
        path.unlink(missing_ok=True)


def test_readiness_fails_before_the_server_stops_to_accept(tmp_path: Path) -> None:
    with supervised(
        tmp_path, "--workers", "1", "--admin", "127.0.0.1:0", "--shutdown-delay", "600"
    ) as server:
        admin = int(server.process.wait_for(ADMIN)[1])
        server.workers(1)

        def ready() -> int:
            with Client(("127.0.0.1", admin)) as client:
                return client.request(message("GET", "/readyz")).status

        wait_until(lambda: ready() == 200)
        server.signal(signal.SIGTERM)
        server.process.wait_for("shutdown_delay: connections are accepted for another 600 s")
        assert ready() == 503
        assert server.get() == f"{server.workers(1)[0]} one"
        server.signal(signal.SIGTERM)
        server.finish()


def test_stop_order_readiness_then_connections_then_exit(tmp_path: Path) -> None:
    """Whoever sends clients here has the delay to learn that none are wanted; none is refused in it."""
    with supervised(tmp_path, "--workers", "2", "--admin", "127.0.0.1:0", "--shutdown-delay", "4") as server:
        admin = int(server.process.wait_for(ADMIN)[1])
        workers = {f"{pid} one" for pid in server.workers(2)}
        with Client(("127.0.0.1", server.port)) as slow:
            slow.send(message("GET", "/slow"))
            server.process.wait_for("begun")
            seen: list[str] = []

            def look() -> str:
                with Client(("127.0.0.1", admin)) as client:
                    readiness = client.request(message("GET", "/readyz")).status
                try:
                    return f"{readiness}, {'served' if server.get() in workers else 'answered by another'}"
                except ConnectionRefusedError:
                    return f"{readiness}, refused"

            wait_until(lambda: look() == "200, served")
            server.signal(signal.SIGTERM)
            server.process.wait_for("shutdown_delay: connections are accepted for another 4 s")

            def is_refused() -> bool:
                seen.append(look())
                return seen[-1] == "503, refused"

            wait_until(is_refused)
            # Not one before was refused, or sent here by a readiness that had not failed.
            assert set(seen[:-1]) == {"503, served"}
            server.release()
            assert slow.receive().status == 200
        server.finish()


def test_stop_after_the_delay(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--shutdown-delay", "0.01") as server:
        server.workers(1)
        server.signal(signal.SIGTERM)
        server.finish()

"""SIGUSR2: a new supervisor takes the place of the old one, and nobody loses anything."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import kyoukai

from ...processes import kyoukai_run, python
from ...serving import PATIENCE, Client, message
from .supervised import (
    APPLICATION,
    NEW,
    Supervised,
    ask_for_the_last_time,
    has_ended,
    supervised,
    wait_until,
    write,
)
from .test_administration import Administered, administered
from .test_outside import hear

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

# The first worker starts, and others when there is no file `hold`.
ALL_BUT_ONE_HELD = """
import os, time

try:
    os.mkdir("first")
except FileExistsError:
    while os.path.exists("hold"):
        time.sleep(0.01)
"""

CHANGED = APPLICATION.replace('"one"', '"two"')


def ask(port: int) -> str:
    """Return the answer to a request on a connection of its own."""
    with Client(("127.0.0.1", port)) as client:
        return client.request(message()).body.decode()


def free_port() -> int:
    """Return a port that was free just now."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        return int(sock.getsockname()[1])


def configure(folder: Path, **settings: Any) -> None:
    """Write a configuration file."""
    lines = [f"  {name}: {value}" for name, value in {"app": "app:app", "workers": 2, **settings}.items()]
    (folder / "config.yaml").write_text("component:\n  type: kyoukai\n" + "\n".join(lines) + "\n")


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_a_new_supervisor_serves_and_the_old_one_finishes(tmp_path: Path, backend: str, loop: str) -> None:
    with supervised(tmp_path, "--workers", "2", "--backend", backend, "--loop", loop) as server:
        old = server.workers(2)
        with Client(("127.0.0.1", server.port)) as kept, Client(("127.0.0.1", server.port)) as slow:
            kept.send(GET)
            assert kept.receive().body.decode().endswith(" one")
            slow.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            write(tmp_path, CHANGED)
            new = server.upgrade(1)
            successors = server.workers(4)[2:]
            server.answering(until=lambda answers: answers == {f"{pid} two" for pid in successors})
            # A kept connection has one request more, and is told that it is the last.
            ask_for_the_last_time(kept)
            assert not has_ended(server.process.pid)
            server.release()
            assert slow.receive().status == 200
        assert server.process.end() == 0
        assert all(map(has_ended, old))
        assert "Traceback" not in server.process.stderr
        server.signal(signal.SIGTERM)
        server.finish()
        wait_until(lambda: all(map(has_ended, [new, *successors])))


def test_upgrade_during_the_end_of_the_upgrade_before(tmp_path: Path) -> None:
    with administered(tmp_path, "--workers", "2") as admin:
        server = admin.server
        server.workers(2)
        with Client(("127.0.0.1", server.port)) as slow:
            slow.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            first = server.upgrade(1)
            server.get()
            server.upgrade(2)
            server.get()
            # The middle one has what the first one's workers still count.
            server.process.wait_for(r"has ended \(upgrade\)", 3)
            assert not has_ended(first)
            server.release()
            assert slow.receive().status == 200
        assert server.process.end() == 0
        wait_until(lambda: has_ended(first))
        wait_until(lambda: admin.total("kyoukai_requests_total") == 3)
        wait_until(lambda: admin.metrics()["kyoukai_worker_ends_total", "upgrade"] == 4)
        server.signal(signal.SIGTERM)
        server.finish()


@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_counts_are_exact_over_three_upgrades(tmp_path: Path, backend: str) -> None:
    with administered(tmp_path, "--workers", "2", "--backend", backend) as admin:
        server = admin.server
        answered: Counter[str] = Counter()
        stop, failures, shown = threading.Event(), [], [0.0]

        def load() -> None:
            while not stop.is_set():
                try:
                    with Client(("127.0.0.1", server.port)) as client:
                        for number in range(5):
                            body = bytes(100) if number % 2 else None
                            path = "/echo" if number % 2 else "/"
                            answer = client.request(message("POST" if number % 2 else "GET", path, body=body))
                            assert answer.status == 200
                            answered[path] += 1
                            if answer.fields.get("connection") == "close":
                                break
                except Exception as error:
                    failures.append(error)

        server.workers(2)
        clients = [threading.Thread(target=load) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            for count in range(1, 4):
                server.upgrade(count)
                # A counter never goes back.
                for _ in range(5):
                    shown.append(admin.total("kyoukai_requests_total"))
        finally:
            stop.set()
            for client in clients:
                client.join(PATIENCE)
        assert failures == []
        assert shown == sorted(shown)
        server.process.wait_for(r"has ended \(upgrade\)", 6)
        wait_until(lambda: admin.total("kyoukai_requests_total") == answered.total())
        metrics = admin.metrics()
        assert metrics["kyoukai_requests_total", "GET", "/", "200"] == answered["/"]
        assert metrics["kyoukai_requests_total", "POST", "/echo", "200"] == answered["/echo"]
        assert metrics["kyoukai_request_bytes_total", "POST", "/echo"] == 100 * answered["/echo"]
        wait_until(lambda: admin.metrics()["kyoukai_worker_ends_total", "upgrade"] == 6)
        server.signal(signal.SIGTERM)
        server.finish()


def test_readiness_does_not_fail_meanwhile(tmp_path: Path) -> None:
    with administered(tmp_path, "--workers", "2") as admin:
        admin.server.workers(2)
        wait_until(lambda: admin.ask("/readyz").status == 200)
        stop, answers = threading.Event(), set()

        def probe() -> None:
            while not stop.is_set():
                answers.add(admin.ask("/readyz").status)

        prober = threading.Thread(target=probe)
        prober.start()
        with Client(("127.0.0.1", admin.port)) as kept:
            assert kept.request(message("GET", "/livez")).status == 200
            admin.server.upgrade(1)
            # The old one leads those on that have asked it before, and is as ready as the new one is.
            answer = kept.request(message("GET", "/readyz"))
            while answer.fields.get("connection") != "close":
                assert answer.status == 200
                answer = kept.request(message("GET", "/readyz"))
            assert answer.status == 200
        assert admin.server.process.end() == 0
        stop.set()
        prober.join(PATIENCE)
        assert answers == {200}
        assert admin.ask("/readyz").status == 200


def test_other_addresses_are_honoured(tmp_path: Path) -> None:
    """One goes on, one is new, and one is gone when all who waited there have been served."""
    write(tmp_path)
    gone, kept, new = free_port(), free_port(), free_port()
    configure(tmp_path, bind=f"['127.0.0.1:{gone}', '127.0.0.1:{kept}', 'unix:{tmp_path}/gone']")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        old = server.workers(2)
        # More than are let in at once: those behind them are accepted as the old workers leave.
        places: list[Any] = [("127.0.0.1", gone)] * 200 + [f"{tmp_path}/gone"] * 100
        for pid in old:
            os.kill(pid, signal.SIGSTOP)
        waiting = [Client(place) for place in places]
        try:
            for client in waiting:
                client.send(GET)
            # A wildcard beside the address that goes on, and one that is new altogether.
            configure(tmp_path, workers=1, bind=f"['0.0.0.0:{kept}', '127.0.0.1:{kept}', '127.0.0.1:{new}']")
            server.upgrade(1)
            [successor] = server.workers(3)[2:]
            for pid in old:
                os.kill(pid, signal.SIGCONT)
            assert {client.receive().body.decode() for client in waiting} <= {f"{pid} one" for pid in old}
        finally:
            for pid in old:
                os.kill(pid, signal.SIGCONT)
            for client in waiting:
                client.socket.close()
        assert process.end() == 0
        assert {ask(port) for port in (kept, new)} == {f"{successor} one"}
        with pytest.raises(ConnectionRefusedError):
            Client(("127.0.0.1", gone))
        assert not (tmp_path / "gone").exists()
        server.signal(signal.SIGTERM)
        server.finish()


def test_changed_and_removed_admin_address(tmp_path: Path) -> None:
    write(tmp_path)
    first, second = free_port(), free_port()
    configure(tmp_path, port=0, admin=f"'127.0.0.1:{first}'")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        server.workers(2)

        def readiness(port: int) -> int:
            with Client(("127.0.0.1", port)) as client:
                return client.request(message("GET", "/readyz")).status

        assert readiness(first) == 200
        configure(tmp_path, port=0, admin=f"'127.0.0.1:{second}'")
        moved = server.upgrade(1)
        assert process.end() == 0
        assert readiness(second) == 200
        configure(tmp_path, port=0)
        server.upgrade(2)
        wait_until(lambda: has_ended(moved))
        for port in (first, second):
            with pytest.raises(ConnectionRefusedError):
                readiness(port)
        assert server.get().endswith(" one")
        server.signal(signal.SIGTERM)
        server.finish()


def test_fewer_workers_serve_connections_queued_for_others(tmp_path: Path) -> None:
    write(tmp_path)
    port = free_port()
    configure(tmp_path, port=port, workers=3)
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        old = server.workers(3)
        for pid in old:
            os.kill(pid, signal.SIGSTOP)
        clients = [Client(("127.0.0.1", port)) for _ in range(32)]
        try:
            for client in clients:
                client.send(GET)
            configure(tmp_path, port=port, workers=1)
            server.upgrade(1)
            [successor] = server.workers(4)[3:]
            assert {client.receive().body.decode() for client in clients} == {f"{successor} one"}
            # One more takes the sockets back that the one has accepted from meanwhile.
            server.signal(signal.SIGTTIN)
            third = server.workers(5)[4]
            server.answering(until=lambda answers: answers == {f"{successor} one", f"{third} one"})
        finally:
            for pid in old:
                os.kill(pid, signal.SIGCONT)
            for client in clients:
                client.socket.close()
        assert process.end() == 0
        server.signal(signal.SIGTERM)
        server.finish()


def test_more_workers_serve(tmp_path: Path) -> None:
    write(tmp_path)
    port = free_port()
    configure(tmp_path, port=port, workers=1)
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        server.workers(1)
        configure(tmp_path, port=port, workers=3)
        server.upgrade(1)
        new = server.workers(4)[1:]
        server.answering(until=lambda answers: answers == {f"{pid} one" for pid in new})


def test_readiness_does_not_wait_for_more_workers(tmp_path: Path) -> None:
    """The server was ready with one."""
    write(tmp_path)
    configure(tmp_path, port=free_port(), workers=1, admin=f"'127.0.0.1:{free_port()}'")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        admin = Administered(Supervised(process, tmp_path))
        server = admin.server
        server.workers(1)
        config = tmp_path / "config.yaml"
        config.write_text(config.read_text().replace("workers: 1", "workers: 3"))
        (tmp_path / "hold").touch()
        write(tmp_path, ALL_BUT_ONE_HELD + APPLICATION)
        server.upgrade(1)
        assert process.end() == 0
        # The other server is there for good when the one from before has ended.
        wait_until(lambda: admin.metrics()["kyoukai_workers", "not_ready"] == 2)
        assert admin.ask("/readyz").status == 200
        (tmp_path / "hold").unlink()
        server.workers(4)
        wait_until(lambda: admin.metrics()["kyoukai_workers", "ready"] == 3)
        server.signal(signal.SIGTERM)
        server.finish()


def test_unix_socket_is_kept_and_removed_by_the_last_process(tmp_path: Path) -> None:
    write(tmp_path)
    path = tmp_path / "socket"
    configure(tmp_path, uds=path, admin=f"'unix:{tmp_path}/admin'")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        server.workers(2)
        file = path.stat().st_ino
        configure(tmp_path, bind=f"'unix:{path}?mode=0600'", admin=f"'unix:{tmp_path}/admin'")
        server.upgrade(1)
        assert process.end() == 0
        assert (path.stat().st_ino, path.stat().st_mode & 0o777) == (file, 0o600)
        for place, wanted in ((path, "/"), (tmp_path / "admin", "/readyz")):
            with Client(str(place)) as client:
                assert client.request(message("GET", wanted)).status == 200
        server.signal(signal.SIGTERM)
        server.finish()
    assert not path.exists()
    assert not (tmp_path / "admin").exists()


def test_inherited_socket_is_kept(tmp_path: Path) -> None:
    """systemd's, say: it names the process that they are for, which is not the new one."""
    write(tmp_path)
    (tmp_path / "activate.py").write_text(
        "import os, socket, sys\n"
        "sock = socket.create_server(('127.0.0.1', 0))\n"
        "os.dup2(sock.fileno(), 3)\n"
        "os.set_inheritable(3, True)\n"
        "os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1', 'LISTEN_FDNAMES': 'http'}\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'kyoukai', 'run', *sys.argv[1:]])\n"
    )
    arguments = ("app:app", "--workers", "2", "--bind", "fd:http")
    with python("activate.py", *arguments, folder=tmp_path) as process:
        server = Supervised(process, tmp_path)
        server.workers(2)
        for count in (1, 2):
            server.upgrade(count)
            new = server.workers(2 + 2 * count)[-2:]
            wait_until(lambda new=new: int(server.get().split()[0]) in new)
        assert process.end() == 0


def test_the_file_of_the_process_is_the_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "server.pid"
    with supervised(tmp_path, "--workers", "1", "--pid", str(path)) as server:
        server.workers(1)
        wait_until(path.exists)
        new = server.upgrade(1)
        # A moment after the line that says so at the latest, and from then on.
        wait_until(lambda: int(path.read_text()) == new)
        assert server.process.end() == 0
        assert int(path.read_text()) == new
        server.signal(signal.SIGTERM)
        server.finish()
    assert not path.exists()


def test_changed_pid_file_replaces_the_old_one(tmp_path: Path) -> None:
    write(tmp_path)
    configure(tmp_path, port=0, pid="old.pid")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        server.workers(2)
        configure(tmp_path, port=0, pid="new.pid")
        new = server.upgrade(1)
        assert process.end() == 0
        assert int((tmp_path / "new.pid").read_text()) == new
        assert not (tmp_path / "old.pid").exists()
        server.signal(signal.SIGTERM)
        server.finish()


def test_service_manager_learns_the_serving_process(tmp_path: Path, manager: socket.socket) -> None:
    write(tmp_path)
    (tmp_path / "watched.py").write_text(
        "import os, sys\n"
        "os.environ['WATCHDOG_PID'] = str(os.getpid())\n"
        "os.execv(sys.executable, [sys.executable, '-m', 'kyoukai', 'run', *sys.argv[1:]])\n"
    )
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "200000"}
    arguments = ("app:app", "--port", "0", "--workers", "1")
    with python("watched.py", *arguments, folder=tmp_path, environ=environ) as process:
        manager.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        server = Supervised(process, tmp_path)
        assert hear(manager, "READY") == {"READY": "1"}
        server.workers(1)
        server.signal(signal.SIGUSR2)
        assert "MONOTONIC_USEC" in hear(manager, "RELOADING")
        new = int(process.wait_for(NEW)[1])
        while True:
            # Until the old one has named the new one, that is silent: a manager may hear the first alone.
            data, ancillary, _, _ = manager.recvmsg(1000, socket.CMSG_SPACE(12))
            assert int.from_bytes(ancillary[0][2][:4], sys.byteorder) == process.pid
            if data == f"MAINPID={new}".encode():
                break
        told: set[str] = set()
        # A sign of life comes ten times a second.
        for _ in range(10 * int(PATIENCE)):
            data, ancillary, _, _ = manager.recvmsg(1000, socket.CMSG_SPACE(12))
            # And from then on, the old one is.
            assert int.from_bytes(ancillary[0][2][:4], sys.byteorder) == new
            told |= {line.partition("=")[0] for line in data.decode().split("\n")}
            if told >= {"READY", "STATUS", "WATCHDOG"}:
                break
        assert told >= {"READY", "STATUS", "WATCHDOG"}
        process.wait_for("upgraded: the new supervisor")
        assert process.end() == 0
        server.signal(signal.SIGTERM)
        assert hear(manager, "STOPPING") == {"STOPPING": "1"}
        server.finish()


def make_environment(folder: Path, version: str) -> None:
    """Make a virtual environment with a Kyoukai of its own, and what the tests' has besides."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    [packages] = (folder / "lib").glob("python*/site-packages")
    source = Path(kyoukai.__file__).parent
    shutil.copytree(source, packages / "kyoukai", ignore=shutil.ignore_patterns("__pycache__"))
    paths = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("".join(f"{path}\n" for path in paths))
    (packages / "installed.py").write_text(f"VERSION = {version!r}\n")


def test_upgrade_to_another_version_of_python_and_kyoukai(tmp_path: Path) -> None:
    """Of the old one, nothing is left on the disk when it is to start the new one."""
    for version in ("one", "two"):
        make_environment(tmp_path / version, version)
    (tmp_path / "current").symlink_to("one")
    write(
        tmp_path,
        "import installed, kyoukai, os, sys\n"
        + APPLICATION.replace(
            'return f"{os.getpid()} {VERSION}"',
            'return " ".join([*map(os.path.realpath, (sys.prefix, kyoukai.__file__)), installed.VERSION])',
        ),
    )
    arguments = ("-m", "kyoukai", "run", "app:app", "--port", "0", "--workers", "1")
    # As a shell has it that was in the folder by its name.
    environ = {"PYTHONDONTWRITEBYTECODE": "1", "PWD": str(tmp_path)}
    with python(*arguments, folder=tmp_path, environ=environ, python="current/bin/python") as process:
        server = Supervised(process, tmp_path)
        server.workers(1)
        for version in ("one", "two"):
            if version == "two":
                (tmp_path / "link").symlink_to("two")
                (tmp_path / "link").replace(tmp_path / "current")
                shutil.rmtree(tmp_path / "one")
                server.upgrade(1)
                assert process.end() == 0
            prefix, package, installed = server.get().split()
            assert (prefix, installed) == (str(tmp_path / version), version)
            assert package.startswith(f"{tmp_path / version}/lib")
        assert "Traceback" not in process.stderr

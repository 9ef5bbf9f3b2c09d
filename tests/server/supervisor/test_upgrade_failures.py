"""A new supervisor that does not start: the old one goes on as if nothing had been, and says why."""

import contextlib
import os
import re
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from ...processes import Process, kyoukai_run, namespaces_are_allowed, python
from ...serving import PATIENCE
from .supervised import APPLICATION, NEW, Supervised, has_ended, supervised, supervisors, wait_until, write
from .test_first_process import children
from .test_outside import hear
from .test_upgrade import configure, free_port

FAILED = "ERROR kyoukai.server: the upgrade failed; this server continues to serve: "

# A worker that starts waits until there is no file `hold`.
HELD = "import os, sys, time\nprint('loading', file=sys.stderr, flush=True)\n" + (
    "while os.path.exists('hold'):\n    time.sleep(0.01)\n"
)


class Mistake(NamedTuple):
    """Something that a new supervisor does not start by."""

    make: Callable[[Path, Process], object]
    """Makes it, and has the upgrade begin."""
    why: str
    """What the one line says of it."""


def configured(**settings: object) -> Callable[[Path, Process], object]:
    """Return what makes a mistake in the settings."""

    def make(folder: Path, process: Process) -> None:
        configure(folder, **settings)
        process.send(signal.SIGUSR2)

    return make


def writes(text: str) -> Callable[[Path, Process], object]:
    """Return what makes a mistake in the application."""

    def make(folder: Path, process: Process) -> None:
        write(folder, text)
        process.send(signal.SIGUSR2)

    return make


@contextlib.contextmanager
def held_up(folder: Path, process: Process) -> Iterator[int]:
    """Have the first worker of a new supervisor wait while the block runs; the block gets the supervisor."""
    loaded = process.stderr.count("loading")
    (folder / "hold").touch()
    process.send(signal.SIGUSR2)
    process.wait_for("loading", loaded + 1)
    yield supervisors(process)[-1]
    (folder / "hold").unlink()


def kills(folder: Path, process: Process) -> None:
    failed = process.stderr.count(FAILED)
    with held_up(folder, process) as new:
        os.kill(new, signal.SIGKILL)
        process.wait_for(FAILED, failed + 1)


def kills_a_worker(folder: Path, process: Process) -> None:
    with held_up(folder, process) as new:
        [worker] = children(new)
        os.kill(worker, signal.SIGKILL)


def tells_the_new_one_to_stop(folder: Path, process: Process) -> None:
    failed = process.stderr.count(FAILED)
    with held_up(folder, process) as new:
        os.kill(new, signal.SIGTERM)
        process.wait_for(FAILED, failed + 1)


def has_no_workers(folder: Path, process: Process) -> None:
    """Have one process serve, which takes nobody's place: the address is not free."""
    config = folder / "config.yaml"
    config.write_text(config.read_text().replace("  workers: 2\n", "").replace("  admin: ", "  # "))
    process.send(signal.SIGUSR2)


MISTAKES = {
    "syntax": Mistake(
        writes("def app(:\n"), r"worker 1 \(pid \d+\) ended before it was ready: exit status 1"
    ),
    "import": Mistake(writes("import nothing_so_called"), "ended before it was ready: exit status 1"),
    "unknown setting": Mistake(configured(prot=1), "unknown setting 'prot'"),
    "setting of a worker": Mistake(configured(backend="none"), "ended before it was ready: exit status 1"),
    "setting of a supervisor": Mistake(configured(worker_timeout=-1), "worker_timeout is -1"),
    "address": Mistake(configured(bind="'192.0.2.1:80'"), "cannot listen on 192.0.2.1:80"),
    "descriptor": Mistake(configured(bind="fd:5"), "cannot listen on fd:5: the old server does not"),
    "admin": Mistake(configured(admin="nowhere"), "admin is 'nowhere'"),
    "admin address": Mistake(configured(admin="192.0.2.1:80"), "cannot listen on 192.0.2.1:80"),
    "file of the process": Mistake(configured(pid="none/pid"), "there is no folder 'none'"),
    "killed": Mistake(kills, r"the new supervisor \(pid \d+\) ended before it was ready: SIGKILL"),
    "killed worker": Mistake(kills_a_worker, "ended before it was ready: SIGKILL"),
    "stopped": Mistake(tells_the_new_one_to_stop, "ended before it was ready: exit status 0"),
    "one process": Mistake(has_no_workers, "ended before it was ready: exit status 1"),
}


IN_THE_SETTINGS = (
    "unknown setting",
    "setting of a worker",
    "setting of a supervisor",
    "address",
    "descriptor",
    "admin",
    "admin address",
    "file of the process",
    "one process",
)


@pytest.mark.parametrize(
    "names",
    [IN_THE_SETTINGS, tuple(name for name in MISTAKES if name not in IN_THE_SETTINGS)],
    ids=["settings", "processes"],
)
def test_old_supervisor_continues_and_logs_the_reason(tmp_path: Path, names: tuple[str, ...]) -> None:
    """After each mistake, the next try finds everything as it was."""

    def write_what_is_right(version: str) -> None:
        write(tmp_path, HELD + APPLICATION.replace('"one"', f'"{version}"'))
        configure(tmp_path, bind=bind, admin="'unix:admin'")

    bind = f"['127.0.0.1:{free_port()}', 'unix:{tmp_path}/socket']"
    write_what_is_right("one")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        old = {f"{pid} one" for pid in server.workers(2)}
        for number, name in enumerate(names, 1):
            mistake = MISTAKES[name]
            mistake.make(tmp_path, process)
            failure = process.wait_for(FAILED + ".*", number)
            assert re.search(mistake.why, failure[0]), name
            server.answering(until=lambda answers: answers == old)
            wait_until(lambda: has_ended(supervisors(process)[-1]))
            assert len(supervisors(process)) == 1 + number, name
            assert (tmp_path / "socket").exists(), name
            assert (tmp_path / "admin").exists(), name
            write_what_is_right("one")
        write_what_is_right("two")
        server.upgrade(1)
        assert process.end() == 0
        assert process.stderr.count("the upgrade failed") == len(names)
        new = {f"{pid} two" for pid in server.workers(4)[-2:]}
        server.answering(until=lambda answers: answers == new)
        assert (tmp_path / "socket").exists()
        server.signal(signal.SIGTERM)
        server.finish()


def test_successor_that_is_not_ready_in_time_is_ended(tmp_path: Path) -> None:
    write(tmp_path, HELD + APPLICATION)
    (tmp_path / "served.py").write_text(
        "import app\n"
        "from kyoukai.server.supervisor import decisions\n"
        "decisions.SPARE = -19\n"
        "app.app.run(port=0, workers=1, start_timeout=10)\n"
    )
    with python("served.py", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        [old] = server.workers(1)
        (tmp_path / "hold").touch()
        server.signal(signal.SIGUSR2)
        process.wait_for(rf"{FAILED}the new supervisor \(pid \d+\) was not ready within 1 s")
        wait_until(lambda: has_ended(supervisors(process)[-1]))
        assert server.get() == f"{old} one"


def test_service_manager_that_reads_nothing_keeps_its_process(tmp_path: Path, manager: socket.socket) -> None:
    """It would take the end of the old process for that of the service."""
    write(tmp_path)
    (tmp_path / "served.py").write_text(
        "import app\n"
        "from kyoukai.server.supervisor import outside\n"
        "outside.PATIENCE = 0.1\n"
        "app.app.run(port=0, workers=1)\n"
    )
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "PYTHONDONTWRITEBYTECODE": "1"}
    with python("served.py", folder=tmp_path, environ=environ) as process:
        server = Supervised(process, tmp_path)
        [old] = server.workers(1)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
            other.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    other.sendto(b"STATUS=much", manager.getsockname())
        server.signal(signal.SIGUSR2)
        process.wait_for(FAILED + "the service manager did not accept the new process ID")
        assert server.get() == f"{old} one"
        manager.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                manager.recv(1000)
        manager.settimeout(PATIENCE)
        server.signal(signal.SIGUSR2)
        hear(manager, "MAINPID")
        process.wait_for("upgraded: the new supervisor")
        assert process.end() == 0


def test_missing_interpreter_is_reported(tmp_path: Path) -> None:
    write(tmp_path)
    link = tmp_path / "python"
    link.symlink_to(os.path.realpath(sys.executable))
    environ = {"PYTHONPATH": os.pathsep.join([str(tmp_path), *filter(None, sys.path)])}
    arguments = ("-m", "kyoukai", "run", "app:app", "--port", "0", "--workers", "1")
    with python(*arguments, folder=tmp_path, environ=environ, python=str(link)) as process:
        server = Supervised(process, tmp_path)
        [old] = server.workers(1)
        link.unlink()
        server.signal(signal.SIGUSR2)
        process.wait_for(FAILED + ".*No such file or directory")
        assert server.get() == f"{old} one"
        link.symlink_to(os.path.realpath(sys.executable))
        server.upgrade(1)
        assert process.end() == 0


@pytest.mark.parametrize("ends_well", [False, True])
def test_signals_during_an_upgrade_are_handled_afterwards(tmp_path: Path, ends_well: bool) -> None:
    write(tmp_path, HELD + APPLICATION)
    configure(tmp_path, port=free_port())
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        old = server.workers(2)
        (tmp_path / "hold").touch()
        process.send(signal.SIGUSR2)
        process.wait_for("loading", 3)
        # Each counts: two of a kind are two.
        for name, count in (("SIGUSR2", 1), ("SIGHUP", 1), ("SIGTTIN", 1), ("SIGTTIN", 2)):
            process.send(signal.Signals[name])
            process.wait_for(f"{name} came while upgrading", count)
        if not ends_well:
            os.kill(supervisors(process)[-1], signal.SIGKILL)
        (tmp_path / "hold").unlink()
        process.wait_for("reloaded: 2 new workers serve")
        process.wait_for(r"worker 4 \(pid \d+\) is ready")
        assert len(NEW.findall(process.stderr)) == 1
        if ends_well:
            assert process.end() == 0
        # By the one who serves: the old workers have ended by an upgrade, or by a reload.
        process.wait_for(rf"has ended \({'upgrade' if ends_well else 'reload'}\)", 2)
        wait_until(lambda: all(map(has_ended, old)))
        server.signal(signal.SIGTERM)
        server.finish()


def test_successor_survives_the_kill_of_its_predecessor(tmp_path: Path) -> None:
    write(tmp_path, HELD + APPLICATION)
    configure(tmp_path, port=free_port(), uds="null")
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        server.workers(2)
        (tmp_path / "hold").touch()
        process.send(signal.SIGUSR2)
        process.wait_for("loading", 3)
        new = supervisors(process)[-1]
        process.send(signal.SIGKILL)
        process.wait_for("the old supervisor is gone; this one serves")
        (tmp_path / "hold").unlink()
        successors = {f"{pid} one" for pid in server.workers(4)[2:]}
        server.answering(until=lambda answers: answers == successors)
        os.kill(new, signal.SIGTERM)
        wait_until(lambda: has_ended(new))


def test_stopped_successor_waits_for_no_clients(tmp_path: Path) -> None:
    """They are at the old one. That kills the new one where it takes long to end."""
    write(tmp_path, HELD + APPLICATION)
    configure(tmp_path, port=free_port(), shutdown_delay=600)
    with kyoukai_run("config.yaml", folder=tmp_path, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        server = Supervised(process, tmp_path)
        old = server.workers(2)
        tells_the_new_one_to_stop(tmp_path, process)
        process.wait_for(FAILED + ".*" + MISTAKES["stopped"].why)
        server.answering(until=lambda answers: answers == {f"{pid} one" for pid in old})
        process.send(signal.SIGTERM)
        process.wait_for("shutdown_delay: connections are accepted for another 600 s")
        process.send(signal.SIGTERM)
        server.finish()


def test_no_upgrade_in_development(tmp_path: Path) -> None:
    with supervised(tmp_path, "--reload") as server:
        [old] = server.workers(1)
        server.signal(signal.SIGUSR2)
        server.process.wait_for("WARNING kyoukai.server: no upgrade: --reload is for development")
        assert server.get() == f"{old} one"
        assert "started the new supervisor" not in server.process.stderr


@pytest.mark.skipif(not namespaces_are_allowed(), reason="this system does not let us make a PID namespace")
def test_no_upgrade_of_the_first_process_of_a_container(tmp_path: Path) -> None:
    write(tmp_path)
    command = ("-m", "kyoukai", "run", "app:app", "--workers", "1", "--port", "0")
    arguments = ("--pid", "--fork", "--kill-child", sys.executable, *command)
    with python(*arguments, folder=tmp_path, python="unshare") as process:
        process.wait_for("is ready")
        [first] = children(process.pid)
        os.kill(first, signal.SIGUSR2)
        process.wait_for("no upgrade: the container would end with this process; SIGHUP reloads")
        assert Supervised(process, tmp_path).get().endswith(" one")
        os.kill(first, signal.SIGTERM)
        assert process.finish() == 0

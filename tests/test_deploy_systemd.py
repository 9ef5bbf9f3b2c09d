"""The units of examples/deploy, run by a real systemd: a user's manager, in namespaces of its own.

It runs where ``KYOUKAI_TEST_SYSTEMD`` is set, and not in CI: how soon a manager does what it is told hangs
on the machine and on what else that does.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from .processes import Process, python
from .server.supervisor.supervised import wait_until
from .server.supervisor.test_first_process import children
from .serving import Client, message

EXAMPLES = Path(__file__).parent.parent / "examples" / "deploy"

MANAGER = "/lib/systemd/systemd"

NAMESPACES = ("--mount", "--pid", "--fork", "--kill-child", "--mount-proc")

# What a manager looks for: signs that the system runs systemd, and groups of processes that it may make.
PREPARE = """
mount -t tmpfs none /run && mkdir -p /run/systemd/system
mount -t cgroup2 none /sys/fs/cgroup && mkdir /sys/fs/cgroup/$1
"""

RUN = (
    PREPARE
    + """
(echo 0 > /sys/fs/cgroup/$1/cgroup.procs; exec $2 --user --unit=nothing.target) &
wait $!
while ! find /sys/fs/cgroup/$1 -depth -type d -exec rmdir {} +; do sleep 0.1; done
"""
)

APPLICATION = """
import os

from kyoukai.web import Kyoukai

app = Kyoukai("shop")


@app.route("/")
async def index(ctx):
    return f"{os.getppid()}"

"""


def can_run() -> bool:
    """Whether a manager is to be run, and can be here: by root, and where groups can be made."""
    if not os.environ.get("KYOUKAI_TEST_SYSTEMD"):
        return False
    if os.geteuid() != 0 or not os.path.exists(MANAGER) or shutil.which("unshare") is None:
        return False
    name = f"kyoukai-probe-{os.getpid()}"
    command = ["unshare", *NAMESPACES, "bash", "-e", "-c", f"{PREPARE}rmdir /sys/fs/cgroup/$1", "-", name]
    return subprocess.run(command, check=False, capture_output=True).returncode == 0


class Manager:
    """A user's systemd.

    :param process: in whose namespaces it is.
    :param environ: where it finds its files.
    """

    def __init__(self, process: Process, environ: dict[str, str]) -> None:
        self._first = children(process.pid)[0]
        self._environ = environ

    def ctl(self, *arguments: str) -> str:
        """Run systemctl, and return what it prints."""
        command = ["nsenter", "--target", str(self._first), "--mount", "--pid", "systemctl", "--user"]
        done = subprocess.run(
            [*command, *arguments],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **self._environ},
        )
        return done.stdout.strip()

    def show(self, name: str, unit: str = "shop.service") -> str:
        """Return what it says of a unit."""
        return self.ctl("show", unit, "--property", name, "--value")

    def is_active(self, pid: str, workers: str = "serving: 2 of 2 workers are ready") -> bool:
        """Return whether all workers of a process serve, as it has said."""
        found = [self.show(name) for name in ("MainPID", "ActiveState", "StatusText")]
        return found == [pid, "active", workers]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A systemd that has the units of the examples."""
    if not can_run():
        pytest.skip("KYOUKAI_TEST_SYSTEMD is not set, or no systemd can be run here")
    units = tmp_path / "config" / "systemd" / "user"
    units.mkdir(parents=True)
    (units / "nothing.target").write_text("[Unit]\nDefaultDependencies=no\n")
    (tmp_path / "shop.py").write_text(APPLICATION)
    (tmp_path / "run").mkdir(mode=0o700)
    write_units(units, tmp_path)
    environ = {
        "XDG_RUNTIME_DIR": f"{tmp_path}/run",
        "XDG_CONFIG_HOME": f"{tmp_path}/config",
        "HOME": str(tmp_path),
        "SYSTEMD_LOG_TARGET": "console",
    }
    arguments = (*NAMESPACES, "bash", "-c", RUN, "-", f"kyoukai-{os.getpid()}", MANAGER)
    with python(*arguments, folder=tmp_path, environ=environ, python="unshare") as process:
        wait_until(lambda: bool(children(process.pid)))
        manager = Manager(process, environ)
        wait_until(lambda: manager.show("LoadState") == "loaded")
        yield manager
        manager.ctl("exit")
        process.end()


def write_units(units: Path, folder: Path) -> None:
    """Write the units, with what differs here: paths, addresses, and what only a system's manager can do."""
    service = (EXAMPLES / "shop.service").read_text()
    for pattern, value in {
        r"/srv/shop/\.venv/bin/kyoukai": f"{sys.executable} -m kyoukai",
        r"/srv/shop": str(folder),
        r"127\.0\.0\.1:9000": f"unix:{folder}/admin",
        r"--workers 4": "--workers 2",
        r"(?m)^(DynamicUser|ProtectSystem|PrivateTmp|NoNewPrivileges|Wants)=.*\n": "",
        r"network-online\.target ": "",
        r"WatchdogSec=30": "WatchdogSec=10",
        r"\[Service\]\n": "[Service]\nEnvironment=PYTHONDONTWRITEBYTECODE=1\nRestartSec=0\n",
    }.items():
        service, count = re.subn(pattern, value, service)
        assert count, pattern
    (units / "shop.service").write_text(service)
    socket = (EXAMPLES / "shop.socket").read_text()
    assert socket.count("127.0.0.1:8000") == 1
    (units / "shop.socket").write_text(socket.replace("127.0.0.1:8000", f"{folder}/socket"))


def ask(folder: Path) -> str:
    """Return which supervisor's worker answers, by the number that it has in its namespace."""
    with Client(f"{folder}/socket") as client:
        answer = client.request(message())
        assert answer.status == 200
        return answer.body.decode()


def test_a_service_starts_reloads_is_upgraded_and_restarts(manager: Manager, tmp_path: Path) -> None:
    manager.ctl("start", "shop.socket")
    assert manager.show("ActiveState") == "inactive"
    # The first client has it started.
    first = ask(tmp_path)
    wait_until(lambda: manager.is_active(first))
    # A reload is over when the new workers serve.
    manager.ctl("reload", "shop")
    wait_until(lambda: manager.show("ActiveState") == "active")
    assert manager.show("MainPID") == first
    # At an upgrade, another process is the main one, and the end of the old one is not that of the service.
    manager.ctl("kill", "--kill-whom=main", "--signal=USR2", "shop")
    wait_until(lambda: manager.show("MainPID") != first)
    second = manager.show("MainPID")
    wait_until(lambda: manager.is_active(second))
    wait_until(lambda: ask(tmp_path) == second)
    assert manager.show("NRestarts") == "0"
    # One that is killed is started anew, and who connects meanwhile waits.
    manager.ctl("kill", "--kill-whom=main", "--signal=KILL", "shop")
    wait_until(lambda: ask(tmp_path) not in (first, second))
    wait_until(lambda: manager.show("NRestarts") == "1" and manager.is_active(manager.show("MainPID")))
    manager.ctl("stop", "shop")
    assert (manager.show("ActiveState"), manager.show("Result")) == ("inactive", "success")
    assert manager.show("ActiveState", "shop.socket") == "active"


def test_a_supervisor_that_stands_still_is_replaced_by_the_watchdog(manager: Manager, tmp_path: Path) -> None:
    manager.ctl("start", "shop.socket")
    first = ask(tmp_path)
    wait_until(lambda: manager.is_active(first))
    manager.ctl("kill", "--kill-whom=main", "--signal=STOP", "shop")
    wait_until(lambda: manager.show("NRestarts") == "1" and manager.is_active(manager.show("MainPID")))
    assert ask(tmp_path) == manager.show("MainPID") != first

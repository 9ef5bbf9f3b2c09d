"""A supervisor as the first process of a container: it takes signals, and reaps what is left to it."""

import os
import signal
import sys
from pathlib import Path

import pytest

from ...processes import namespaces_are_allowed, python
from ...serving import Client, message
from .supervised import READY, wait_until

# `/orphan` leaves a process to the first one of the container; it ends when the file `release` is there.
APPLICATION = """
import subprocess

from kyoukai.web import Kyoukai

app = Kyoukai("orphaning")


@app.route("/orphan")
def orphan(ctx):
    loop = "while [ ! -e release ]; do sleep 0.01; done"
    subprocess.run(["sh", "-c", f"({loop}) >/dev/null 2>&1 &"], check=True)
    return "left"
"""


def children(pid: int) -> list[int]:
    """Return the numbers of a process's children, with those that have ended and were not waited for."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not namespaces_are_allowed(), reason="this system does not let us make a PID namespace")
def test_orphans_are_reaped_and_signals_taken(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APPLICATION)
    command = (sys.executable, "-m", "kyoukai", "run", "app:app", "--workers", "1", "--port", "0")
    with python("--pid", "--fork", "--kill-child", *command, folder=tmp_path, python="unshare") as process:
        process.wait_for(READY)
        port = int(process.url.rpartition(":")[2])
        [first] = children(process.pid)
        for _ in range(3):
            with Client(("127.0.0.1", port)) as client:
                assert client.request(message("GET", "/orphan")).status == 200
        wait_until(lambda: len(children(first)) == 4)
        (tmp_path / "release").touch()
        wait_until(lambda: len(children(first)) == 1)
        os.kill(first, signal.SIGHUP)
        process.wait_for("reloaded: 1 new workers serve")
        os.kill(first, signal.SIGTERM)
        assert process.finish() == 0, process.stderr

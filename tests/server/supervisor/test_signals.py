"""Every signal in every phase of a supervisor does what the table says, which the documentation shows."""

import contextlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kyoukai.server.supervisor.phases import TABLE, Action, Phase

from ...processes import Process, kyoukai_run
from .supervised import APPLICATION, READY, has_ended, send, supervisors, wait_until, write

# A worker starts when there is no file `hold`.
HELD = "import os, sys, time\nprint('loading', file=sys.stderr, flush=True)\n" + (
    "while os.path.exists('hold'):\n    time.sleep(0.01)\n"
)

CONFIG = """
component:
  type: kyoukai
  app: app:app
  port: 0
  workers: 2
  access_log: false
  limits: {shutdown_timeout: 600}
logging:
  version: 1
  disable_existing_loggers: false
  handlers:
    file: {class: logging.FileHandler, filename: server.log}
    console: {class: logging.StreamHandler}
  root: {level: INFO, handlers: [file, console]}
"""


class Cell:
    """A supervisor in a phase, and how that phase ends."""

    def __init__(self, process: Process, folder: Path) -> None:
        self.process = process
        self.folder = folder

    def go_on(self) -> None:
        """Let what the phase waits for be over."""
        (self.folder / "hold").unlink(missing_ok=True)
        (self.folder / "release").touch()

    def workers(self) -> list[int]:
        """Return the workers that were ready at any time."""
        return [int(match["pid"]) for match in READY.finditer(self.process.stderr)]

    def stop(self) -> None:
        """End it in order."""
        self.go_on()
        send(self.process, signal.SIGTERM)
        self.finish()

    def finish(self) -> None:
        """Wait until all have ended."""
        assert self.process.finish() == 0
        wait_until(lambda: all(map(has_ended, [*supervisors(self.process), *self.workers()])))


@contextlib.contextmanager
def at(phase: Phase, folder: Path) -> Iterator[Cell]:
    """Have a supervisor in a phase."""
    write(folder, HELD + APPLICATION)
    (folder / "config.yaml").write_text(CONFIG)
    if phase is Phase.STARTING:
        (folder / "hold").touch()
    with (
        kyoukai_run("config.yaml", folder=folder, environ={"PYTHONDONTWRITEBYTECODE": "1"}) as process,
        contextlib.ExitStack() as stack,
    ):
        cell = Cell(process, folder)
        if phase is Phase.STARTING:
            process.wait_for("loading")
        else:
            process.wait_for(READY, 2)
        if phase is Phase.RELOADING:
            (folder / "hold").touch()
            process.send(signal.SIGHUP)
            process.wait_for("loading", 4)
        if phase is Phase.UPGRADING:
            (folder / "hold").touch()
            process.send(signal.SIGUSR2)
            process.wait_for("loading", 3)
        if phase in (Phase.REPLACED, Phase.DRAINING):
            client = stack.enter_context(process.connect())
            client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            process.wait_for("begun")
        if phase is Phase.REPLACED:
            process.send(signal.SIGUSR2)
            process.wait_for("has ended \\(upgrade\\)")
        if phase is Phase.DRAINING:
            process.send(signal.SIGTERM)
            process.wait_for("SIGTERM came while serving")
            wait_until(lambda: process.stderr.count("has ended (stop)") == 1)
        yield cell


def stops(cell: Cell) -> None:
    if "while replaced" in cell.process.stderr:
        # The other one goes on.
        cell.go_on()
        assert cell.process.end() == 0
        assert not has_ended(supervisors(cell.process)[1])
        cell.stop()
    else:
        cell.finish()


def upgrades(cell: Cell) -> None:
    cell.go_on()
    cell.process.wait_for("upgraded: the new supervisor")
    assert cell.process.end() == 0
    assert len(supervisors(cell.process)) == 2
    with cell.process.connect() as client:
        client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert int(client.receive().body.split()[0]) in cell.workers()[-2:]
    cell.stop()


def reloads(cell: Cell) -> None:
    cell.go_on()
    cell.process.wait_for("reloaded: 2 new workers serve")
    cell.stop()


def reloads_anew(cell: Cell) -> None:
    cell.process.wait_for("loading", 6)
    cell.process.wait_for(r"has ended \(reload\)", 2)
    reloads(cell)


def reopens(cell: Cell) -> None:
    wait_until((cell.folder / "server.log").exists)


def grows(cell: Cell) -> None:
    cell.process.wait_for(r"worker 3 \(pid \d+\) is ready")


def shrinks(cell: Cell) -> None:
    last = 3 if "while serving: one worker more" in cell.process.stderr else 2
    cell.process.wait_for(rf"worker {last} \(pid \d+\) has ended \(scaled\)")


def does_nothing(cell: Cell) -> None:
    pass


def goes_on(cell: Cell) -> None:
    """What the phase waits for comes as if there had been no signal."""
    if "while draining" in cell.process.stderr:
        cell.go_on()
        cell.finish()
    else:
        if "while upgrading" in cell.process.stderr:
            cell.go_on()
            cell.process.wait_for("upgraded: the new supervisor")
        cell.stop()


EFFECTS: dict[Action, Callable[[Cell], None]] = {
    Action.STOP: stops,
    Action.STOP_BOTH: stops,
    Action.UPGRADE: upgrades,
    Action.ABORT: stops,
    Action.RELOAD: reloads,
    Action.RELOAD_ANEW: reloads_anew,
    Action.REOPEN: reopens,
    Action.GROW: grows,
    Action.SHRINK: shrinks,
    Action.NOTHING: does_nothing,
}


POSTPONED = {Action.LATER, Action.PASSED_ON}

LASTING = {Action.REOPEN, Action.GROW, Action.SHRINK, Action.NOTHING}
"""The phase is the same after them: their signals share a process."""


def signals(phase: Phase) -> list[tuple[str, ...]]:
    """Return the signals of a phase by the processes that they are sent to."""
    lasting = tuple(name for name, row in TABLE.items() if row[phase] in LASTING)
    return [lasting, *((name,) for name in TABLE if name not in lasting)]


CELLS = [(phase, names) for phase in Phase for names in signals(phase)]


def test_the_table_has_a_cell_for_each_signal_and_phase() -> None:
    assert {name: set(row) for name, row in TABLE.items()} == {name: set(Phase) for name in TABLE}
    assert set(EFFECTS) | POSTPONED == set(Action)


@pytest.mark.parametrize(
    ("phase", "names"), CELLS, ids=[f"{phase.value}-{'-'.join(names)}" for phase, names in CELLS]
)
def test_what_a_signal_does(tmp_path: Path, phase: Phase, names: tuple[str, ...]) -> None:
    with at(phase, tmp_path) as cell:
        (tmp_path / "server.log").rename(tmp_path / "old.log")
        for name in names:
            action = TABLE[name][phase]
            cell.process.send(signal.Signals[name])
            cell.process.wait_for(f"{name} came while {phase.value}: {re.escape(action.value)}")
            effect = TABLE[name][Phase.SERVING] if action in POSTPONED else action
            if action in POSTPONED:
                cell.go_on()
            EFFECTS[effect](cell)
        if effect in LASTING:
            goes_on(cell)
    assert "Traceback" not in cell.process.stderr


def test_single_process_reports_signals_that_need_a_supervisor(tmp_path: Path) -> None:
    write(tmp_path)
    with kyoukai_run("app:app", "--port", "0", folder=tmp_path) as process:
        process.url  # noqa: B018 - It waits.
        for name in ("SIGTTIN", "SIGTTOU", "SIGUSR2"):
            process.send(signal.Signals[name])
            process.wait_for(f"WARNING kyoukai.server: {name} has no effect: it needs a supervi")
        with process.connect() as client:
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.receive().status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0


def test_a_signal_for_the_supervisor_alone_is_nothing_to_a_worker(tmp_path: Path) -> None:
    """systemd and a terminal send one to all of a group."""
    with at(Phase.SERVING, tmp_path) as cell:
        for name in ("SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTTIN", "SIGTTOU"):
            for worker in cell.workers():
                os.kill(worker, signal.Signals[name])
            # Python's faulthandler has room for a few signals at once, and no more. These have been taken
            # when both workers have answered.
            asked: set[bytes] = set()
            while len(asked) < 2:
                with cell.process.connect() as client:
                    client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
                    asked.add(client.receive().body)
        cell.stop()
        assert "unasked" not in cell.process.stderr

"""Signals during a start: what was begun is ended, in reverse, and the process ends by the signal."""

import asyncio
import selectors
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kyoukai.server.signals import signals_call
from kyoukai.server.starting import DEFAULTS, Starting, StartInterruptedError, exiting_by_signal, starting

from ..processes import Process, asphalt_run, kyoukai_run, namespaces_are_allowed, python

SAY = """
import asyncio
import atexit
import sys
import threading
import time

from kyoukai import Kyoukai

app = Kyoukai("slow")


def say(text):
    print(text, file=sys.stderr, flush=True)
"""

# The hook in which the start is when the signal comes.
HOOKS = """
atexit.register(say, "at exit")


@app.while_serving
async def around(ctx):
    say("around begins")
    yield
    say("around ends")


@app.after_serving
async def after(ctx):
    say("after")


@app.before_serving
async def slow(ctx):
    say("begun")
    await asyncio.Event().wait()
"""

IMPORT = """

try:
    say("begun")
    time.sleep(60)
finally:
    say("after")
"""

STUBBORN = """

@app.before_serving
async def slow(ctx):
    say("begun")
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            say("again")
"""

SIGNALS = [signal.SIGINT, signal.SIGTERM]


def write(folder: Path, text: str) -> None:
    (folder / "slow.py").write_text(SAY + text)


def said(process: Process) -> list[str]:
    """Return what comes after the start has begun."""
    return process.stderr.partition("begun\n")[2].splitlines()


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("target", ["slow.py", "slow:app"])
def test_started_parts_are_stopped_in_reverse(
    tmp_path: Path, number: signal.Signals, loop: str, target: str
) -> None:
    write(tmp_path, HOOKS)
    with kyoukai_run(target, "--port", "0", "--loop", loop, folder=tmp_path) as process:
        process.wait_for("begun")
        process.send(number)
        # As a shell and systemd have it: by the signal.
        assert process.finish() == -number
    assert sorted(said(process)[:2]) == ["after", "around ends"]
    line, last = said(process)[2:]
    assert line.endswith(f": {number.name} came before the start was over")
    assert last == "at exit"


@pytest.mark.parametrize("number", SIGNALS)
def test_a_script(tmp_path: Path, number: signal.Signals) -> None:
    """What surrounds ``run()`` in a script is ended too, and the status is a shell's."""
    write(tmp_path, HOOKS + "\ntry:\n    app.run(port=0)\nfinally:\n    say('script ends')\n")
    with python("slow.py", folder=tmp_path) as process:
        process.wait_for("begun")
        process.send(number)
        assert process.finish() == 128 + number
    assert said(process)[-2:] == ["script ends", "at exit"]
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("number", SIGNALS)
def test_by_asphalts_own_command(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, HOOKS)
    with asphalt_run("component: {type: kyoukai, app: 'slow:app', port: 0}\n", tmp_path) as process:
        process.wait_for("begun")
        process.send(number)
        # The status is the runner's, of a start that fails.
        assert process.finish() == 1
    assert sorted(said(process)[:2]) == ["after", "around ends"]
    assert f"{number.name} came before the start was over" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("target", ["slow.py", "slow:app"])
def test_while_the_application_is_imported(tmp_path: Path, number: signal.Signals, target: str) -> None:
    write(tmp_path, IMPORT)
    with kyoukai_run(target, "--port", "0", folder=tmp_path) as process:
        process.wait_for("begun")
        process.send(number)
        assert process.finish() == -number
    assert said(process) == ["after", f"{number.name} came before the start was over"]


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_second_signal_cuts_it_off(tmp_path: Path, number: signal.Signals, loop: str) -> None:
    write(tmp_path, STUBBORN)
    with kyoukai_run("slow:app", "--port", "0", "--loop", loop, folder=tmp_path) as process:
        process.wait_for("begun")
        process.send(number)
        process.wait_for("again")
        process.send(number)
        assert process.finish() == -number
    assert said(process) == ["again"]


def test_start_that_ignores_its_cancellation_does_not_serve(tmp_path: Path) -> None:
    write(tmp_path, STUBBORN.replace("while True", "for _ in range(1)"))
    with kyoukai_run("slow:app", "--port", "0", folder=tmp_path) as process:
        process.wait_for("begun")
        process.send(signal.SIGTERM)
        assert process.finish() == -signal.SIGTERM
    assert "serves" not in process.stderr
    assert said(process)[-1].endswith(": SIGTERM came before the start was over")


TREE = """
import asyncio

from asphalt.core import Component


class Slow(Component):
    async def start(self, ctx):
        await asyncio.Event().wait()
"""


@pytest.mark.parametrize("number", SIGNALS)
def test_while_another_component_starts(tmp_path: Path, number: signal.Signals) -> None:
    write(tmp_path, HOOKS.replace("await asyncio.Event().wait()", "pass"))
    (tmp_path / "other.py").write_text(TREE)
    (tmp_path / "config.yaml").write_text(
        "component:\n  type: asphalt.core:ContainerComponent\n  components:\n"
        "    other: {type: 'other:Slow'}\n    kyoukai: {app: 'slow:app', port: 0}\n"
    )
    with kyoukai_run("config.yaml", folder=tmp_path) as process:
        assert process.url
        process.send(number)
        assert process.finish() == -number
    assert {"after", "around ends"} <= set(said(process))
    assert said(process)[-2].endswith("INFO kyoukai.server: stopped")
    assert f"{number.name} came before the start was over" in process.stderr


@pytest.mark.skipif(not namespaces_are_allowed(), reason="this system does not let us make a PID namespace")
@pytest.mark.parametrize("text", [HOOKS, IMPORT], ids=["hook", "import"])
def test_as_the_first_process_of_a_container(tmp_path: Path, text: str) -> None:
    write(tmp_path, text)
    # The parent stays outside: it sends the signal that a container's engine would.
    script = (
        "import os, signal, subprocess, sys\n"
        "command = ['unshare', '--pid', '--fork', '--kill-child', sys.executable]\n"
        "command += ['-m', 'kyoukai', 'run', 'slow:app', '--port', '0']\n"
        "child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)\n"
        "for line in child.stderr:\n"
        "    print(line, end='', file=sys.stderr, flush=True)\n"
        "    if line == 'begun\\n':\n"
        "        with open(f'/proc/{child.pid}/task/{child.pid}/children') as children:\n"
        "            os.kill(int(children.read()), signal.SIGTERM)\n"
        "sys.exit(child.wait())\n"
    )
    with python("-c", script, folder=tmp_path) as process:
        # It cannot end by the signal, and exits with a shell's status.
        assert process.finish() == 128 + signal.SIGTERM
    assert "after" in said(process)
    assert "SIGTERM came before the start was over" in process.stderr


@pytest.fixture
def default_signals() -> Iterator[None]:
    """Python's own handlers: a server that ran in this process before may have left others."""
    former = {number: signal.signal(number, default) for number, default in DEFAULTS.items()}
    yield
    for number, handler in former.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("default_signals")
def test_foreign_signal_handler_stays() -> None:
    def handler(number: int, frame: Any) -> None:
        pass

    former = signal.signal(signal.SIGTERM, handler)
    try:
        starting = Starting()
        with starting.handling():
            assert signal.getsignal(signal.SIGTERM) is handler
            assert signal.getsignal(signal.SIGINT) == starting.handle
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, former)


@pytest.mark.usefixtures("default_signals")
def test_a_start_without_a_signal() -> None:
    starting = Starting()

    async def start() -> int:
        assert starting.is_under_way
        # One within another is the same start.
        return await starting.guard(asyncio.sleep(0, 3))

    async def fail() -> None:
        raise ZeroDivisionError

    async def main() -> None:
        assert await starting.guard(start()) == 3
        with pytest.raises(ZeroDivisionError):
            await starting.guard(fail())
        assert not starting.is_under_way

    asyncio.run(main())


@pytest.mark.usefixtures("default_signals")
def test_failure_caused_by_the_signal_is_reported_as_the_signal() -> None:
    starting = Starting()

    async def start() -> None:
        signal.raise_signal(signal.SIGTERM)
        try:
            await asyncio.sleep(60)
        finally:
            raise ZeroDivisionError

    async def main() -> None:
        with pytest.raises(StartInterruptedError, match="SIGTERM came before the start was over"):
            await starting.guard(start())

    asyncio.run(main())


class LateSelector(selectors.DefaultSelector):
    """A selector after whose work SIGINT comes, once it is asked to: the loop has not read that yet."""

    number: signal.Signals | None = None

    def select(self, timeout: float | None = None) -> Any:
        events = super().select(timeout)
        if self.number is not None:
            number, self.number = self.number, None
            signal.raise_signal(number)
        return events


@pytest.mark.skipif(sys.platform == "win32", reason="its loop has no signals")
def test_signal_that_stopped_the_loop_is_not_counted_twice() -> None:
    selector = LateSelector()
    loop = asyncio.SelectorEventLoop(selector)
    calls: list[int] = []

    async def stop() -> None:
        with signals_call(lambda: calls.append(1), []):
            for _ in range(5):
                await asyncio.sleep(0)
            assert calls == []
            signal.raise_signal(signal.SIGINT)
            while not calls:  # noqa: ASYNC110 - the callback is what is waited for
                await asyncio.sleep(0)

    former = signal.signal(signal.SIGINT, lambda *args: loop.stop())
    try:
        # Asphalt's runner has a handler for SIGTERM. From then on the loop is told of every signal.
        loop.add_signal_handler(signal.SIGTERM, lambda: None)
        selector.number = signal.SIGINT
        loop.call_soon(lambda: None)  # There is something to do, so that it does not wait.
        loop.run_forever()
        loop.run_until_complete(stop())
        assert calls == [1]
    finally:
        loop.close()
        signal.signal(signal.SIGINT, former)


BEGINNING = """
import signal
import weakref

import uvloop

from kyoukai.server.starting import exiting_by_signal


def interrupt(self, key, look_up=weakref.WeakValueDictionary.__getitem__):
    weakref.WeakValueDictionary.__getitem__ = look_up
    signal.raise_signal(signal.SIGTERM)
    return look_up(self, key)


loop = uvloop.new_event_loop()
with exiting_by_signal():
    # What uvloop calls before it is ready to run.
    weakref.WeakValueDictionary.__getitem__ = interrupt
    try:
        loop.run_forever()
    finally:
        loop.close()
"""


def test_a_signal_just_as_a_loop_begins_to_run(tmp_path: Path) -> None:
    """uvloop takes itself for running from there on, and cannot be closed."""
    with python("-c", BEGINNING, folder=tmp_path) as process:
        assert process.finish() == 128 + signal.SIGTERM
    assert process.stderr == "SIGTERM came before the start was over\n"


def test_error_after_a_signal_is_reported_unless_caused_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starting, "signal", None)

    def fail() -> None:
        starting.signal = signal.SIGTERM
        raise LookupError

    with pytest.raises(LookupError), exiting_by_signal():
        fail()

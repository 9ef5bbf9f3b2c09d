"""A process of the component's own: what is loaded there, and is not the collector's business."""

import signal
from pathlib import Path

import pytest

from .processes import Process, asphalt_run, kyoukai_run, python
from .serving import message

APPLICATION = """
import atexit
import gc
import sys

from kyoukai import Kyoukai

app = Kyoukai("frozen")


@app.route("/")
async def frozen(ctx):
    return str(count())


# Python 3.12 has some frozen from its own start on.
before = gc.get_freeze_count()


def count():
    return max(0, gc.get_freeze_count() - before)


atexit.register(lambda: print("left frozen:", count(), file=sys.stderr))
"""

MODULES = 10_000
"""Objects that there are at the least; the standard library alone has more."""


def count_frozen(process: Process) -> int:
    """Ask how many objects the collector passes over; then stop the process, which lets go of them."""
    with process.connect() as client:
        count = int(client.request(message()).body)
    process.send(signal.SIGTERM)
    assert process.finish() == 0
    assert process.wait_for("left frozen: 0")
    return count


LEAVES_TASKS = """
import asyncio
import sys

from kyoukai import Kyoukai

inner = Kyoukai("inner")


async def fail_when_cancelled():
    try:
        await asyncio.Event().wait()
    finally:
        raise RuntimeError("cannot close")


@inner.route("/")
async def hello(ctx):
    inner.failing = asyncio.create_task(fail_when_cancelled(), name="failing")
    return "hello"


@inner.after_serving
async def stop(ctx):
    await asyncio.sleep(0.01)
    print("the inner application has stopped", file=sys.stderr)


async def mounted(scope, receive, send):
    # As mounts of Starlette do: the inner application gets no lifespan events.
    if scope["type"] == "http":
        await inner.asgi(scope, receive, send)
"""

STAYS = """
import asyncio
import sys

from kyoukai import Kyoukai

app = Kyoukai("staying")


async def stay():
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            # The wait handles signals from its third turn of the loop on.
            for _ in range(10):
                await asyncio.sleep(0)
            print("cancelled", file=sys.stderr, flush=True)


@app.route("/")
async def hello(ctx):
    app.staying = asyncio.create_task(stay(), name="staying")
    return "hello"
"""

NOT_NEEDED = [
    *("ruamel.yaml", "asphalt.core.cli", "kyoukai.testing", "kyoukai.test_client"),
    *(
        "ctypes",
        "hypothesis",
        "itsdangerous",
        "multiprocessing",
        "pygments",
        "sqlite3",
        "werkzeug.debug",
        "xml",
    ),
]

LISTS_MODULES = """
import sys

from kyoukai import Kyoukai

app = Kyoukai("loaded")


@app.route("/")
async def loaded(ctx):
    return "\\n".join(sys.modules)
"""


def test_unneeded_modules_are_not_loaded(tmp_path: Path) -> None:
    """A module takes memory of each worker, for as long as that runs."""
    (tmp_path / "served.py").write_text(LISTS_MODULES)
    with kyoukai_run("served:app", "--port", "0", folder=tmp_path) as process, process.connect() as client:
        loaded = client.request(message()).body.decode().split("\n")
    assert "kyoukai.cli" in loaded
    assert [name for name in NOT_NEEDED if name in loaded] == []


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tasks_left_at_the_stop_are_cancelled(tmp_path: Path, loop: str) -> None:
    (tmp_path / "leaving.py").write_text(LEAVES_TASKS)
    with kyoukai_run("leaving:mounted", "--port", "0", "--loop", loop, folder=tmp_path) as process:
        with process.connect() as client:
            assert client.request(message()).body == b"hello"
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "the inner application has stopped" in process.stderr
    assert "task 'failing' failed when the stop cancelled it" in process.stderr
    assert "RuntimeError: cannot close" in process.stderr
    assert "Task was destroyed" not in process.stderr


@pytest.mark.parametrize(("number", "loop"), [(signal.SIGTERM, "asyncio"), (signal.SIGINT, "uvloop")])
def test_a_second_signal_ends_the_wait_for_tasks(tmp_path: Path, number: signal.Signals, loop: str) -> None:
    (tmp_path / "staying.py").write_text(STAYS)
    with kyoukai_run("staying:app", "--port", "0", "--loop", loop, folder=tmp_path) as process:
        with process.connect() as client:
            assert client.request(message()).body == b"hello"
        process.send(number)
        process.wait_for("cancelled")
        process.send(number)
        assert process.finish() == 0
    assert "a signal ended the wait for cancelled tasks that do not end: staying" in process.stderr
    assert "Task was destroyed" not in process.stderr
    assert "Aborted" not in process.stderr


def test_objects_of_the_start_are_frozen(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    with kyoukai_run("served:app", "--port", "0", folder=tmp_path) as process:
        assert count_frozen(process) > MODULES


def test_objects_of_a_script_are_frozen(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(APPLICATION + "app.run(port=0)\n")
    with python("script.py", folder=tmp_path) as process:
        assert count_frozen(process) > MODULES


def test_objects_of_asphalts_command_are_not_frozen(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    config = "component:\n  type: kyoukai\n  app: served:app\n  port: 0\n"
    with asphalt_run(config, tmp_path) as process:
        assert count_frozen(process) == 0

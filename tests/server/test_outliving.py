"""A server goes on after a SystemExit in a task or a callback of its application's own."""

import asyncio
import gc
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kyoukai.server.outliving import outlive

from ..processes import Process, asphalt_run, kyoukai_run
from ..serving import PATIENCE, message

APPLICATION = """
import asyncio
import sys

from kyoukai import Kyoukai

app = Kyoukai("app")


async def leave():
    sys.exit(2)


@app.route("/gathered")
async def gathered(ctx):
    await asyncio.gather(leave(), asyncio.sleep(0))


@app.route("/grouped")
async def grouped(ctx):
    async with asyncio.TaskGroup() as group:
        group.create_task(leave())


@app.route("/callback")
async def callback(ctx):
    asyncio.get_running_loop().call_soon(sys.exit, 2)
    await asyncio.sleep(0.01)
    return "called"


@app.route("/")
async def good(ctx):
    # Asphalt's runner has a few turns to take, from the run of the loop that is the start to the next.
    for _ in range(100):
        await asyncio.sleep(0)
    return "good"
"""

EXITING = """
import sys

from kyoukai import Kyoukai

app = Kyoukai("app")


@app.before_serving
async def start(ctx):
    if "START_OR_STOP" == "start":
        sys.exit(3)
    ctx.add_teardown_callback(lambda: sys.exit(3))
"""

CONFIG = """
component: {type: kyoukai, app: "leaving:app", port: 0}
logging: {version: 1, handlers: {e: {class: logging.StreamHandler}}, root: {level: INFO, handlers: [e]}}
"""


def check_going_on(process: Process) -> None:
    """Check what comes of each kind, and that the server ends by a signal alone."""
    for path in ("/gathered", "/grouped"):
        with process.connect() as client:
            assert client.request(message("GET", path)).status == 500
            assert client.request(message()).body == b"good"
        process.wait_for(f"GET '{path}': unhandled exception")
    with process.connect() as client:
        assert client.request(message("GET", "/callback")).body == b"called"
        assert client.request(message()).body == b"good"
    process.wait_for("a callback of the loop failed")
    process.send(signal.SIGTERM)
    assert process.finish() == 0
    assert process.stderr.count("unhandled exception") == 2


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_server_of_the_command_line(tmp_path: Path, loop: str) -> None:
    (tmp_path / "leaving.py").write_text(APPLICATION)
    with kyoukai_run("leaving:app", "--port", "0", "--loop", loop, folder=tmp_path) as process:
        check_going_on(process)


def test_a_server_of_a_configuration_file(tmp_path: Path) -> None:
    (tmp_path / "leaving.py").write_text(APPLICATION)
    with asphalt_run(CONFIG, tmp_path) as process:
        with process.connect() as client:
            assert client.request(message()).body == b"good"
        check_going_on(process)


def test_a_loop_is_left_as_it_was(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    loop = loop_factory()
    try:
        undo = outlive(loop)
        # Once is enough, and the first has to undo it.
        outlive(loop)()
        loop.call_soon(sys.exit, 2)
        assert loop.run_until_complete(asyncio.sleep(0.01, "gone on")) == "gone on"
        undo()
        loop.call_soon(sys.exit, 2)
        with pytest.raises(SystemExit):
            loop.run_forever()
    finally:
        loop.close()


@pytest.mark.parametrize("exit_first", [True, False])
def test_a_stop_in_the_turn_of_an_exit_is_kept(
    loop_factory: Callable[[], asyncio.AbstractEventLoop], exit_first: bool
) -> None:
    loop = loop_factory()
    try:
        outlive(loop)
        # Else it would go on for ever.
        guard = loop.call_later(PATIENCE, loop.stop)
        callbacks = [lambda: sys.exit(2), loop.stop]
        for callback in callbacks if exit_first else reversed(callbacks):
            loop.call_soon(callback)
        loop.run_forever()
        if exit_first:
            # asyncio leaves the stop for the next turn.
            loop.call_soon(loop.stop)
            loop.run_forever()
        # A stop counts once.
        loop.call_soon(sys.exit, 2)
        assert loop.run_until_complete(asyncio.sleep(0.01, "gone on")) == "gone on"
        assert loop.time() < guard.when()
    finally:
        loop.close()


def test_second_stop_does_not_interrupt_closing(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    loop = loop_factory()
    undo = outlive(loop)
    closed = []

    async def close() -> None:
        await asyncio.sleep(0.01)
        closed.append(True)

    try:
        loop.call_soon(loop.stop)
        loop.run_forever()
        loop.call_soon(loop.stop)
        loop.run_until_complete(close())
    finally:
        undo()
        loop.close()
    assert closed == [True]


def test_a_signal_between_two_runs_is_not_lost(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    loop = loop_factory()
    try:
        outlive(loop)
        guard = loop.call_later(PATIENCE, loop.stop)
        loop.add_signal_handler(signal.SIGTERM, loop.stop)
        loop.run_until_complete(asyncio.sleep(0))
        signal.raise_signal(signal.SIGTERM)
        loop.run_forever()
        assert loop.time() < guard.when()
    finally:
        loop.close()


def test_future_that_completes_in_the_turn_of_an_exit_is_done(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    loop = loop_factory()
    try:
        outlive(loop)
        guard = loop.call_later(PATIENCE, loop.stop)
        future = loop.create_future()
        loop.call_soon(future.set_result, "ended")
        # The future's callbacks come a turn later: in the one that stops the loop.
        loop.call_soon(loop.call_soon, loop.call_soon, sys.exit, 2)
        loop.call_soon(loop.call_soon, sys.exit, 2)
        assert loop.run_until_complete(future) == "ended"
        assert loop.time() < guard.when()
    finally:
        loop.close()


def test_exit_raised_in_the_main_coroutine_ends_the_run(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    async def leave() -> None:
        await asyncio.wait_for(asyncio.sleep(0), 1)
        sys.exit(3)

    async def outer() -> None:
        # The exception goes through two tasks, and is raised out of the loop at each.
        await asyncio.wait_for(leave(), 1)

    reported: list[object] = []
    loop = loop_factory()
    loop.set_exception_handler(lambda _, context: reported.append(context))
    try:
        outlive(loop)
        # Else it would go on for ever.
        guard = loop.call_later(PATIENCE, loop.stop)
        with pytest.raises(SystemExit, match="3"):
            loop.run_until_complete(outer())
        assert loop.time() < guard.when()
        gc.collect()
        assert reported == []
    finally:
        loop.close()


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("at", ["start", "stop"])
def test_exit_at_the_start_or_the_stop_ends_a_server(tmp_path: Path, loop: str, at: str) -> None:
    (tmp_path / "leaving.py").write_text(EXITING.replace("START_OR_STOP", at))
    with kyoukai_run("leaving:app", "--port", "0", "--loop", loop, folder=tmp_path) as process:
        if at == "stop":
            process.wait_for("serves http")
            process.send(signal.SIGTERM)
        assert process.finish() == 3


def test_interrupt_ends_the_run(loop_factory: Callable[[], asyncio.AbstractEventLoop]) -> None:
    loop = loop_factory()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        outlive(loop)
        loop.call_soon(signal.raise_signal, signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            loop.run_forever()
    finally:
        signal.signal(signal.SIGINT, before)
        loop.close()


def test_two_stops_in_one_turn_do_not_stop_the_next_run(
    loop_factory: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    """A signal and the supervisor of a worker may both ask for one: the next run closes what there is."""
    loop = loop_factory()
    try:
        outlive(loop)

        def stop() -> None:
            loop.stop()
            # It is called after uvloop has noted the first one, and before that ends the turn.
            loop.call_soon(loop.stop)

        loop.call_soon(stop)
        loop.run_forever()
        loop.run_until_complete(asyncio.sleep(0.01))
    finally:
        loop.close()

"""A start that waits for a resource: what is said of it, and for how long it may."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Context, context_teardown
from asphalt.templating.api import TemplateRenderer
from sqlalchemy.ext.asyncio import AsyncEngine

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.launch import choose_start_timeout
from kyoukai.server.startup_log import still_waits
from kyoukai.server.waiting import find_waits, naming_waits, what_brings

from ..processes import asphalt_run, kyoukai_run
from ..serving import PATIENCE
from ..test_cli import Runner, folder, invoke, runner, succeed

__all__ = ("folder", "runner")

VARIABLE = "KYOUKAI_START_TIMEOUT"


@pytest.fixture(autouse=True)
def nothing_waits() -> Any:
    """Forget what another test's start waited for."""
    still_waits.clear()
    yield
    still_waits.clear()


class Database:
    """A resource."""


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    records = [record for record in caplog.records if record.name == "kyoukai.server"]
    assert all(record.levelno == logging.WARNING for record in records)
    return [record.getMessage() for record in records]


async def until(condition: Any) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - the condition has no event
            await asyncio.sleep(0.005)


def test_waiting_start_is_named_once(caplog: pytest.LogCaptureFixture, loop_factory: Any) -> None:
    async def ask(ctx: Context) -> Database:
        return await ctx.request_resource(Database, "main")

    async def main() -> None:
        async with Context() as ctx:
            task = asyncio.create_task(naming_waits(ask(ctx), 0.01))
            await until(lambda: said(caplog))
            looks = len(still_waits)
            still_waits.clear()
            await until(lambda: len(still_waits) == looks == 1)
            database = Database()
            ctx.add_resource(database, "main")
            assert await task is database
            # The last look finds nothing.
            await until(lambda: not still_waits)

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        loop.run(main())
    [line] = said(caplog)
    where = f"{__file__}:{ASK_LINE}"
    name = "test_waiting_start_is_named_once.<locals>.ask"
    assert line.startswith(
        f"{name} ({where}) waits for the resource {__name__}.Database 'main', which no component has "
        "added; a component adds it: name it in a configuration file"
    )


ASK_LINE = test_waiting_start_is_named_once.__code__.co_firstlineno + 2


def test_a_start_that_does_not_wait_is_not_named(caplog: pytest.LogCaptureFixture, loop_factory: Any) -> None:
    async def main() -> None:
        async with Context() as ctx:
            ctx.add_resource(Database())
            still_waits.append("something of long ago")
            await naming_waits(ctx.request_resource(Database), 0.01)
            await until(lambda: not still_waits)

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        loop.run(main())
    assert said(caplog) == []


def test_component_waiting_after_the_server_started_is_named(
    caplog: pytest.LogCaptureFixture, loop_factory: Any
) -> None:
    """The root component, say, which has begun the server before it asks."""

    async def start() -> None:
        pass

    async def main() -> None:
        async with Context() as ctx:
            task = asyncio.create_task(ctx.request_resource(Database), name="the asker")
            await naming_waits(start(), 0.01)
            await until(lambda: said(caplog))
            task.cancel()
            await asyncio.wait([task])

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        loop.run(main())
    [line] = said(caplog)
    assert line.startswith(
        "the task the asker waits for the resource tests.server.test_waiting.Database 'default'"
    )


def test_failed_start_is_no_longer_watched(caplog: pytest.LogCaptureFixture, loop_factory: Any) -> None:
    async def fail() -> None:
        raise LookupError

    async def main() -> None:
        loop = asyncio.get_running_loop()
        still_waits.append("untouched")
        with pytest.raises(LookupError):
            await naming_waits(fail(), 0.0)
        # Timers are called in their order.
        passed = asyncio.Event()
        loop.call_later(0.01, passed.set)
        await passed.wait()

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        loop.run(main())
    assert still_waits == ["untouched"]


def test_a_component_with_a_teardown_is_looked_into(loop_factory: Any) -> None:
    """Its start is an asynchronous generator."""

    class Component:
        @context_teardown
        async def start(self, ctx: Context) -> Any:
            await ctx.request_resource(Database)
            yield

    async def main() -> list[str]:
        async with Context() as ctx:
            task = asyncio.create_task(Component().start(ctx))
            await asyncio.sleep(0)
            found = [wait.who for wait in find_waits()]
            task.cancel()
            await asyncio.wait([task])
            return found

    with asyncio.Runner(loop_factory=loop_factory) as loop:
        [who] = loop.run(main())
    assert "Component.start" in who
    assert __file__ in who


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        (AsyncEngine, ["'sqlalchemy' (asphalt-sqlalchemy)"]),
        (TemplateRenderer, ["'templating' (asphalt-templating)"]),
        (Database, []),
    ],
)
def test_providers_of_a_resource(kind: Any, names: list[str]) -> None:
    expected = f"a component of the type {names[0]} may add it" if names else "a component adds it"
    assert what_brings(kind) == f"{expected}: name it in a configuration file, for kyoukai run config.yaml"


# In a process


WAITING = """
import asyncio
from kyoukai import Kyoukai

class Database:
    pass

app = Kyoukai("waiting")

@app.before_serving
async def connect(ctx):
    await ctx.request_resource(Database)
"""

WAITS = (
    r"connect \(\S+waiting\.py:12\) waits for the resource waiting\.Database 'default', which no component"
)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_an_application_that_waits_for_ever(folder: Path, loop: str) -> None:
    (folder / "waiting.py").write_text(WAITING)
    options = ("--port", "0", "--loop", loop, "--start-timeout", "2.5")
    with kyoukai_run("waiting:app", *options, folder=folder) as process:
        process.wait_for(f"WARNING kyoukai.server: {WAITS}")
        assert process.finish() == 1
    end = "; start_timeout, or --start-timeout, sets how long it may take"
    assert len(process.stderr.splitlines()) == 3
    start = "ERROR asphalt.core.runner: Timeout waiting for the root component to start; connect ("
    [line] = [line for line in process.stderr.splitlines() if start in line]
    assert line.endswith(end)


def test_waiting_component_is_named_by_asphalts_command(tmp_path: Path) -> None:
    (tmp_path / "waiting.py").write_text(WAITING)
    text = "component: {type: kyoukai, app: 'waiting:app', port: 0}\nstart_timeout: 2.5\n"
    with asphalt_run(text, tmp_path) as process:
        process.wait_for(f"WARNING:kyoukai.server:{WAITS}")
        assert process.finish() == 1


SLOW_START = """
import asyncio
from kyoukai import Kyoukai

app = Kyoukai("slow")

@app.before_serving
async def sleep(ctx):
    await asyncio.Event().wait()
"""


def test_a_start_that_waits_for_something_else(folder: Path) -> None:
    (folder / "slow.py").write_text(SLOW_START)
    with kyoukai_run("slow:app", "--port", "0", folder=folder, environ={VARIABLE: "0.2"}) as process:
        assert process.finish() == 1
    assert "a hook before serving, slow.sleep, was cut off" in process.stderr
    assert "Timeout waiting for the root component to start; start_timeout, or" in process.stderr


# The setting


def test_the_start_timeout(runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "config.yaml").write_text("component: {type: kyoukai, app: 'served:app'}\nstart_timeout: 20\n")
    monkeypatch.delenv(VARIABLE, raising=False)
    for target, expected in (("served:app", 10), ("config.yaml", 20)):
        succeed("run", target)
        assert runner.settings["start_timeout"] == expected
    monkeypatch.setenv(VARIABLE, "30")
    for target in ("served:app", "config.yaml"):
        succeed("run", target)
        assert runner.settings["start_timeout"] == 30
        succeed("run", target, "--start-timeout", "40.5")
        assert runner.settings["start_timeout"] == 40.5
        succeed("run", target, "--start-timeout", "0")
        assert runner.settings["start_timeout"] is None
    assert (
        "--start-timeout is '-1'; it must be" in invoke("run", "served:app", "--start-timeout", "-1").stderr
    )


def test_a_script_has_a_start_timeout(runner: Runner) -> None:
    from kyoukai import Kyoukai

    Kyoukai("script").run(port=0, start_timeout=7)
    assert runner.settings["start_timeout"] == 7


@pytest.mark.parametrize("value", ["soon", -1, True, float("nan"), float("inf"), [1]])
def test_invalid_start_timeout(value: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"start_timeout is .*; it must be a number of seconds, or 0"
    ):
        choose_start_timeout(None, {"start_timeout": value})


def test_no_start_timeout_at_all() -> None:
    assert choose_start_timeout(None, {"start_timeout": None}) is None
    assert choose_start_timeout(None, {"start_timeout": 0}) is None

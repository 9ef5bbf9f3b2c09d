"""What an application sets for its process stays: logging, before and after, and the policy of loops."""

import asyncio
import contextlib
import logging
import re
import signal
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.launch import choose_policy
from kyoukai.server.log_files import FORMAT
from kyoukai.server.logs import enable_own_loggers, own_logging, read_level, settle

from ..processes import Process, asphalt_run, kyoukai_run, python
from ..serving import message

SET_UP = """
logging.basicConfig(level=logging.DEBUG, format="mine %(levelname)s %(name)s %(message)s")
logging.getLogger().addHandler(logging.FileHandler("root.log"))
logging.getLogger("shop").addHandler(logging.FileHandler("shop.log"))
"""

DISABLING = """
logging.config.dictConfig({
    "version": 1,
    "formatters": {"mine": {"format": "mine %(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "mine"},
        "file": {"class": "logging.FileHandler", "filename": "root.log"},
        "shop": {"class": "logging.FileHandler", "filename": "shop.log"},
    },
    "loggers": {"shop": {"handlers": ["shop"]}},
    "root": {"level": "DEBUG", "handlers": ["stderr", "file"]},
})
"""

APPLICATION = """
import logging
import logging.config

from kyoukai import Kyoukai

{at_import}
app = Kyoukai("shop")


@app.before_serving
async def set_up(ctx):
    logging.getLogger("shop").info("before serving")
    {before_serving}


@app.route("/")
async def fail(ctx):
    logging.getLogger("shop").debug("said by the shop")
    raise ZeroDivisionError("by the shop")


if __name__ == "__main__":
    app.run(port=0)
    print(len(logging.getLogger().handlers), logging.getLogger().level, flush=True)
"""

STARTS = ["file", "module", "script"]


def write(folder: Path, at_import: str = "", before_serving: str = "pass") -> None:
    """Write an application that sets up logging at one place or the other."""
    before_serving = before_serving.strip().replace("\n", "\n    ")
    (folder / "shop.py").write_text(
        APPLICATION.replace("{at_import}", at_import).replace("{before_serving}", before_serving)
    )


def started(start: str, folder: Path) -> AbstractContextManager[Process]:
    """Start the application in one of the ways that there are."""
    if start == "script":
        return python("shop.py", folder=folder)
    return kyoukai_run("shop.py" if start == "file" else "shop:app", "--port", "0", folder=folder)


def ask(process: Process) -> None:
    """Ask once, and stop the server."""
    with process.connect() as client:
        assert client.request(message()).status == 500
    process.send(signal.SIGTERM)
    assert process.finish() == 0


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("set_up", [SET_UP, DISABLING], ids=["by hand", "dictConfig"])
@pytest.mark.parametrize("when", ["at_import", "before_serving"])
def test_what_an_application_sets_up_stays(tmp_path: Path, start: str, set_up: str, when: str) -> None:
    write(tmp_path, **{when: set_up})
    with started(start, tmp_path) as process:
        process.wait_for(r"(?m)^mine INFO kyoukai.server Kyoukai .* serves ")
        ask(process)
    assert "mine DEBUG shop said by the shop\n" in process.stderr
    # One line each, and by nobody else's handler.
    assert process.stderr.count("\nZeroDivisionError: by the shop\n") == 1
    assert not re.search(r"(?m)^\d{4}-.* kyoukai", process.stderr)
    root, shop = (tmp_path / "root.log").read_text(), (tmp_path / "shop.log").read_text()
    assert "said by the shop\n" in root
    assert root.count("\nZeroDivisionError: by the shop\n") == 1
    assert shop.endswith("said by the shop\n")
    if start == "script":
        assert process.stdout == "2 10\n"


@pytest.mark.parametrize("start", STARTS)
def test_logging_without_configuration(tmp_path: Path, start: str) -> None:
    write(tmp_path)
    with started(start, tmp_path) as process:
        ask(process)
    assert re.search(r"(?m)^\d{4}-.* INFO shop: before serving$", process.stderr)
    assert re.search(r"(?m)^\d{4}-.* INFO kyoukai.server: Kyoukai .* serves ", process.stderr)
    assert "said by the shop" not in process.stderr
    assert process.stderr.count("\nZeroDivisionError: by the shop\n") == 1
    if start == "script":
        # All is as it was.
        assert process.stdout == f"0 {logging.WARNING}\n"


def test_a_configuration_file_sets_it_up(tmp_path: Path) -> None:
    """Its ``dictConfig`` disables the loggers that there are, and so may the application's own."""
    write(tmp_path, at_import=DISABLING)
    config = """
component:
  type: kyoukai
  app: shop:app
  port: 0
logging:
  version: 1
  formatters: {theirs: {format: "theirs %(levelname)s %(name)s %(message)s"}}
  handlers: {stderr: {class: logging.StreamHandler, formatter: theirs}}
  root: {level: INFO, handlers: [stderr]}
"""
    with asphalt_run(config, tmp_path) as process:
        ask(process)
    # The application's, which came later, counts.
    said = r"mine ERROR kyoukai.web GET '/': unhandled exception \(request id \w{32}\); its handler is "
    assert len(re.findall(said, process.stderr)) == 1


@contextlib.contextmanager
def bare_root() -> Iterator[logging.Logger]:
    """Let the root logger be as Python makes it; pytest gives it handlers."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    root.handlers[:] = []
    root.setLevel(logging.WARNING)
    try:
        yield root
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)


def test_unconfigured_root_logger() -> None:
    last_resort = logging.lastResort
    with bare_root() as root:
        with own_logging(logging.INFO):
            assert root.handlers == []
            assert root.level == logging.INFO
            settle()
            settle()
            (handler,) = root.handlers
            assert handler.formatter is not None
            assert handler.formatter._fmt == FORMAT
        assert root.handlers == []
        assert root.level == logging.WARNING
        assert logging.lastResort is last_resort


def test_configured_root_logger() -> None:
    handler = logging.NullHandler()
    with bare_root() as root:
        root.addHandler(handler)
        with own_logging(logging.DEBUG):
            settle()
            assert root.handlers == [handler]
            assert root.level == logging.WARNING


def test_levels_of_loggers_that_have_none() -> None:
    trace = logging.getLogger("kyoukai.trace")
    trace.setLevel(logging.CRITICAL)
    try:
        with own_logging(logging.DEBUG):
            assert logging.getLogger("kyoukai").level == logging.DEBUG
            assert logging.getLogger("asphalt").level == logging.WARNING
            # Whoever has set one keeps it.
            assert trace.level == logging.CRITICAL
        with own_logging(logging.CRITICAL):
            # A start that failed is always told of.
            assert logging.getLogger("asphalt").level == logging.ERROR
        trace.setLevel(logging.NOTSET)
        with own_logging(logging.ERROR):
            # It has been asked for.
            assert trace.level == logging.DEBUG
        assert logging.getLogger("kyoukai").level == logging.NOTSET
        assert trace.level == logging.NOTSET
    finally:
        trace.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("disabled", "left"),
    [
        (["kyoukai.access", "kyoukai.web"], []),
        (["kyoukai.web"], []),
        (["kyoukai.access"], ["kyoukai.access"]),
    ],
)
def test_loggers_that_were_disabled(disabled: list[str], left: list[str]) -> None:
    loggers = [logging.getLogger(name) for name in ("kyoukai.access", "kyoukai.web")]
    for logger in loggers:
        logger.disabled = logger.name in disabled
    try:
        enable_own_loggers()
        assert [logger.name for logger in loggers if logger.disabled] == left
    finally:
        for logger in loggers:
            logger.disabled = False


def test_levels_have_names() -> None:
    assert read_level("debug") == logging.DEBUG
    with pytest.raises(ConfigurationError, match="log_level is 'loud'; it must be one of CRITICAL, ERROR"):
        read_level("loud")


@pytest.fixture
def own_policy() -> Iterator[None]:
    """A policy of event loops that an application has set."""

    class Policy(asyncio.DefaultEventLoopPolicy):
        """One of its own."""

    asyncio.set_event_loop_policy(Policy())
    yield
    asyncio.set_event_loop_policy(None)


@pytest.mark.usefixtures("own_policy")
def test_a_policy_of_the_application_stays_unless_another_is_asked_for() -> None:
    assert choose_policy(None) is None
    assert choose_policy("uvloop") == "uvloop"


POLICY = """
import asyncio
import contextlib

from kyoukai import Kyoukai


class Loop(asyncio.SelectorEventLoop):
    pass


class Policy(asyncio.DefaultEventLoopPolicy):
    def new_event_loop(self):
        return Loop()


asyncio.set_event_loop_policy(Policy())
app = Kyoukai("app")


@app.route("/")
async def name(ctx):
    return type(asyncio.get_running_loop()).__name__


if __name__ == "__main__":
    app.run(port=0)
    print(type(asyncio.get_event_loop_policy()).__name__, flush=True)
"""


@pytest.mark.parametrize("start", STARTS)
def test_a_policy_of_the_application_makes_the_loop(tmp_path: Path, start: str) -> None:
    (tmp_path / "shop.py").write_text(POLICY)
    with started(start, tmp_path) as process:
        with process.connect() as client:
            assert client.request(message()).body == b"Loop"
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    if start == "script":
        assert process.stdout == "Policy\n"


def test_requested_loop_is_used(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(POLICY)
    options = ("--port", "0", "--loop", "asyncio")
    with kyoukai_run("shop.py", *options, folder=tmp_path) as process, process.connect() as client:
        assert client.request(message()).body == b"_UnixSelectorEventLoop"

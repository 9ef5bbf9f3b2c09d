"""A process of the component's own: what is loaded there, and is not the collector's business."""

import signal
from pathlib import Path

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


def test_what_serving_does_not_need_is_not_loaded(tmp_path: Path) -> None:
    """A module takes memory of each worker, for as long as that runs."""
    (tmp_path / "served.py").write_text(LISTS_MODULES)
    with kyoukai_run("served:app", "--port", "0", folder=tmp_path) as process, process.connect() as client:
        loaded = client.request(message()).body.decode().split("\n")
    assert "kyoukai.cli" in loaded
    assert [name for name in NOT_NEEDED if name in loaded] == []


def test_what_is_there_at_the_start_is_frozen(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    with kyoukai_run("served:app", "--port", "0", folder=tmp_path) as process:
        assert count_frozen(process) > MODULES


def test_so_it_is_where_a_script_runs_its_application(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(APPLICATION + "app.run(port=0)\n")
    with python("script.py", folder=tmp_path) as process:
        assert count_frozen(process) > MODULES


def test_what_may_be_others_is_not(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(APPLICATION)
    config = "component:\n  type: kyoukai\n  app: served:app\n  port: 0\n"
    with asphalt_run(config, tmp_path) as process:
        assert count_frozen(process) == 0

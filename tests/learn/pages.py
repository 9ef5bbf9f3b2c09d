"""A page of the docs, read as somebody reads it who types what it shows.

The page gives in this order: a file behind ``<!-- file: ... -->``, under a line that ends with its name
(``Write this into `app.py`:``); commands, in fences of ``sh``; and in a fence of ``text`` what they print.
"""

import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..processes import Process
from ..serving import PATIENCE

ROOT: Final = Path(__file__).parents[2]

FENCE: Final = re.compile(
    r"(?ms)^(?P<before>[^\n]*)\n(?:\n)?(?:<!-- (?P<marker>\w+): \S+ -->\n)?"
    r"(?P<ticks>```+)(?P<language>\w+)\n(?P<text>.*?)^(?P=ticks)$"
)

VARYING: Final = (
    (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ", "TIME "),
    (r"pid \d+", "pid N"),
    (r"after \d+\.\d s", "after N s"),
    (r" in \d+\.\d\ds$", " in N s"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
    (r"Kyoukai \S+ serves", "Kyoukai VERSION serves"),
    # The tests of the tutorial start the server anew where the reader has it reload.
    (r" by 1 worker$", ""),
    (r"kyoukai +\d\S+ +", "kyoukai VERSION "),
    (r" {2,}", " "),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", "WRITTEN"),
    (r"^Date: .*", "Date: DATE"),
    (r" \d\.\d{6}$", " DURATION"),
)
"""What an output has that differs from one run to the next."""

ENVIRONMENT: Final = re.compile(r"mkdir \w+$|cd |python3 -m venv |\. \.venv/bin/activate|pip install ")
"""Commands that make the environment which the tests run in already."""


@dataclass
class File:
    """A file that the reader writes."""

    name: str
    text: str


@dataclass
class Command:
    """A command that the reader types, and the output that the page shows below it."""

    line: str
    output: str = ""


@dataclass
class Shown:
    """An output that comes without a command: more lines of the server's log."""

    output: str


def read_page(path: Path) -> list[File | Command | Shown]:
    """Return what the reader of a page does, in order.

    :raises ValueError: if the page shows a file without saying what it is called.
    """
    steps: list[File | Command | Shown] = []
    follows_command = False
    for fence in FENCE.finditer(path.read_text("utf-8")):
        language, text = fence["language"], fence["text"]
        if fence["marker"] == "file":
            name = re.search(r"`([\w./-]+)`[^`]*:$", fence["before"])
            if name is None:
                raise ValueError(f"{path.name} does not say what is called: {fence['before']!r}")
            steps.append(File(name[1], text))
        elif language == "sh":
            steps += [Command(line) for line in text.replace("\\\n", " ").splitlines()]
        elif language == "text" and follows_command and isinstance(command := steps[-1], Command):
            command.output = text
        elif language == "text":
            steps.append(Shown(text))
        follows_command = language == "sh"
    return steps


def check_output(shown: str, actual: str, folder: Path) -> None:
    """Check that an output is what a page shows, where ``…`` stands for any number of lines.

    :raises AssertionError: if it is not.
    """
    expected = re.escape(_steady(shown)).replace("…\\\n", r"(?:.*\n)*?")
    if not re.fullmatch(expected, _steady(actual.replace(str(folder.parent), "/home/ada"))):
        raise AssertionError(f"the page shows:\n{shown}\nbut the output is:\n{actual}")


def _steady(text: str) -> str:
    """Return an output without what differs from one run to the next, and with a newline at its end."""
    for pattern, name in VARYING:
        text = re.sub(f"(?m){pattern}", name, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def port_of(server: Process | None) -> int:
    """Return where a server listens; 0, if there is none yet."""
    return int(server.url.rpartition(":")[2]) if server is not None else 0


def run_command(line: str, folder: Path, port: int, environ: dict[str, str], typed: str = "") -> str:
    """Run a command in a folder as in a shell, and return what it prints.

    :param port: where the server listens, in place of the page's 8000.
    :param typed: what the reader types while it runs.
    :raises AssertionError: if it fails.
    """
    result = subprocess.run(
        ["bash", "-c", line.replace("127.0.0.1:8000", f"127.0.0.1:{port}")],
        cwd=folder,
        env={**environ, "PATH": f"{Path(sys.executable).parent}:{environ['PATH']}"},
        input=typed,
        capture_output=True,
        text=True,
        # One of them runs the tests of an application.
        timeout=3 * PATIENCE,
    )
    if result.returncode:
        raise AssertionError(f"{line!r} failed:\n{result.stdout}{result.stderr}")
    return result.stdout

"""``python -m tests.autobahn``: have Autobahn's fuzzing client test every backend, on both event loops.

The client needs Python 2.7, and is installed into a folder of its own, from PyPI. What it finds wrong is
printed, and then the exit status is 1.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from ..conftest import BACKENDS, LOOPS
from ..processes import Process, kyoukai_run
from .reports import INFORMATIONAL, NUMBER, NUMBER_OF_SLOW, SLOW, find_faults

HERE: Final = Path(__file__).parent

SECONDS: Final = 20
"""That the client gives each side of a handshake."""


def parse() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.autobahn", description=__doc__)
    parser.add_argument("--python", default="python2.7", help="a Python 2.7 (python2.7)")
    parser.add_argument("--slow", action="store_true", help=f"run the slow cases too: {', '.join(SLOW)}")
    parser.add_argument("--backend", action="append", help="may be given several times (all)")
    parser.add_argument("--loop", action="append", help="may be given several times (both)")
    parser.add_argument("--report", type=Path, help="leave the client's report in this folder")
    options = parser.parse_args()
    options.backend = options.backend or BACKENDS
    options.loop = options.loop or sorted(LOOPS)
    return options


def install(python: str, folder: Path) -> None:
    """Install the client.

    :raises subprocess.CalledProcessError: if that fails.
    """
    command = [python, "-m", "pip", "install", "-q", "--no-deps", "--disable-pip-version-check"]
    run([*command, "--target", str(folder), "-r", str(HERE / "requirements.txt")])


def run(command: list[str]) -> None:
    """Run a command, and print what it says if it fails.

    :raises subprocess.CalledProcessError: then.
    """
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        print(done.stdout)
        done.check_returncode()


def make_spec(servers: dict[str, Process], report: Path, is_slow: bool) -> dict[str, Any]:
    """Return what the client is told."""
    return {
        "outdir": str(report),
        "servers": [
            {"agent": name, "url": f"ws{process.url.removeprefix('http')}/"}
            for name, process in servers.items()
        ],
        "cases": ["*"],
        "exclude-cases": [] if is_slow else SLOW,
        "exclude-agent-cases": {},
        "options": dict.fromkeys(
            ("openHandshakeTimeout", "closeHandshakeTimeout", "serverConnectionDropTimeout"), SECONDS
        ),
    }


def tell(name: str, report: dict[str, dict[str, Any]], number: int, folder: Path) -> bool:
    """Say what came of one server, and return whether all was as it must be."""
    faults = find_faults(report, number)
    seconds = sum(result["duration"] for result in report.values()) / 1000
    informational = len(INFORMATIONAL & report.keys())
    print(f"{name}: {len(report)} cases, {informational} of them informational, {seconds:.0f} s", flush=True)
    for fault in faults:
        print(f"  {fault}")
    for result in report.values():
        if "FAILED" in (result["behavior"], result["behaviorClose"]):
            found = json.loads((folder / result["reportfile"]).read_text("utf-8"))
            print(*(f"  {found[key]}" for key in ("id", "expectation", "result", "resultClose")), sep="\n")
    return not faults


def check_log(name: str, process: Process) -> bool:
    """Return whether a server has logged neither errors nor warnings."""
    lines = [line for line in process.stderr.splitlines() if "ERROR" in line or "WARNING" in line]
    if lines or "Traceback" in process.stderr:
        print(f"{name} has logged:\n{process.stderr}")
        return False
    return True


def main() -> int:
    """Serve, have the client run, and return the exit status."""
    options = parse()
    number = NUMBER if options.slow else NUMBER - NUMBER_OF_SLOW
    with tempfile.TemporaryDirectory() as temporary, contextlib.ExitStack() as stack:
        folder = Path(temporary)
        install(options.python, folder / "installed")
        servers = {}
        for backend in options.backend:
            for loop in options.loop:
                own = folder / f"{backend}-{loop}"
                own.mkdir()
                command = (str(HERE / "echo.py"), "--port", "0", "--backend", backend, "--loop", loop)
                servers[own.name] = stack.enter_context(kyoukai_run(*command, "--no-access-log", folder=own))
        report = options.report or folder / "report"
        spec = folder / "spec.json"
        spec.write_text(json.dumps(make_spec(servers, report, options.slow)), "utf-8")
        began = time.monotonic()
        client = [options.python, "-S", str(HERE / "client.py"), str(folder / "installed")]
        run([*client, "-m", "fuzzingclient", "-s", str(spec)])
        found = json.loads((report / "index.json").read_text("utf-8"))
        sound = [tell(name, found.get(name, {}), number, report) for name in servers]
        sound += [check_log(name, process) for name, process in servers.items()]
    print(
        f"Autobahn: {number} cases of {len(servers)} servers in {time.monotonic() - began:.0f} s:"
        f" {'all as they must be' if all(sound) else 'see above'}"
    )
    return 0 if all(sound) else 1


if __name__ == "__main__":
    sys.exit(main())

"""The function of AWS Lambda in `examples/`: its own tests, and the same file as a server."""

import io
import os
import re
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
from PIL import Image

from .processes import kyoukai_run
from .serving import PATIENCE
from .test_docs import ROOT

EXAMPLE = ROOT / "examples" / "lambda"


def test_its_own_tests_pass() -> None:
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(EXAMPLE), str(ROOT)])}
    # None of this checkout's settings: what Mangum is warned of is not the example's.
    command = [sys.executable, "-m", "pytest", "-q", "-c", os.devnull, "--rootdir", str(EXAMPLE)]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "-p", "no:xdist", str(EXAMPLE)],
        env=environ,
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # An event of each kind.
    kinds = [path.stem for path in (EXAMPLE / "events").iterdir()]
    assert len(kinds) == 5
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) > 5 * len(kinds)


def test_the_same_file_is_a_server(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (40, 20)).save(picture, "png")
    # In a process: Mangum makes an event loop for the thread that imports it.
    with kyoukai_run(str(EXAMPLE / "thumbnails.py"), "--port", "0", folder=tmp_path) as process:
        url = f"{process.url}/thumbnails?width=16&format=webp"
        answer = httpx.post(url, content=picture.getvalue(), timeout=PATIENCE, trust_env=False)
        assert Image.open(io.BytesIO(answer.content)).size == (16, 8)
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_the_tests_have_what_it_needs() -> None:
    lines = (EXAMPLE / "requirements.txt").read_text("utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    needed = {line for line in lines if not line.startswith("#")}
    assert needed
    assert needed - set(project["optional-dependencies"]["test"]) == set()

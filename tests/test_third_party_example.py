"""The backends of `examples/` that are projects of their own, and the tutorial that builds one of them."""

import asyncio
import logging
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from kyoukai import HTTP1_FEATURES, BackendOptionError
from kyoukai.core.contract.registry import create_backend
from kyoukai.testing import Action, Outcome, Reply, converse, load_corpus, serving
from kyoukai.testing.rules import load_rules
from kyoukai.testing.runner import standing

from .environments import install
from .processes import QUICK, python, write_application
from .serving import PATIENCE
from .test_docs import DOCS, ROOT, update

EXAMPLES = ROOT / "examples"
PROJECT = EXAMPLES / "third_party_backend"
H11 = "kyoukai_h11:H11Backend"
RECORDING = "recording_backend:RecordingBackend"
GET = b"GET /%d HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(autouse=True)
def on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(PROJECT)
    monkeypatch.syspath_prepend(EXAMPLES / "recording_backend")


# The corpus, in memory


@pytest.mark.parametrize("backend", [H11, RECORDING])
def test_every_case_is_kept_whole(backend: str) -> None:
    async def run() -> list[str]:
        async with standing(backend) as stand:
            results = [await stand.run(case, 0, whole=True) for case in load_corpus()]
        return [failure for result in results for failure in result.failures]

    failures = asyncio.run(run())
    assert not failures, "\n".join(failures)


def test_a_third_party_backend_is_short() -> None:
    assert len((PROJECT / "kyoukai_h11.py").read_text("utf-8").splitlines()) < 120


def talk(backend: str, *pieces: bytes | Action, options: dict[str, Any] | None = None) -> Outcome:
    """Hold one conversation in memory."""

    async def run() -> Outcome:
        async with serving(backend) as (component, ctx):
            component.backends = {backend: create_backend(backend, options)}
            return await converse(component, ctx, pieces, reply=Reply())

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ("Content-Length: 2\r\nContent-Length: 2", 400),  # h11 takes them for one
        ("Content-Length: 2, 2", 400),  # and these
        ("Transfer-Encoding: gzip, chunked", 501),
        ("Transfer-Encoding: chunked, gzip", 400),  # h11 would have it 501
        ("Transfer-Encoding: chunked\r\nContent-Length: 2", 400),  # h11 reads the chunks
        ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\nUpgrade: h2c", 400),
    ],
)
def test_differences_of_h11_are_refused_by_the_policy(fields: str, status: int) -> None:
    head = f"POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n".encode()
    outcome = talk(H11, head + b"ok")
    assert [answer.status for answer in outcome.answers] == [status]
    assert not outcome.seen
    assert outcome.closed


# A backend that records


@pytest.mark.parametrize("to", ["httptools", "reference", H11])
def test_a_recording_has_every_byte(to: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "recording_backend")
    outcome = talk(RECORDING, GET % 1, GET % 2, Action.END, options={"to": to})
    assert [request.target for request in outcome.seen] == ["/1", "/2"]
    lines = [record.getMessage() for record in caplog.records if record.name == "recording_backend"]
    came = [line for line in lines if line.startswith("1 < ")]
    assert came == [f"1 < {GET % 1!r}", f"1 < {GET % 2!r}", "1 < 'end'", "1 < 'closed'"]
    gone = [line for line in lines if line.startswith("1 > b'HTTP/1.1 200 OK")]
    assert len(gone) == 2
    assert len(came) + len(gone) == len(lines)


def test_connections_are_numbered(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "recording_backend")

    async def run() -> None:
        async with serving(RECORDING) as (component, ctx):
            for _ in range(2):
                await converse(component, ctx, [GET % 1])

    asyncio.run(run())
    assert {record.getMessage()[:3] for record in caplog.records if "HTTP/1.1" in record.getMessage()} == {
        "1 <",
        "1 >",
        "2 <",
        "2 >",
    }


def test_features_equal_those_of_the_other_backend() -> None:
    assert create_backend(RECORDING).features == HTTP1_FEATURES
    inner = {"to": RECORDING, "to_options": {"to": "reference"}}
    assert create_backend(RECORDING, inner).alpn_protocols == ("http/1.1",)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"to": "httptool"}, r"to is 'httptool': unknown backend 'httptool'; did you mean httptools\?"),
        ({"to": 3}, r"to is 3: backend is 3; it must be a name"),
        ({"to": "no_such_module:Backend"}, "to is 'no_such_module:Backend': .* cannot be loaded"),
        ({"to": "reference", "to_options": {"speed": 11}}, "does not know the backend option 'speed'"),
        ({"to_options": "speed"}, "to_options is 'speed'; it must be options by their names"),
        ({"from": "reference"}, "'from'; its options: to, to_options"),
    ],
)
def test_its_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(BackendOptionError, match=message):
        create_backend(RECORDING, options)


def test_stop_waits_for_the_recorded_connections() -> None:
    """The inner protocol is on the server's list, and the recorder is not."""

    async def run() -> list[str]:
        async with serving(RECORDING) as (component, ctx):
            server = component.server
            listed: list[str] = []
            opened = server.opened
            server.opened = lambda connection: (
                listed.append(type(connection).__module__),
                opened(connection),
            )
            await converse(component, ctx, [GET % 1])
            return listed

    assert asyncio.run(run()) == ["kyoukai.backends.httptools_.protocol"]


# The tutorial, followed from an empty folder


def follow_the_tutorial(folder: Path) -> None:
    """Write the files of the project as the tutorial shows them, part by part, and nothing else."""
    page = (DOCS / "learn" / "first-backend.md").read_text("utf-8")
    for kind, name, _, _, text in update.MARKED_FENCE.findall(page):
        path, _, part = name.partition("#")
        if kind == "file" and PROJECT in (ROOT / path).parents:
            target = folder / (ROOT / path).relative_to(PROJECT)
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("a", encoding="utf-8") as file:
                file.write(f"\n{text}" if part and file.tell() else text)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("followed") / "kyoukai-h11"
    folder.mkdir()
    follow_the_tutorial(folder)
    return folder


def code(path: Path) -> list[str]:
    lines = path.read_text("utf-8").splitlines()
    return [line for line in lines if line and not re.match(r" *# region: ", line)]


def test_the_tutorial_has_the_whole_project(followed: Path) -> None:
    def files(folder: Path) -> dict[str, list[str]]:
        paths = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
        return {str(path.relative_to(folder)): code(path) for path in paths}

    assert files(followed) == {
        name: lines for name, lines in files(PROJECT).items() if ".egg-info" not in name
    }


@pytest.fixture(scope="module")
def installed(followed: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The interpreter of a virtual environment in which pip has installed what the tutorial wrote.

    h11 is where the tests run, because httpx needs it.
    """
    return install(followed, tmp_path_factory.mktemp("environment"))


@pytest.fixture
def alone(followed: Path, tmp_path: Path) -> Path:
    """A folder with the project's tests and its settings for pytest, and without its module."""
    write_application(tmp_path)
    shutil.copytree(followed / "tests", tmp_path / "tests")
    shutil.copy(followed / "pyproject.toml", tmp_path)
    return tmp_path


def test_backend_is_listed(installed: str, alone: Path) -> None:
    with python("-m", "kyoukai", "backends", folder=alone, python=installed) as process:
        assert process.finish() == 0
    rows = [line.split()[:4] for line in process.stdout.splitlines()]
    assert ["h11", "kyoukai-h11", "1.0", "1"] in rows


def run(command: list[str], folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run what takes longer than a server may take to start."""
    return subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **environ},
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
    )


def test_its_tests_pass_where_it_is_installed(installed: str, alone: Path) -> None:
    # Every rule, and the cases that h11 would not keep by itself. All of them, cut in every way, are for
    # the project's own CI.
    command = [
        installed,
        "-m",
        "pytest",
        "-q",
        "-rA",
        "-p",
        "no:cacheprovider",
        "-k",
        "test_rule or length-twice",
    ]
    # Under -O pytest warns that assertions do nothing, which is an error by the project's settings.
    result = run(command, alone, KYOUKAI_EXAMPLES="20", PYTHONOPTIMIZE="")
    assert result.returncode == 0, result.stdout + result.stderr
    outcomes = set(re.findall(r"(?m)^(\w+) tests/test_h11_backend\.py::(\S+)", result.stdout))
    assert ("PASSED", "TestH11Backend::test_case[length-twice-equal]") in outcomes
    rules = [rule for rule in load_rules() if f"test_rule[{rule.id}]" in result.stdout]
    required = {f"TestH11Backend::test_rule[{rule.id}]" for rule in rules if rule.level == "required"}
    assert len(required) > 30
    assert required - {test for outcome, test in outcomes if outcome == "PASSED"} == set()


def test_it_serves_where_it_is_installed(installed: str, alone: Path) -> None:
    command = ("-m", "kyoukai", "run", "served:app", "--port", "0", "--backend", "h11")
    with python(*command, folder=alone, python=installed) as process:
        process.wait_for(r"serves http://127\.0\.0\.1:\d+ \(backend h11, loop \w+\)")
        with process.connect() as client:
            for _ in range(2):
                answer = client.request(QUICK)
                assert (answer.status, answer.body) == (200, b"answer to /quick")
            assert client.request(b"GET / HTTP/1.1\r\n\r\n").status == 400
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_the_check_passes_where_it_is_installed(installed: str, alone: Path) -> None:
    result = run([installed, "-m", "kyoukai", "check", "h11", "--no-corpus"], alone)
    assert result.returncode == 0, result.stdout + result.stderr
    assert result.stdout.endswith("\nh11 keeps what was checked of the contract\n")
    assert "h11: not checked: K9.1, K9.2, K9.3, K9.4, K9.5: the corpus is not run\n" in result.stdout

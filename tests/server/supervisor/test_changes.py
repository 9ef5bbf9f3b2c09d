"""Development: what is watched, and what is served when a file that has changed is good or is not."""

import asyncio
import http.client
import importlib.util
import re
import signal
import sys
import threading
from pathlib import Path

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.supervisor.changes import Changes, default_folders, is_excluded
from kyoukai.server.supervisor.settings import Supervision, take

from ...processes import kyoukai_run
from ...serving import PATIENCE
from .supervised import APPLICATION, Supervised, supervised, wait_until, write

BROKEN = "def app(:\n"


def wait_for_reload(served: Supervised, count: int) -> None:
    served.process.wait_for("INFO kyoukai.server: reloaded: ", count)


def ask(served: Supervised, **headers: str) -> tuple[int, str]:
    """Return the status and the content of an answer on a connection of its own."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/", headers={"Connection": "close", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def ask_until(served: Supervised, piece: str) -> tuple[int, str]:
    """Return the first answer that has a piece: the old version may have a connection that came before."""
    answers: list[tuple[int, str]] = []

    def has_come() -> bool:
        answers.append(ask(served))
        return piece in answers[-1][1]

    wait_until(has_come)
    return answers[-1]


def test_a_saved_file_is_served(tmp_path: Path) -> None:
    with supervised(tmp_path, "--reload") as served:
        assert served.get().endswith(" one")
        write(tmp_path, APPLICATION.replace('"one"', '"two"'))
        wait_for_reload(served, 1)
        assert ask_until(served, " two")[0] == 200
        assert "a change of app.py came while serving: " in served.process.stderr
        served.signal(signal.SIGTERM)
        served.finish()
    assert "Traceback" not in served.process.stderr


def test_a_mistake_is_shown_and_the_next_save_recovers(tmp_path: Path) -> None:
    with supervised(tmp_path, "--reload") as served:
        ended, failures, statuses = threading.Event(), [], set()

        def go_on() -> None:
            while not ended.is_set():
                try:
                    statuses.add(ask(served)[0])
                except (OSError, http.client.HTTPException) as error:
                    failures.append(error)

        served.get()
        client = threading.Thread(target=go_on)
        client.start()
        try:
            write(tmp_path, BROKEN)
            wait_for_reload(served, 1)
            status, page = ask_until(served, "cannot be loaded")
            assert status == 500
            assert "app.py&quot;, line 1\n    def app(:\n" in page
            assert "SyntaxError: invalid syntax" in page
            assert "importlib" not in page
            served.process.wait_for("ERROR kyoukai.server: the application cannot be loaded")
            assert "SyntaxError: invalid syntax" in served.process.stderr
            write(tmp_path, "import not_installed_here\n")
            wait_for_reload(served, 2)
            ask_until(served, "No module named &#x27;not_installed_here&#x27;")
            write(tmp_path, APPLICATION.replace('"one"', '"three"'))
            wait_for_reload(served, 3)
            assert ask_until(served, " three")[0] == 200
        finally:
            ended.set()
            client.join(PATIENCE)
        assert failures == []
        assert statuses == {200, 500}


def test_mistake_is_shown_to_no_other_client(tmp_path: Path) -> None:
    with supervised(tmp_path, "--reload") as served:
        served.get()
        write(tmp_path, BROKEN)
        wait_for_reload(served, 1)
        ask_until(served, "SyntaxError")
        for headers in ({"Host": "rebound.example"}, {"X-Forwarded-For": "192.0.2.1"}):
            assert ask(served, **headers) == (500, "Internal Server Error\n")


def test_a_start_with_a_mistake_recovers_too(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(BROKEN)
    config = "component: {type: kyoukai, app: 'app.py:app', port: 0, reload: true, workers: 2}\n"
    (tmp_path / "config.yaml").write_text(config)
    environ = {"PYTHONDONTWRITEBYTECODE": "1"}
    with kyoukai_run("config.yaml", "--debug", folder=tmp_path, environ=environ) as process:
        served = Supervised(process, tmp_path)
        served.workers(2)
        assert "SyntaxError" in ask(served)[1]
        write(tmp_path)
        wait_for_reload(served, 1)
        ask_until(served, " one")
        (tmp_path / "config.yaml").write_text("component: {type: kyoukai, app: 'app.py:app', prot: 0}\n")
        # What is wrong with the file itself is in the log, and the last good version goes on.
        process.wait_for("ERROR kyoukai.server: the reload failed; the old workers continue to serve")
        assert "config.yaml:1: component: unknown setting 'prot'; did you mean port?" in process.stderr
        assert served.get().endswith(" one")


def test_only_files_of_these_names_are_watched(tmp_path: Path) -> None:
    for name in ("kept", ".hidden", "__pycache__", "built"):
        (tmp_path / name).mkdir()

    async def watch() -> list[str]:
        found: asyncio.Queue[list[str]] = asyncio.Queue()
        excluded = ["built", "*_test.html"]
        task = Changes([str(tmp_path)], ["*.html", "*.py"], found.put_nowait, excluded).start()
        try:
            while True:  # The system tells of what comes after it has been asked.
                for path in (
                    ".hidden/a.swp",
                    "__pycache__/b.py",
                    "c.txt",
                    "built/e.html",
                    "kept/f_test.html",
                    "kept/d.html",
                ):
                    (tmp_path / path).write_text("")
                try:
                    return await asyncio.wait_for(found.get(), 0.5)
                except TimeoutError:
                    continue
        finally:
            task.cancel()
            await asyncio.wait([task])

    assert [Path(path).name for path in asyncio.run(watch())] == ["d.html"]


def test_watched_files_follow_the_options(tmp_path: Path) -> None:
    options = ("--reload", "--reload-include", "*.html", "--reload-exclude", "built")
    paths = [tmp_path / "built" / "page.html", tmp_path / "page.html"]
    paths[0].parent.mkdir()
    with supervised(tmp_path, *options) as served:
        served.workers(1)

        def is_found() -> bool:
            for path in paths:
                path.write_text(str(path.stat().st_size if path.exists() else 0))
            return "a change of " in served.process.stderr

        wait_until(is_found)
        wait_for_reload(served, 1)
        changes = re.findall("a change of (.*) came while", served.process.stderr)
        assert {name for change in changes for name in change.split(", ")} == {"page.html"}


@pytest.mark.parametrize(
    ("path", "pattern", "expected"),
    [
        ("/a/test/app.py", "app.py", True),
        ("/a/test/app.py", "app", False),
        ("/a/test/app.py", "test", False),  # The folder that is watched is in it.
        ("/a/test/web/tests/app.py", "tests", True),
        ("/a/test/web/tests/app.py", "test*", True),
        ("/a/test/web/tests/app.py", "web/tests", True),
        ("/a/test/web/tests/app.py", "web/", True),
        ("/a/test/web/tests/app.py", "tests/app.py", False),
        ("/a/test/web/tests/app.py", "*/app.py", True),
        ("/b/app.py", "app.py", False),
    ],
)
def test_excluded_files(path: str, pattern: str, expected: bool) -> None:
    assert is_excluded(path, ["/c", "/a/test"], ["no such", pattern]) is expected


def test_folders_that_cannot_be_watched_are_named(caplog: pytest.LogCaptureFixture) -> None:
    asyncio.run(Changes(["/no/such/folder"], [], lambda paths: None).watch())
    assert "the files cannot be watched: " in caplog.text


def test_the_folders_that_are_watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "src"), *sys.path])
    src, other = str(tmp_path / "src"), str(tmp_path / "other")
    assert default_folders("module:app") == default_folders(object()) == [src]
    assert default_folders("src/below/file.py:app") == [src]
    assert default_folders("other/file.py:app") == [other, src]


def test_reload_needs_watchfiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"reload needs watchfiles; pip install 'kyoukai\[rel"):
        Supervision(reload=True)


def test_watch_options_alone_start_no_supervisor() -> None:
    assert take({"port": 1, "reload": False, "reload_dirs": ["."]}) == ({"port": 1}, None)
    assert take({"reload": True, "reload_dirs": ["."]}) == ({}, Supervision(reload=True, reload_dirs=["."]))

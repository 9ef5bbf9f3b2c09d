"""The tutorial, followed from an empty folder, page after page, with what a reader does in a browser."""

import contextlib
import io
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from websockets.sync.client import ClientConnection, connect

from ..certificates import write_certificate
from ..neighbours.proxies import find
from ..processes import Process, kyoukai_run
from ..serving import PATIENCE
from .pages import ENVIRONMENT, ROOT, Command, File, Shown, check_output, port_of, read_page, run_command

FOLDER = ROOT / "docs" / "learn" / "tutorial"
TYPED = "correct horse\n"
TOKEN = re.compile(r'name="token" value="([^"]+)"')
WINDOWS = 8
"""Pages that are open at a time, so that each of two workers has some."""


class Reader:
    """Somebody who does what the tutorial says, in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environ = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
        # A key of the machine's own would hide that the page forgets it.
        self.environ.pop("BOARD_KEY", None)
        self.server: Process | None = None
        self._arguments: list[str] = []
        self._has_written = False

    def follow(self, page: Path) -> None:
        """Do what a page says, and see that its outputs are the real ones."""
        for step in read_page(page):
            if isinstance(step, File):
                (self.folder / step.name).write_text(step.text)
                self._has_written = True
            elif isinstance(step, Shown):
                raise AssertionError(f"{page.name} shows an output of no command: {step.output}")
            else:
                self._do(step)

    def _do(self, command: Command) -> None:
        if command.line.startswith("kyoukai run "):
            self._arguments = command.line.replace(" --reload", "").split()[2:]
            self.restart()
            assert self.server is not None
            check_output(command.output, self.server.log, self.folder)
        elif assignment := re.match(r"export (\w+)=(.*)", command.line):
            name, value = assignment.groups()
            self.environ[name] = run_command(f"echo {value}", self.folder, 0, self.environ).strip()
        elif not ENVIRONMENT.match(command.line):
            if self.server is not None and self._has_written:
                self.restart()
            output = run_command(command.line, self.folder, port_of(self.server), self.environ, TYPED)
            check_output(command.output, output, self.folder)

    def restart(self) -> None:
        """Start the server, which the reader has reload where there was one."""
        self.stop()
        environ = {**self.environ, "KYOUKAI_PORT": "0", "PYTHONPATH": f"{self.folder}:{ROOT}"}
        process = kyoukai_run(*self._arguments, folder=self.folder, environ=environ)
        self._stack = contextlib.ExitStack()
        self.server = self._stack.enter_context(process)
        assert self.server.url
        self._has_written = False

    def stop(self) -> None:
        """Stop the server, if there is one, and see that nothing went wrong."""
        if self.server is None:
            return
        with self._stack:
            self.server.send(signal.SIGINT)
            assert self.server.finish() == 0
        assert "Traceback" not in self.server.log, self.server.log
        assert " ERROR " not in self.server.log, self.server.log
        self.server = None

    @contextlib.contextmanager
    def browser(self) -> Iterator[httpx.Client]:
        """Open a browser at the board, without scripts, and log in."""
        assert self.server is not None
        with httpx.Client(base_url=self.server.url, timeout=PATIENCE, trust_env=False) as browser:
            answer = send(browser, "/login", "/login", name="ada", password=TYPED.strip())
            assert answer.status_code == 303
            yield browser


def send(browser: httpx.Client, path: str, page: str, files: Any = None, **fields: str) -> httpx.Response:
    """Send the form of a page."""
    found = TOKEN.search(browser.get(page).text)
    assert found is not None
    return browser.post(path, data={"token": found[1], **fields}, files=files)


def log_in(reader: Reader) -> None:
    with reader.browser() as browser:
        assert "Log out ada" in browser.get("/").text
        added = browser.post("/api/notices", json={"title": "Milk"}).json()
        assert added["author"] == "ada"


def put_up_a_picture(reader: Reader) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (40, 30)).save(file, "PNG")
    with reader.browser() as browser:
        files = {"picture": ("a.png", file.getvalue(), "image/png")}
        assert send(browser, "/", "/", files, title="Cat", text="Mine.").status_code == 303
        [address] = re.findall(r"/pictures/\w+\.webp", browser.get("/").text)
        assert Image.open(io.BytesIO(browser.get(address).content)).format == "WEBP"


def watch_from_windows(reader: Reader) -> None:
    """Have several pages open, some connected to each worker, and see that all of them are told."""
    assert reader.server is not None
    url = reader.server.url.replace("http", "ws") + "/live"
    with contextlib.ExitStack() as stack:
        windows: list[ClientConnection] = [
            stack.enter_context(connect(url, proxy=None, open_timeout=PATIENCE)) for _ in range(WINDOWS)
        ]
        with reader.browser() as browser:
            assert browser.post("/api/notices", json={"title": "Bread"}).status_code == 201
            for window in windows:
                assert window.recv(timeout=PATIENCE) == "changed"
            assert "<h2>Bread</h2>" in browser.get("/list").text


IN_THE_BROWSER: dict[str, Callable[[Reader], None]] = {
    "login": log_in,
    "pictures": put_up_a_picture,
    "live": watch_from_windows,
    "deployment": watch_from_windows,
}


def pages() -> list[Path]:
    """Return the pages, in the order of the index."""
    index = FOLDER / "index.md"
    toctree = re.search(r"(?s)```\{toctree\}\n:hidden:\n\n(.*?)```", index.read_text("utf-8"))
    assert toctree is not None
    return [index, *(FOLDER / f"{name}.md" for name in toctree[1].split())]


def test_tutorial(tmp_path: Path) -> None:
    folder = tmp_path / "noticeboard"
    folder.mkdir()
    reader = Reader(folder)
    try:
        for page in pages():
            reader.follow(page)
            IN_THE_BROWSER.get(page.stem, lambda reader: None)(reader)
        reader.stop()
    finally:
        if reader.server is not None:
            reader.server.kill()
    written = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    kept = {path for path in finished() if path.parts[0] != "deploy"}
    assert kept - {Path("requirements.txt")} <= written


def finished() -> dict[Path, str]:
    """Return the files of the finished application in the repository."""
    root = ROOT / "examples" / "tutorial"
    files = (
        path
        for name in ("board", "deploy", ".")
        for path in (root / name).glob("**/*" if name != "." else "*")
    )
    return {
        path.relative_to(root): path.read_text("utf-8")
        for path in files
        if path.is_file() and path.suffix != ".pyc" and path.name[0] != "." and "data" not in path.parts
    }


@pytest.mark.parametrize("path", [path for path in finished() if path.name != "requirements.txt"], ids=str)
def test_the_finished_application_is_what_the_pages_show_last(path: Path) -> None:
    shown = {
        name: marker
        for page in pages()
        for marker, name in re.findall(
            r"<!-- file: examples/(tutorial/(?:step\d/)?([\w./]+)) -->", page.read_text()
        )
    }
    assert shown[str(path)] == f"tutorial/{path}"


NGINX = """
error_log stderr;
pid {folder}/pid;
events {{}}
http {{
    {paths}
    {text}
}}
"""


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    write_certificate(tmp_path, "board.example", name="board.example", with_key=True)
    text = (ROOT / "examples" / "tutorial" / "deploy" / "board.conf").read_text()
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    paths = "".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
    text = text.replace("/etc/ssl", str(tmp_path)).replace("listen 443", f"listen unix:{tmp_path}/s")
    (tmp_path / "nginx.conf").write_text(NGINX.format(folder=tmp_path, paths=paths, text=text))
    command = [find("nginx"), "-t", "-p", str(tmp_path), "-e", "stderr", "-c", str(tmp_path / "nginx.conf")]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze")
    kyoukai = Path(sys.executable).with_name("kyoukai")
    unit = (ROOT / "examples" / "tutorial" / "deploy" / "board.service").read_text()
    (tmp_path / "board.service").write_text(unit.replace("/srv/board/.venv/bin/kyoukai", str(kyoukai)))
    result = subprocess.run([analyze, "verify", tmp_path / "board.service"], capture_output=True, text=True)
    lines = [line for line in result.stderr.splitlines() if "board.service" in line]
    assert (result.returncode, lines) == (0, [])

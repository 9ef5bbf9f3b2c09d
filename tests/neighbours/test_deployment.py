"""What the page on production has for nginx and systemd, with nginx itself."""

import configparser
import contextlib
import re
import runpy
import shlex
import signal
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from kyoukai.cli import main
from kyoukai.core.limits import Limits

from ..certificates import write_certificate
from ..processes import Process, kyoukai_run
from ..serving import PATIENCE, message
from .proxies import INCLUDING, Proxy, find

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "how-to" / "deployment.md").read_text("utf-8")


def snippet(language: str) -> str:
    [text] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


def ask(target: str, *fields: str) -> bytes:
    return message("GET", target, *fields).replace(b"Host: localhost", b"Host: shop.example")


class Shop(Proxy):
    """nginx as the page has it, but for where files are, the port, and how many processes there are.

    :param sockets: those of the processes.
    :param tls: whether it speaks TLS, as the page has it.
    """

    def __init__(self, folder: Path, *sockets: Path, tls: bool = False) -> None:
        super().__init__(folder)
        text, listens = snippet("nginx"), f"listen 127.0.0.1:{self.address[1]}"
        for number in (1, 2):
            line = f"    server unix:/run/shop/{number}.sock max_fails=0;\n"
            assert line in text
            there = number <= len(sockets)
            ours = line.replace(f"/run/shop/{number}.sock", str(sockets[number - 1])) if there else ""
            text = text.replace(line, ours)
        # With reuseport, it may listen beside the socket that keeps the port for it.
        [listen] = re.findall(r"(?m)^    listen 443 ssl http2;(.*)\n", text)
        text = text.replace(f" http2;{listen}", " http2 reuseport;")
        if tls:
            _, self.authority = write_certificate(folder, "shop.example", name="shop.example")
            text = text.replace("listen 443", listens).replace("/etc/ssl", str(folder))
        else:
            text = re.sub(r"    ssl_certificate.*\n", "", text).replace("listen 443 ssl http2", listens)
        (folder / "shop.conf").write_text(text)
        self.start(INCLUDING, find("nginx"), "-p", str(folder), "-e", "stderr", "-c", site="shop.conf")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Callable[..., Shop]]:
    """Start nginx as the page has it, until the test's end."""
    shops: list[Shop] = []

    def start(*sockets: Path, **options: Any) -> Shop:
        shops.append(Shop(tmp_path, *sockets, **options))
        return shops[-1]

    yield start
    for each in shops:
        each.end()


def proxied(uds: Path) -> dict[str, Any]:
    """Return the settings of the page's application, but for where its socket is."""
    folder = ROOT / "examples" / "docs"
    settings: dict[str, Any] = YAML(typ="safe").load((folder / "proxied.yaml").read_text())["component"]
    assert settings.pop("type") == "kyoukai"
    assert settings["app"] == "proxied:app"
    app = runpy.run_path(str(folder / "proxied.py"))["app"]
    return {**settings, "app": app, "port": None, "uds": str(uds)}


def test_nginx(serve, shop, tmp_path):
    uds = tmp_path / "http.sock"
    server = serve(**proxied(uds))
    forged = ["X-Forwarded-For: 192.0.2.1", "X-Forwarded-Proto: https", "X-Forwarded-Host: evil.example"]
    with shop(uds).connect() as client:
        for _ in range(3):
            answer = client.request(ask("/basket/", *forged, "Forwarded: for=192.0.2.1;proto=https"))
            assert answer.body == b"127.0.0.1 asks for http://shop.example/basket/"
        assert client.request(ask("/live/")).status == 404
    # The connection to the server is kept.
    assert len(server.server.connections) == 1


def test_browsers_get_http_2(serve, shop, tmp_path):
    uds = tmp_path / "http.sock"
    serve(**proxied(uds))
    front = shop(uds, tls=True)
    front.authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    port = front.address[1]
    output = subprocess.run(
        [
            *("curl", "--silent", "--show-error", "--max-time", str(PATIENCE)),
            *("--cacert", str(tmp_path / "authority.pem"), "--resolve", f"shop.example:{port}:127.0.0.1"),
            *("--write-out", " by HTTP/%{http_version}", f"https://shop.example:{port}/basket/"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    # The port that the client named is in the URLs that the application makes.
    assert output.stdout == f"127.0.0.1 asks for https://shop.example:{port}/basket/ by HTTP/2"


VERSIONED = """
from kyoukai import Kyoukai

app = Kyoukai("shop")


@app.route("/")
async def version(ctx):
    return "version {version}"
"""


class Load:
    """Clients that ask again and again, each on one connection to the proxy."""

    def __init__(self, front: Proxy, clients: int) -> None:
        self.answers: Counter[tuple[int, bytes]] = Counter()
        self._front = front
        self._end = threading.Event()
        self._changed = threading.Condition()
        self._pool = ThreadPoolExecutor(clients)
        self._clients = [self._pool.submit(self._ask) for _ in range(clients)]

    def _ask(self) -> None:
        while not self._end.is_set():
            with self._front.connect() as client:
                # nginx ends a connection itself after a thousand.
                for _ in range(100):
                    answer = client.request(ask("/"))
                    with self._changed:
                        self.answers[answer.status, answer.body] += 1
                        self._changed.notify_all()

    def wait_for(self, version: str, count: int) -> None:
        """Wait until ``count`` further answers came from a version."""
        key = (200, f"version {version}".encode())
        with self._changed:
            wanted = self.answers[key] + count
            assert self._changed.wait_for(lambda: self.answers[key] >= wanted, PATIENCE)

    def end(self) -> None:
        """Let the clients end, and raise what one of them raised."""
        self._end.set()
        self._pool.shutdown()
        for client in self._clients:
            client.result()


def test_a_new_version_under_load(backend, shop, tmp_path):
    sockets = [tmp_path / "1.sock", tmp_path / "2.sock"]
    page = tmp_path / "shop.py"
    [wait] = re.findall(r"(?m)^ +(curl (?:.*\\\n)*.*)$", snippet("sh"))

    def install(version: str) -> None:
        page.write_text(VERSIONED.format(version=version))

    def start(number: int) -> None:
        options = ("--uds", str(sockets[number - 1]), "--backend", backend, "--no-access-log")
        processes[number] = stack.enter_context(kyoukai_run("shop:app", *options, folder=tmp_path))
        command = wait.replace("/run/shop/$i.sock", str(sockets[number - 1]))
        subprocess.run(command, shell=True, check=True, timeout=3 * PATIENCE)

    processes: dict[int, Process] = {}
    with contextlib.ExitStack() as stack:
        install("1")
        for number in (1, 2):
            start(number)
        load = Load(shop(*sockets), clients=4)
        try:
            load.wait_for("1", 20)
            install("2")
            for number in (1, 2):
                processes[number].send(signal.SIGTERM)
                assert processes[number].finish() == 0
                # Alone, the other one serves all.
                load.wait_for("2" if number == 2 else "1", 20)
                start(number)
            load.wait_for("2", 20)
        finally:
            load.end()
    assert set(load.answers) == {(200, b"version 1"), (200, b"version 2")}


def test_the_scheme_is_the_proxys(serve, tmp_path):
    fields = ["X-Forwarded-For: 192.0.2.1, 192.0.2.2", "X-Forwarded-Proto: https"]
    server = serve(**proxied(tmp_path / "http.sock"))
    answer = server.request(ask("/basket", *fields))
    assert (answer.status, answer.fields["location"]) == (308, "https://shop.example/basket/")
    answer = server.request(ask("/basket/", *fields))
    assert answer.body == b"192.0.2.2 asks for https://shop.example/basket/"


def test_the_unit():
    unit = configparser.ConfigParser(interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read_string(snippet("ini"))
    service = unit["Service"]
    program, *command = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/kyoukai")
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    for option in re.findall(r"--\S+", service["ExecStart"]):
        assert option in result.output
    limits = Limits()
    assert int(service["TimeoutStopSec"]) > limits.shutdown_timeout + limits.background_timeout
    assert service["UMask"] == "0007"


@pytest.mark.parametrize("name", ["max_body_size", "keep_alive_timeout"])
def test_the_limits_that_the_page_names(name):
    assert {"max_body_size": 12 * 1024**2, "keep_alive_timeout": 75}[name] == getattr(Limits(), name)
    assert name in PAGE

"""What the page on production has for nginx and systemd, with nginx itself."""

import configparser
import re
import runpy
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from kyoukai.cli import main
from kyoukai.core.limits import Limits

from ..serving import message
from .proxies import Proxy, find

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "deployment.md").read_text("utf-8")

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 200; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/shop.conf;
}}
"""


def snippet(language: str) -> str:
    [text] = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return text


def ask(target: str, *fields: str) -> bytes:
    return message("GET", target, *fields).replace(b"Host: localhost", b"Host: shop.example")


class Shop(Proxy):
    """nginx as the page has it, but for the port, TLS, and the one process that there is."""

    def __init__(self, folder: Path, uds: Path) -> None:
        super().__init__(folder)
        text, port = snippet("nginx"), self.address[1]
        text = re.sub(r"    ssl_certificate.*\n|    server unix:\S*2.sock;\n", "", text)
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{port} reuseport;")
        (folder / "shop.conf").write_text(text.replace("/run/shop/1.sock", str(uds)))
        self.start(NGINX, find("nginx"), "-p", str(folder), "-e", "stderr", "-c")


def test_nginx(serve, tmp_path):
    app = runpy.run_path(str(ROOT / "examples" / "docs" / "proxied.py"))["app"]
    uds = tmp_path / "http.sock"
    server = serve(app, port=None, uds=str(uds))
    forged = "X-Forwarded-For: 192.0.2.1"
    shop = Shop(tmp_path, uds)
    try:
        with shop.connect() as client:
            for _ in range(3):
                answer = client.request(ask("/basket/", forged))
                assert answer.body == b"127.0.0.1 asks for http://shop.example/basket/"
            assert client.request(ask("/live/")).status == 404
        # The connection to the server is kept.
        assert len(server.server.connections) == 1
    finally:
        shop.end()


def test_the_scheme_is_the_proxys(serve):
    app = runpy.run_path(str(ROOT / "examples" / "docs" / "proxied.py"))["app"]
    fields = ["X-Forwarded-For: 192.0.2.1, 192.0.2.2", "X-Forwarded-Proto: https"]
    server = serve(app)
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

"""The files of examples/deploy, as far as this machine can run them."""

import contextlib
import json
import re
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from kyoukai.cli import main
from kyoukai.commands.options import OPTIONS

from .certificates import trusting_context, write_certificate
from .neighbours.proxies import INCLUDING, Proxy, find
from .processes import Process, kyoukai_run, python
from .serving import PATIENCE, Answer, Client, message

EXAMPLES = Path(__file__).parent.parent / "examples" / "deploy"
PAGE = (Path(__file__).parent.parent / "docs" / "how-to" / "deployment.md").read_text("utf-8")
APPLICATION = """
from kyoukai import Kyoukai

app = Kyoukai("shop")


@app.route("/")
async def root(ctx):
    return "shop"


@app.route("/who")
async def who(ctx):
    return f"{ctx.request.remote_addr} {ctx.url_for('who', _external=True)} {ctx.request_id}"
"""

# What systemd does with the socket of the unit, but for its port: it is any that is free.
ACTIVATE = """
import os, socket, sys

listening = socket.create_server(("127.0.0.1", 0))
os.dup2(listening.fileno(), 3)
os.set_inheritable(3, True)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1", "LISTEN_FDNAMES": sys.argv[1]}
os.execv(sys.argv[2], sys.argv[2:])
"""

ADMIN = re.compile(r"/metrics are at http://127\.0\.0\.1:(\d+)")


def documents() -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all((EXAMPLES / "kubernetes.yaml").read_text()))


def command_of_the_image() -> list[str]:
    found = re.search(r"(?m)^CMD (\[.*\])$", (EXAMPLES / "Dockerfile").read_text())
    assert found is not None
    command: list[str] = json.loads(found[1])
    return command


def command_of_the_unit() -> list[str]:
    line = re.search(r"(?m)^ExecStart=(.*)$", (EXAMPLES / "shop.service").read_text())
    assert line is not None
    return line[1].split()


def name_of_the_socket() -> str:
    name = re.search(r"(?m)^FileDescriptorName=(.*)$", (EXAMPLES / "shop.socket").read_text())
    assert name is not None
    return name[1]


def flags(command: list[str]) -> dict[str, str]:
    return dict(zip(command[3::2], command[4::2], strict=True))


def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("there is no systemd-analyze")
    kyoukai = Path(sys.executable).with_name("kyoukai")
    unit = (EXAMPLES / "shop.service").read_text().replace("/srv/shop/.venv/bin/kyoukai", str(kyoukai))
    (tmp_path / "shop.service").write_text(unit)
    shutil.copy(EXAMPLES / "shop.socket", tmp_path)
    units = [tmp_path / "shop.service", tmp_path / "shop.socket"]
    done = subprocess.run([analyze, "verify", *units], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "shop." in line]) == (0, [])


def test_the_unit_s_command_serves_on_the_socket_of_the_other_unit(tmp_path: Path) -> None:
    activate = shutil.which("systemd-socket-activate")
    if activate is None:
        pytest.skip("there is no systemd-socket-activate")
    (tmp_path / "shop.py").write_text(APPLICATION)
    _, *words = command_of_the_unit()
    words[words.index("--admin") + 1] = f"unix:{tmp_path}/admin.sock"
    kyoukai = str(Path(sys.executable).with_name("kyoukai"))
    arguments = ("--listen", f"{tmp_path}/s", f"--fdname={name_of_the_socket()}", kyoukai, *words)
    with python(*arguments, folder=tmp_path, python=activate) as process:
        process.wait_for("Listening on")
        with Client(f"{tmp_path}/s") as client:
            assert client.request(message("GET", "/")).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0, process.stderr


def test_the_unit_s_command_has_options_that_there_are() -> None:
    known = {row.flag for row in OPTIONS}
    assert set(flags(command_of_the_unit())) <= known
    assert set(flags(command_of_the_image())) <= known
    assert CliRunner().invoke(main, ["run", "--help"]).exit_code == 0


def test_the_image_s_command_serves_and_is_ready(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APPLICATION)
    options = flags(command_of_the_image())
    options |= {"--bind": "127.0.0.1:0", "--admin": "127.0.0.1:0", "--shutdown-delay": "0"}
    words = [word for pair in options.items() for word in pair]
    deployment, _ = documents()
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    environ = {each["name"]: each["value"] for each in container["env"]}
    with kyoukai_run("shop:app", *words, folder=tmp_path, environ=environ) as process:
        admin = int(process.wait_for(ADMIN)[1])
        process.until(lambda: ask(admin, "/readyz") == 200)
        assert ask(admin, "/livez") == 200
        assert ask(int(process.url.rpartition(":")[2]), "/") == 200
        assert {f"KYOUKAI_{name}" for name in ("TRUSTED_PROXIES", "FORWARDED")} == set(environ)


def ask(port: int, path: str) -> int:
    with Client(("127.0.0.1", port)) as client:
        return client.request(message("GET", path)).status


def test_the_probes_and_the_ports_are_those_of_the_image() -> None:
    deployment, service = documents()
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    options = flags(command_of_the_image())
    assert ports == {
        "http": int(options["--bind"].rpartition(":")[2]),
        "admin": int(options["--admin"].rpartition(":")[2]),
    }
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert container[probe]["httpGet"]["port"] in ports
        assert container[probe]["httpGet"]["path"] in ("/readyz", "/livez")
    assert service["spec"]["ports"][0]["targetPort"] in ports
    assert service["spec"]["selector"] == deployment["spec"]["template"]["metadata"]["labels"]


def test_what_kubernetes_waits_for_is_longer_than_the_stop() -> None:
    deployment, _ = documents()
    grace = deployment["spec"]["template"]["spec"]["terminationGracePeriodSeconds"]
    [container] = deployment["spec"]["template"]["spec"]["containers"]
    readiness = container["readinessProbe"]
    delay = float(flags(command_of_the_image())["--shutdown-delay"])
    defaults = {row.name: row.default for row in OPTIONS}
    assert grace > delay + float(defaults["shutdown_timeout"]) + float(defaults["background_timeout"])
    assert delay > readiness["periodSeconds"] * readiness["failureThreshold"]


def test_the_manifests_are_what_kubernetes_takes() -> None:
    import kubernetes_validate
    from kubernetes_validate.utils import all_versions

    said = re.match(r"# For Kubernetes (\S+) and newer", (EXAMPLES / "kubernetes.yaml").read_text())
    assert said is not None
    versions = all_versions()
    versions = versions[versions.index(f"{said[1]}.0") :]
    assert len(versions) > 10
    for version in versions:
        for document in documents():
            kubernetes_validate.validate(document, version, strict=True)
    deployment, _ = documents()
    deployment["spec"]["template"]["spec"]["containers"][0]["livenessprobe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="'livenessprobe' was unexpected"):
        kubernetes_validate.validate(deployment, versions[-1], strict=True)


# The proxies


class Front(Proxy):
    """A proxy as an example has it, but for where files are, and the ports.

    :param kind: the example.
    :param port: the server's.
    :param admin: that of ``/readyz``.
    """

    def __init__(self, folder: Path, kind: str, port: int, admin: int) -> None:
        super().__init__(folder)
        self.plain = f"{folder}/plain"
        # HAProxy reads both from one file, and nginx passes over what is none of its.
        hosts = ("localhost", "shop.example")
        _, authority = write_certificate(folder, *hosts, name="shop.example", with_key=True)
        self.context = trusting_context(authority)
        address = f"127.0.0.1:{self.address[1]}"
        if kind.startswith("haproxy"):
            changes = {
                "bind :80": f"bind unix@{self.plain}",
                "bind :443": f"bind {address}",
                "/etc/haproxy": str(folder),
                "timeout check 5s": f"timeout check {PATIENCE:g}s",
                "127.0.0.1:8000": f"127.0.0.1:{port}",
                "check port 9000": f"check port {admin}",
            }
            text = replaced((EXAMPLES / f"{kind}.cfg").read_text(), changes)
            self.start("{text}", find("haproxy"), "-db", "-f", text=text)
        else:
            changes = {
                "listen 80;": f"listen unix:{self.plain};",
                # With reuseport, it may listen beside the socket that keeps the port for it.
                "listen 443 ssl http2;": f"listen {address} ssl http2 reuseport;",
                "/etc/ssl": str(folder),
                "127.0.0.1:8000": f"127.0.0.1:{port}",
            }
            (folder / "shop.conf").write_text(replaced((EXAMPLES / "nginx.conf").read_text(), changes))
            self.start(INCLUDING, find("nginx"), "-p", str(folder), "-e", "stderr", "-c", site="shop.conf")

    def ask(self, target: str, *fields: str) -> Answer:
        """Ask by TLS, from an address that is not the proxy's."""
        with self.connect(context=self.context, source="127.0.0.2") as client:
            return client.request(for_the_shop(target, *fields))


def replaced(text: str, changes: dict[str, str]) -> str:
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    return text


def for_the_shop(target: str, *fields: str) -> bytes:
    return message("GET", target, *fields).replace(b"Host: localhost", b"Host: shop.example")


@pytest.fixture(params=["HTTP/1.1"])
def by_the_unit(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Process]:
    """The shop as its unit starts it, but for its ports, on the other unit's socket, when it is ready."""
    (tmp_path / "shop.py").write_text(APPLICATION)
    _, *words = command_of_the_unit()
    words[words.index("--admin") + 1] = "127.0.0.1:0"
    kyoukai = str(Path(sys.executable).with_name("kyoukai"))
    arguments = [name_of_the_socket(), kyoukai, *words, "--shutdown-delay", "60"]
    if request.param == "HTTP/2":
        # As the page has it.
        assert "`--backend h2 --backend httptools`" in PAGE
        arguments += ["--backend", "h2", "--backend", "httptools"]
    with python("-c", ACTIVATE, *arguments, folder=tmp_path) as process:
        admin = int(process.wait_for(ADMIN)[1])
        process.until(lambda: ask(admin, "/readyz") == 200)
        yield process


@pytest.fixture
def front(by_the_unit: Process, tmp_path: Path) -> Iterator[Callable[[str], Front]]:
    """Start a proxy before it, until the test's end."""
    with contextlib.ExitStack() as stack:

        def start(kind: str) -> Front:
            port, admin = by_the_unit.url.rpartition(":")[2], by_the_unit.wait_for(ADMIN)[1]
            started = Front(tmp_path, kind, int(port), int(admin))
            stack.callback(started.end)
            return started

        yield start


@pytest.mark.parametrize(
    ("by_the_unit", "kind"),
    [("HTTP/1.1", "haproxy"), ("HTTP/1.1", "nginx"), ("HTTP/2", "haproxy-http2")],
    indirect=["by_the_unit"],
)
def test_a_proxy_before_the_unit(
    by_the_unit: Process, front: Callable[[str], Front], kind: str, request: pytest.FixtureRequest
) -> None:
    version = request.node.callspec.params["by_the_unit"]
    proxy = front(kind)
    forged = [f"{name}: 198.51.100.66" for name in ("X-Forwarded-For", "X-Request-ID", "X-Forwarded-Host")]
    answer = proxy.ask("/who", *forged, "X-Forwarded-Proto: http", "Forwarded: for=198.51.100.66")
    client, url, number = answer.body.decode().split()
    assert (client, url) == ("127.0.0.2", "https://shop.example/who")
    # The id that the proxy has made: the server's own ids have other forms, or come in order of time.
    assert re.fullmatch("[0-9a-f-]{32,36}", number)
    by_the_unit.wait_for(rf'127\.0\.0\.2 "GET /who {re.escape(version)}" 200')
    by_the_unit.send(signal.SIGHUP)
    by_the_unit.wait_for("reloaded: 4 new workers serve")
    assert proxy.ask("/").body == b"shop"
    with Client(proxy.plain) as plain:
        answer = plain.request(for_the_shop("/who?a=b"))
    assert (answer.status, answer.fields["location"]) == (308, "https://shop.example/who?a=b")
    proxy.context.set_alpn_protocols(["h2", "http/1.1"])
    with proxy.connect(context=proxy.context) as browser:
        assert isinstance(browser.socket, ssl.SSLSocket)
        assert browser.socket.selected_alpn_protocol() == "h2"


def test_haproxy_sends_nobody_to_a_server_that_is_about_to_stop(
    by_the_unit: Process, front: Callable[[str], Front]
) -> None:
    proxy = front("haproxy")
    by_the_unit.until(lambda: proxy.ask("/").status == 200)
    by_the_unit.send(signal.SIGTERM)
    by_the_unit.until(lambda: proxy.ask("/").status == 503)
    # It has not been refused: the listener is open still.
    assert ask(int(by_the_unit.url.rpartition(":")[2]), "/") == 200
    by_the_unit.send(signal.SIGTERM)
    assert by_the_unit.finish() == 0, by_the_unit.stderr

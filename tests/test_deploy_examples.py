"""The files of examples/deploy, as far as this machine can run them."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from kyoukai.cli import main
from kyoukai.commands.options import OPTIONS

from .processes import kyoukai_run, python
from .serving import Client, message

EXAMPLES = Path(__file__).parent.parent / "examples" / "deploy"
APPLICATION = """
from kyoukai import Kyoukai

app = Kyoukai("shop")


@app.route("/")
async def root(ctx):
    return "shop"
"""


def documents() -> list[dict[str, Any]]:
    return list(YAML(typ="safe").load_all((EXAMPLES / "kubernetes.yaml").read_text()))


def command_of_the_image() -> list[str]:
    found = re.search(r"(?m)^CMD (\[.*\])$", (EXAMPLES / "Dockerfile").read_text())
    assert found is not None
    command: list[str] = json.loads(found[1])
    return command


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
    line = re.search(r"(?m)^ExecStart=\S+ (.*)$", (EXAMPLES / "shop.service").read_text())
    name = re.search(r"(?m)^FileDescriptorName=(.*)$", (EXAMPLES / "shop.socket").read_text())
    assert line is not None
    assert name is not None
    words = line[1].replace("/run/shop/", f"{tmp_path}/").split()
    kyoukai = str(Path(sys.executable).with_name("kyoukai"))
    arguments = ("--listen", f"{tmp_path}/s", f"--fdname={name[1]}", kyoukai, *words)
    with python(*arguments, folder=tmp_path, python=activate) as process:
        process.wait_for("Listening on")
        with Client(f"{tmp_path}/s") as client:
            assert client.request(message("GET", "/")).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0, process.stderr


def test_the_unit_s_command_has_options_that_there_are() -> None:
    line = re.search(r"(?m)^ExecStart=(.*)$", (EXAMPLES / "shop.service").read_text())
    assert line is not None
    known = {row.flag for row in OPTIONS}
    assert set(flags(line[1].split())) <= known
    assert set(flags(command_of_the_image())) <= known
    assert CliRunner().invoke(main, ["run", "--help"]).exit_code == 0


def test_the_image_s_command_serves_and_is_ready(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(APPLICATION)
    options = flags(command_of_the_image())
    options |= {"--bind": "127.0.0.1:0", "--admin": "127.0.0.1:0", "--shutdown-delay": "0"}
    words = [word for pair in options.items() for word in pair]
    with kyoukai_run("shop:app", *words, folder=tmp_path) as process:
        admin = int(process.wait_for(re.compile(r"/metrics are at http://127\.0\.0\.1:(\d+)"))[1])
        process.until(lambda: ask(admin, "/readyz") == 200)
        assert ask(admin, "/livez") == 200
        assert ask(int(process.url.rpartition(":")[2]), "/") == 200


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


def test_haproxy_takes_its_configuration() -> None:
    haproxy = shutil.which("haproxy", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    assert haproxy is not None
    done = subprocess.run([haproxy, "-c", "-f", EXAMPLES / "haproxy.cfg"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

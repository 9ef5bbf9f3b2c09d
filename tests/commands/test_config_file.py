"""A configuration file on the command line: what outranks it, and what is said of a mistake."""

import logging
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..processes import QUICK, kyoukai_run
from ..test_cli import Runner, fail, folder, runner, succeed

__all__ = ("folder", "runner")

FILE = """
component:
  type: kyoukai
  app: served:app
  port: 0
  limits:
    head_timeout: 3
    body_timeout: 4
"""

NESTED = """
component:
  type: asphalt.core:ContainerComponent
  components:
    kyoukai:
      app: served:app
      port: 0
"""


@pytest.fixture(autouse=True)
def restored_logging() -> Iterator[None]:
    """Put back the level and the handlers of the root logger."""
    root = logging.getLogger()
    level, handlers = root.level, root.handlers[:]
    yield
    root.setLevel(level)
    root.handlers[:] = handlers


def write(folder: Path, text: str) -> None:
    (folder / "config.yaml").write_text(text)


def test_settings_of_the_file(runner: Runner, folder: Path) -> None:
    write(folder, FILE + "event_loop_policy: uvloop\nmax_threads: 3\n")
    succeed("run", "config.yaml")
    assert runner.component.entrance.listeners[0].port == 0
    assert runner.component.server.limits.head_timeout == 3
    assert runner.component.server.observe is not None
    assert (runner.settings["event_loop_policy"], runner.settings["max_threads"]) == ("uvloop", 3)


def test_the_command_line_outranks_the_file(runner: Runner, folder: Path) -> None:
    write(folder, FILE + "event_loop_policy: uvloop\nmax_threads: 3\n")
    options = (
        "--port",
        "1",
        "--head-timeout",
        "5",
        "--no-access-log",
        "--loop",
        "asyncio",
        "--max-threads",
        "4",
    )
    succeed("run", "config.yaml", *options)
    assert runner.component.entrance.listeners[0].port == 1
    limits = runner.component.server.limits
    assert (limits.head_timeout, limits.body_timeout) == (5, 4)
    assert runner.component.server.observe is None
    assert (runner.settings["event_loop_policy"], runner.settings["max_threads"]) == (None, 4)


def test_an_address_of_the_other_kind_replaces_that_of_the_file(runner: Runner, folder: Path) -> None:
    write(folder, FILE)
    succeed("run", "config.yaml", "--uds", "server.sock")
    assert runner.component.entrance.listeners[0].uds == "server.sock"
    write(folder, FILE.replace("port: 0", "uds: server.sock"))
    succeed("run", "config.yaml", "--port", "0")
    listener = runner.component.entrance.listeners[0]
    assert (listener.uds, listener.port) == (None, 0)


def test_a_server_in_a_container(runner: Runner, folder: Path) -> None:
    write(folder, NESTED)
    succeed("run", "config.yaml", "--host", "::1", "--trace")
    children = runner.config["components"]
    assert children == {"kyoukai": {"app": "served:app", "port": 0, "host": ["::1"], "trace": True}}


@pytest.mark.parametrize(
    ("text", "count"),
    [
        (NESTED.replace("    kyoukai:", "    other:\n      type: kyoukai\n    kyoukai:"), "2"),
        ("component: {type: 'asphalt.core:ContainerComponent'}\n", "no"),
    ],
)
def test_settings_of_a_server_that_is_not_the_only_one(
    runner: Runner, folder: Path, text: str, count: str
) -> None:
    write(folder, text)
    assert fail("run", "config.yaml", "--port", "0") == (
        "the command line or the environment has settings of a server, port, and config.yaml has "
        f"{count} components of the type kyoukai to set them for"
    )


def test_debug_mode(runner: Runner, folder: Path) -> None:
    (folder / "debugged.py").write_text(
        "from kyoukai import Kyoukai\ndef create_app(): return Kyoukai('a')\n"
    )
    write(folder, FILE.replace("served:app", "debugged:create_app\n  factory: true"))
    succeed("run", "config.yaml", "--debug")
    assert runner.component.app.debug is True  # type: ignore[attr-defined]


def test_services(runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "services:\n"
    for name, port in (("default", 1), ("other", 2)):
        text += f"  {name}: {{component: {{type: kyoukai, app: 'served:app', port: {port}}}}}\n"
    write(folder, text)
    succeed("run", "config.yaml")
    assert runner.component.entrance.listeners[0].port == 1
    monkeypatch.setenv("ASPHALT_SERVICE", "other")
    succeed("run", "config.yaml")
    assert runner.component.entrance.listeners[0].port == 2
    monkeypatch.setenv("ASPHALT_SERVICE", "othr")
    assert fail("run", "config.yaml") == (
        "config.yaml: no service 'othr'; set ASPHALT_SERVICE; did you mean other? known: default, other"
    )


def test_values_from_elsewhere(runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST_OF_TEST", "127.0.0.9")
    (folder / "field.txt").write_text("mine")
    write(folder, FILE + "  host: !Env HOST_OF_TEST\n  server_field: !TextFile field.txt\n")
    succeed("run", "config.yaml")
    assert runner.component.entrance.listeners[0].hosts == ("127.0.0.9",)
    assert runner.component.server.server_field == "mine"


MISTAKES = {
    "empty": ("", "config.yaml is empty; it must have component"),
    "a comment": ("# nothing\n", "config.yaml is empty; it must have component"),
    "a list": ("- component\n", "config.yaml is a list; it must be a mapping with component"),
    "a text": ("component\n", "config.yaml is a str; it must be a mapping with component"),
    "no component": ("max_threads: 3\n", "config.yaml has no component; it must be a mapping with 'type: ky"),
    "a component that is empty": ("component:\n", "config.yaml has no component; it must be a mapping"),
    "a component that is none": (
        "component: kyoukai\n",
        "config.yaml:1: component is 'kyoukai'; it must be a map",
    ),
    "no type": (
        "component: {app: 'served:app'}\n",
        "config.yaml:1: component has no type; it must be 'kyoukai'",
    ),
    "a misspelt type": (
        FILE.replace("kyoukai", "kyokai"),
        "config.yaml:3: component: unknown type 'kyokai'; did you mean kyoukai? known: ",
    ),
    "a misspelt type in a container": (
        NESTED.replace("    kyoukai:", "    kyokai:"),
        "config.yaml:5: component.components.kyokai: unknown type 'kyokai'; did you mean kyoukai? known: ",
    ),
    "a type that leads nowhere": (
        FILE.replace("kyoukai", "nowhere:Component"),
        "config.yaml:3: component: unknown type 'nowhere:Component'; No module named 'nowhere'",
    ),
    "a type that is none": (
        FILE.replace("kyoukai", "json:loads"),
        "config.yaml:3: component: the type 'json:loads' is no component of Asphalt",
    ),
    "a number for a type": (
        FILE.replace("kyoukai", "5"),
        "config.yaml:3: component: the type 5 is no component of Asphalt",
    ),
    "a misspelt key": (
        FILE.replace("component:", "compnent:"),
        "config.yaml:2: unknown key 'compnent'; did you mean component? known: component, event_loop_polic",
    ),
    "a misspelt key of the runner": (
        FILE + "max_treads: 5\n",
        "config.yaml:9: unknown key 'max_treads'; did you mean max_threads? known: ",
    ),
    "a misspelt key of a component": (
        NESTED.replace("components:", "componets:"),
        "config.yaml:2: component, of the type 'asphalt.core:ContainerComponent': got an unexpected keyword",
    ),
    "a misspelt setting": (
        FILE + "  prot: 80\n",
        "config.yaml:9: component: unknown setting 'prot'; did you mean port? known: ",
    ),
    "a misspelt setting in a container": (
        NESTED.replace("port:", "prot:"),
        "config.yaml:7: component.components.kyoukai: unknown setting 'prot'; did you mean port? known: ",
    ),
    "a misspelt limit": (
        FILE + "    bdy_timeout: 4\n",
        "config.yaml:9: component.limits: unknown setting 'bdy_timeout'; did you mean body_timeout? known: ",
    ),
    "a misspelt setting of TLS": (
        FILE + "  ssl: {certificat: a.pem}\n",
        "config.yaml:9: component.ssl: unknown setting 'certificat'; did you mean certificate? known: ",
    ),
    "a limit that is under no limits": (
        FILE + "  max_fields: 4\n",
        "config.yaml:9: component: unknown setting 'max_fields'; did you mean limits.max_fields?",
    ),
    "the name of a flag": (
        FILE + "  ssl_certfile: a.pem\n",
        "config.yaml:9: component: unknown setting 'ssl_certfile'; did you mean ssl.certificate?",
    ),
    "a setting of the wrong kind": (
        FILE.replace("port: 0", "port: '80'"),
        "config.yaml:5: component.port is '80'; it must be a whole number from 0 to 65535",
    ),
    "a limit of the wrong kind": (
        FILE.replace("head_timeout: 3", "head_timeout: soon"),
        "config.yaml:7: component.limits.head_timeout is 'soon'; it must be a number of seconds, at lea",
    ),
    "a setting of the process of the wrong kind": (
        FILE + "  max_threads: 0\n",
        "config.yaml:9: component.max_threads is 0; it must be a whole number, at least 1",
    ),
    "servers that share a process and do not agree": (
        NESTED + "      loop: asyncio\n    other: {type: kyoukai, app: 'served:app', loop: uvloop}\n",
        "config.yaml: one server has loop: 'asyncio', another 'uvloop'; it is one process",
    ),
    "a misspelt policy": (
        FILE + "event_loop_policy: uvlop\n",
        "config.yaml:9: unknown event_loop_policy 'uvlop'; did you mean uvloop? known: ",
    ),
    "a number of threads that is none": (
        FILE + "max_threads: 'x'\n",
        "max_threads must be an int above 0, not 'x'",
    ),
    "logging that is none": (
        FILE + "logging: {version: 1, handlers: {h: {class: no.such.Handler}}}\n",
        "config.yaml: logging cannot be set up: Unable to configure handler 'h': ",
    ),
    "a log level that is none": (
        FILE + "logging: loud\n",
        "config.yaml: logging is 'loud'; it must be a mapping, as logging.config.dictConfig takes it, or ",
    ),
    "a tab": (
        FILE.replace("  app", "\tapp"),
        "config.yaml:4:1: found character '\\t' that cannot start any token; YAML is inde",
    ),
    "an open bracket": ("component: {type: kyoukai\n", "config.yaml:2:1: "),
    "a key twice": (FILE + "  port: 1\n", 'config.yaml:9:3: found duplicate key "port"'),
    "an unknown tag": (
        FILE + "  host: !Nev HOST\n",
        "config.yaml:9:9: could not determine a con",
    ),
    "a file that is not there": (FILE + "  ssl: !TextFile no.yaml\n", "there is no file 'no.yaml'"),
    "services that are none": (
        "services: 5\n",
        "config.yaml:1: services is 5; it must be a mapping of names",
    ),
    "a default service that is none": (
        FILE + "services: {default: 5}\n",
        "config.yaml:9: services.default is 5; it must be a mapping",
    ),
    "a policy that is no name": (
        FILE + "event_loop_policy: 5\n",
        "config.yaml:9: event_loop_policy is 5; it must be a name",
    ),
    "components in a list": (
        "component: {type: 'asphalt.core:ContainerComponent', components: [kyoukai]}\n",
        "config.yaml:1: component.components is a list; it must be a mapping of names to settings",
    ),
    "a password that is no text": (
        FILE + "  ssl: {password: [hush]}\n",
        "config.yaml:9: component.ssl.password is of the type list; it must be a text that is not empty",
    ),
    "a component in a list": (
        "component: [{type: kyoukai, ssl: {password: hush}}]\n",
        "config.yaml:1: component is a list; it must be a mapping with type",
    ),
    "a name of a component that is no string": (
        NESTED.replace("kyoukai:", "5:"),
        "config.yaml:5: component.components has the key 5; a key must be a string",
    ),
    "a name of a setting that is no string": (
        FILE + "  5: 80\n",
        "config.yaml:9: component has the key 5; a key must be a string",
    ),
    "a mistake at the top, for all services": (
        FILE + "  prot: 1\nservices:\n  a: {component: {port: 0}}\n",
        "config.yaml:9: component: unknown setting 'prot'",
    ),
    "a mistake of a service": (
        FILE + "services:\n  default:\n    component:\n      port: '80'\n",
        "config.yaml:12: component.port is '80'",
    ),
    "a mistake taken from elsewhere": (
        "component:\n  type: kyoukai\n  limits: &l\n    head_timeout: soon\n  ssl:\n    <<: *l\n",
        "config.yaml:5: component.ssl: unknown setting 'head_timeout'",
    ),
    "a mapping in itself": (
        "component: &c\n  type: kyoukai\n  limits: *c\n",
        "config.yaml:2: component.limits: unknown setting 'type'",
    ),
    "a service that is none": ("services: {a: 5}\n", "config.yaml:1: services.a is 5; it must be a mapping"),
}


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES.keys())
def test_a_mistake_is_one_line(runner: Runner, folder: Path, text: str, message: str) -> None:
    write(folder, text)
    line = fail("run", "config.yaml")
    assert line[: len(message)] == message


def test_a_file_that_cannot_be_read(runner: Runner, folder: Path) -> None:
    assert fail("run", "nowhere.yaml") == "there is no file 'nowhere.yaml'"
    (folder / "folder.yml").mkdir()
    assert fail("run", "folder.yml") == "folder.yml cannot be read: Is a directory"
    (folder / "config.yaml").write_bytes(b"component: \xff\n")
    assert fail("run", "config.yaml").startswith("config.yaml is no YAML: ")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("text", [FILE, NESTED], ids=["alone", "in a container"])
def test_serving_what_a_file_says(folder: Path, text: str, backend: str, loop: str) -> None:
    write(folder, text)
    options: Any = ("--backend", backend, "--loop", loop)
    with kyoukai_run("config.yaml", *options, folder=folder) as process:
        process.wait_for(rf"\(backend {backend}, loop {loop}\)")
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


LOGGING = """
logging:
  version: 1
  disable_existing_loggers: false
  formatters: {short: {format: "mine %(levelname)s %(name)s"}}
  handlers: {stderr: {class: logging.StreamHandler, formatter: short}}
  root: {level: INFO, handlers: [stderr]}
"""


def test_logging_of_the_file(folder: Path) -> None:
    write(folder, FILE + LOGGING)
    with kyoukai_run("config.yaml", "--log-level", "debug", folder=folder) as process:
        process.wait_for("(?m)^mine INFO kyoukai.server$")
        process.wait_for("(?m)^mine DEBUG ")

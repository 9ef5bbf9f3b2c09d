"""The command line: what its options become, what it lists, and what it says of a mistake."""

import dataclasses
import os
import re
import signal
import socket
import ssl
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from asphalt.core.component import component_types
from click.testing import CliRunner, Result

from kyoukai.asphalt import BACKEND_VARIABLE, KyoukaiComponent
from kyoukai.cli import main
from kyoukai.commands.effective import application_reference
from kyoukai.commands.options import BY_NAME, TABLE
from kyoukai.commands.ranks import nested
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits
from kyoukai.server.launch import choose_policy, launch

from .certificates import trusting_context, write_certificate
from .processes import APPLICATION, QUICK, Process, kyoukai_run, python, write_application
from .serving import PATIENCE, Client
from .wire.prefaced import PRISM


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a module ``served``; what the command changes is put back."""
    write_application(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", sys.path.copy())
    # An empty one counts as none; it is set so that the test's end takes back what the command sets.
    monkeypatch.setenv(BACKEND_VARIABLE, "")
    return tmp_path


class Runner:
    """In the place of Asphalt's: makes the component, and does not start it."""

    component: KyoukaiComponent

    def __call__(self, component: dict[str, Any], **settings: Any) -> None:
        self.config = component["component"]
        self.settings = settings
        self.component = component_types.create_object(**component).component


@pytest.fixture
def runner(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    replacement = Runner()
    monkeypatch.setattr("kyoukai.server.launch.run_application", replacement)
    return replacement


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def succeed(*arguments: str) -> str:
    """Run a command that works, and return what it prints."""
    result = invoke(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def fail(*arguments: str) -> str:
    """Run a command that is refused in one line on standard error, and return the line."""
    result = invoke(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.endswith("\n")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").rstrip("\n")


def misuse(*options: str) -> str:
    """Run an application with options that are refused before anything is done, and return why."""
    result = invoke("run", "served:app", *options)
    assert result.exit_code == 2
    usage, _, message = result.stderr.partition("\nError: ")
    assert usage.startswith("Usage: ")
    return message.rstrip("\n")


# TARGET


@pytest.mark.parametrize("target", ["served:app", "served", "served.py", "served.py:app", "./served.py"])
def test_forms_of_the_target(runner: Runner, target: str) -> None:
    succeed("run", target)
    assert type(runner.component.app).__name__ == "Application"


def test_an_attribute_of_another_name(runner: Runner, folder: Path) -> None:
    (folder / "named.py").write_text(APPLICATION.replace("app = ", "other = "))
    for target in ("named:other", "named.py:other"):
        succeed("run", target)
        assert type(runner.component.app).__name__ == "Application"


def test_an_attribute_of_an_attribute(runner: Runner, folder: Path) -> None:
    (folder / "nested.py").write_text(APPLICATION + "class site:\n    app = app\n")
    for target in ("nested:site.app", "nested.py:site.app"):
        succeed("run", target)
        assert type(runner.component.app).__name__ == "Application"


def test_a_module_of_a_package(runner: Runner, folder: Path) -> None:
    (folder / "site_of_mine").mkdir()
    (folder / "site_of_mine" / "__init__.py").touch()
    write_application(folder / "site_of_mine", "main")
    succeed("run", "site_of_mine.main:app")
    assert type(runner.component.app).__module__ == "site_of_mine.main"


def test_a_file_imports_its_neighbours(runner: Runner, folder: Path) -> None:
    other = folder / "elsewhere"
    other.mkdir()
    write_application(other, "neighbour_of_hello")
    (other / "hello.py").write_text("from neighbour_of_hello import app\n")
    succeed("run", "elsewhere/hello.py")
    assert type(runner.component.app).__module__ == "neighbour_of_hello"


def test_a_class_of_the_file_can_be_pickled(runner: Runner) -> None:
    """The module is in ``sys.modules``, where dataclasses and pickle look for it."""
    succeed("run", "served.py")
    assert sys.modules["served"].app is runner.component.app


def test_app_dir(runner: Runner, folder: Path) -> None:
    (folder / "elsewhere").mkdir()
    write_application(folder / "elsewhere", "far")
    assert "No module named 'far'" in fail("run", "far:app")
    succeed("run", "far:app", "--app-dir", "elsewhere")
    assert type(runner.component.app).__module__ == "far"


def test_missing_app_dir(runner: Runner) -> None:
    assert misuse("--app-dir", "nowhere") == "--app-dir is 'nowhere'; it must be a folder that is there"


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("nowhere.py", "there is no file 'nowhere.py'"),
        ("nowhere.py:app", "there is no file 'nowhere.py'"),
        ("served.py:site", "'served.py' has no 'site'"),
    ],
)
def test_a_target_that_is_not_there(runner: Runner, target: str, message: str) -> None:
    assert fail("run", target) == message


def test_missing_module_error_names_the_search_path(runner: Runner, folder: Path) -> None:
    end = "nor elsewhere on Python's path; --app-dir names another folder"
    expected = f"app 'nowhere:app' cannot be loaded: No module named 'nowhere' in {folder}, {end}"
    assert fail("run", "nowhere:app") == expected
    (folder / "elsewhere").mkdir()
    expected = expected.replace(f" in {folder},", f" in {folder / 'elsewhere'},")
    assert fail("run", "nowhere:app", "--app-dir", "elsewhere") == expected
    (folder / "package").mkdir()
    assert f"No module named 'package.nowhere' in {folder}," in fail("run", "package.nowhere:app")


FACTORIES = """
import functools
from served import Application

def create_app():
    return Application()

def configured(name, *, debug=False):
    return Application()

async def eventually():
    return Application()

def awaited():
    return eventually()

def forgetful():
    pass

def broken():
    return {}["no such key"]

partial = functools.partial(configured, "name")
app = Application()
number = 5

class Foreign:
    def __call__(self, environ, start_response):
        return []

foreign = Foreign()

def wsgi(environ, start_response):
    return []

class Asgi:
    async def __call__(self, scope, receive, send):
        pass

asgi = Asgi()

async def asgi_function(scope, receive, send):
    pass

def make_wsgi():
    return foreign

def old_asgi(scope):
    pass

def anyhow(*args):
    pass

import json
"""


@pytest.mark.parametrize("module", ["factories", "factories.py"])
@pytest.mark.parametrize("attribute", ["", ":create_app", ":partial", ":Application"])
def test_a_factory(runner: Runner, folder: Path, module: str, attribute: str) -> None:
    (folder / "factories.py").write_text(FACTORIES)
    succeed("run", f"{module}{attribute}", "--factory")
    assert type(runner.component.app).__name__ == "Application"


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("configured", "configured' cannot be called without arguments, as a factory is: missing a required"),
        ("eventually", "eventually' is a coroutine function; a factory is a plain function"),
        ("awaited", "awaited' returns an awaitable; a factory returns the application itself"),
        ("forgetful", "forgetful()' is not an application: it has no request_class"),
        ("number", "is not a factory, but of the type int; factory is for a function"),
        ("app", "is not a factory, but of the type Application; factory is for a function"),
    ],
)
def test_invalid_factory(runner: Runner, folder: Path, attribute: str, said: str) -> None:
    (folder / "factories.py").write_text(FACTORIES)
    for module in ("factories", "factories.py"):
        assert said in fail("run", f"{module}:{attribute}", "--factory")


@pytest.mark.parametrize(
    ("attribute", "said"),
    [
        ("create_app", "create_app' is a function, not an application; if it returns one, set factory, or "),
        ("Application", "Application' is a class, not an application; if it can be called without arg"),
        ("eventually", "eventually' is a coroutine function, not an application"),
        ("json", "json' is a module, not an application: name an object in it, as module:attribute"),
        ("anyhow", "anyhow' can be called in several ways, and may be an application of ASGI or of WSGI"),
        ("old_asgi", "old_asgi is an application of ASGI 2, called as application(scope)(receive, send)"),
    ],
)
def test_target_is_an_instance_that_makes_applications(
    runner: Runner, folder: Path, attribute: str, said: str
) -> None:
    (folder / "factories.py").write_text(FACTORIES)
    for module in ("factories", "factories.py"):
        assert said in fail("run", f"{module}:{attribute}")


def test_a_factory_that_fails_shows_its_own_error(runner: Runner, folder: Path) -> None:
    (folder / "factories.py").write_text(FACTORIES)
    result = invoke("run", "factories:broken", "--factory")
    assert result.exit_code == 1
    assert "factories.py" in result.stderr
    assert "KeyError" in result.stderr.splitlines()[-1]


def test_a_factory_in_debug_mode(runner: Runner, folder: Path) -> None:
    (folder / "debugged.py").write_text(
        "from kyoukai import Kyoukai\ndef create_app(): return Kyoukai('a')\n"
    )
    succeed("run", "debugged.py", "--factory", "--debug")
    assert runner.component.app.debug is True  # type: ignore[attr-defined]


def test_serving_what_a_factory_returns(folder: Path) -> None:
    (folder / "factories.py").write_text(FACTORIES)
    with kyoukai_run("factories:create_app", "--factory", "--port", "0", folder=folder) as process:
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0


def test_a_module_without_the_attribute(runner: Runner) -> None:
    message = fail("run", "served:site")
    assert message.startswith("app 'served:site' cannot be loaded: ")


@pytest.mark.parametrize("target", ["", ":", ":app"])
def test_a_target_without_a_module(runner: Runner, target: str) -> None:
    assert "app" in fail("run", target)


def test_a_target_that_is_no_application(runner: Runner, folder: Path) -> None:
    (folder / "other.py").write_text("app = 5\n")
    assert "is not an application: it has no request_class" in fail("run", "other.py")


def test_the_reference_of_a_module_is_left_to_the_component() -> None:
    assert application_reference("guestbook.main:site.app") == "guestbook.main:site.app"
    assert application_reference("guestbook") == "guestbook:app,application"


# Options


def test_absent_options_are_left_to_the_component(runner: Runner) -> None:
    succeed("run", "served:app")
    assert runner.config == {
        "type": "kyoukai.own_process:OwnProcessComponent",
        "app": "served:app",
    }
    listener = runner.component.entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("127.0.0.1",), 8000)
    assert runner.component.backend_name == "httptools"
    assert BACKEND_VARIABLE not in os.environ or not os.environ[BACKEND_VARIABLE]


def test_an_address(runner: Runner) -> None:
    succeed("run", "served:app", "--host", "::1", "--port", "0")
    listener = runner.component.entrance.listeners[0]
    assert (listener.hosts, listener.port) == (("::1",), 0)
    succeed("run", "served:app", "--uds", "server.sock")
    assert runner.component.entrance.listeners[0].uds == "server.sock"


def test_several_hosts(runner: Runner) -> None:
    succeed("run", "served:app", "--host", "127.0.0.1", "--host", "::1")
    assert runner.component.entrance.listeners[0].hosts == ("127.0.0.1", "::1")
    assert misuse("--host", "").startswith(
        "--host is ''; it must be a host name or an IP address, or several"
    )


def test_uds_excludes_a_port(runner: Runner) -> None:
    assert "uds excludes host and port" in fail("run", "served:app", "--uds", "server.sock", "--port", "80")


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_invalid_port(runner: Runner, port: str) -> None:
    assert misuse(f"--port={port}") == f"--port is {port!r}; it must be a whole number from 0 to 65535"


def test_no_access_log(runner: Runner) -> None:
    succeed("run", "served:app", "--no-access-log")
    assert runner.component.server.observe is None


def test_cancel_on_disconnect(runner: Runner) -> None:
    succeed("run", "served:app", "--cancel-on-disconnect")
    assert runner.component.server.cancel_on_disconnect is True


def test_trace(runner: Runner) -> None:
    succeed("run", "served:app", "--trace", "--log-level", "error")
    assert runner.component.trace is True


def test_debug(runner: Runner, folder: Path) -> None:
    (folder / "debugged.py").write_text("from kyoukai import Kyoukai\napp = Kyoukai('debugged')\n")
    succeed("run", "debugged:app")
    assert runner.component.app.debug is False  # type: ignore[attr-defined]
    succeed("run", "debugged:app", "--debug")
    assert runner.component.app.debug is True  # type: ignore[attr-defined]
    line = fail("run", "served:app", "--debug")
    assert line.startswith("debug needs an application of the class Kyoukai, not <")


LIMITS = dataclasses.fields(Limits)


@pytest.mark.parametrize("field", LIMITS, ids=[field.name for field in LIMITS])
def test_every_limit_has_an_option(runner: Runner, field: "dataclasses.Field[Any]") -> None:
    # The least value that it may have, and one more for a number that no default is.
    value = field.metadata["least"] + 1
    option = f"--{field.name.replace('_', '-')}"
    succeed("run", "served:app", option, str(value))
    assert runner.config["limits"] == {field.name: value}
    assert runner.component.server.limits == Limits(**{field.name: value})
    assert f"{option} " in succeed("run", "--help").partition("\nLimits:\n")[2]


def test_several_limits_arrive(runner: Runner) -> None:
    options = ("--head-timeout", "2.5", "--max-body-size=0", "--max-fields", "7", "--max-fields", "8")
    succeed("run", "served:app", *options)
    expected = {"head_timeout": 2.5, "max_body_size": 0, "max_fields": 8}
    assert runner.config["limits"] == expected
    assert runner.component.server.limits == Limits(**expected)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--max-body-size", "1 MB", "a whole number of bytes, at least 0"),
        ("--max-body-size", "1.5", "a whole number of bytes, at least 0"),
        ("--max-body-size", "-1", "a whole number of bytes, at least 0"),
        ("--max-fields", "", "a whole number of fields, at least 1"),
        ("--head-timeout", "soon", "a number of seconds, at least 0.01"),
        ("--head-timeout", "nan", "a number of seconds, at least 0.01"),
        ("--head-timeout", "0", "a number of seconds, at least 0.01"),
    ],
)
def test_invalid_limit(runner: Runner, option: str, value: str, message: str) -> None:
    assert misuse(option, value) == f"{option} is {value!r}; it must be {message}"


def test_the_backend_outranks_the_environment(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "httptools")
    succeed("run", "served:app", "--backend", "reference")
    assert runner.component.backend_name == "reference"


def test_the_environment_is_asked_next(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "reference")
    succeed("run", "served:app")
    assert runner.component.backend_name == "reference"


def test_an_unknown_backend(runner: Runner) -> None:
    message = fail("run", "served:app", "--backend", "htptools")
    assert message == "unknown backend 'htptools'; did you mean httptools? known: h2, httptools, reference"


def test_a_backend_without_a_name(runner: Runner) -> None:
    assert misuse("--backend", "") == (
        "--backend is ''; it must be a name or module:attribute, or several, separated by commas in a "
        "variable and a list elsewhere"
    )


def test_several_backends(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, "httptools")
    succeed("run", "served:app", "--backend", PRISM, "--backend", "reference")
    assert list(runner.component.backends) == [PRISM, "reference"]
    assert runner.component.backend is runner.component.backends[PRISM]
    assert runner.component.backend_name == f"{PRISM}, reference"


def test_several_backends_of_the_environment(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, f"reference, {PRISM}")
    succeed("run", "served:app")
    assert list(runner.component.backends) == ["reference", PRISM]


@pytest.mark.parametrize("value", ["reference,", ",", " ,reference"])
def test_a_variable_with_an_empty_name(runner: Runner, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(BACKEND_VARIABLE, value)
    assert "it must be a name or module:attribute, or a list of them" in fail("run", "served:app")


def test_several_backends_of_a_file(runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "config.yaml").write_text(
        f"component:\n  type: kyoukai\n  app: served:app\n  backend: ['{PRISM}', reference]\n"
        f"  backend_options:\n    '{PRISM}':\n      colours: 5\n"
    )
    succeed("run", "config.yaml")
    prism: Any = runner.component.backend
    assert (list(runner.component.backends), prism.colours) == ([PRISM, "reference"], 5)
    # What has a higher rank takes the place of single options.
    monkeypatch.setenv("KYOUKAI_BACKEND_OPTIONS", f"{PRISM}.colours=9")
    succeed("run", "config.yaml")
    prism = runner.component.backend
    assert prism.colours == 9
    succeed("run", "config.yaml", "--backend-option", f"{PRISM}.colours=2")
    prism = runner.component.backend
    assert prism.colours == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            ["reference", "httptools"],
            "backends 'reference' and 'httptools' cannot be told apart in cleartext",
        ),
        (["reference", "reference"], "backend has 'reference' twice"),
        (["reference", "httptols"], "unknown backend 'httptols'; did you mean httptools?"),
        (["reference", "kyoukai:Feature"], "backend 'kyoukai:Feature' is <enum 'Feature'>; it must be a sub"),
        (["reference", "nowhere:B"], "backend 'nowhere:B' cannot be loaded from nowhere:B: ModuleNotFound"),
    ],
)
def test_invalid_list(runner: Runner, options: list[str], message: str) -> None:
    assert fail("run", "served:app", *(part for name in options for part in ("--backend", name))).startswith(
        message
    )


@pytest.mark.parametrize(
    ("option", "message"),
    [
        (
            "colours=5",
            "backend_options has 'colours'; with several backends, group options by the backend's name",
        ),
        ("httptools.colours=5", "backend_options has 'httptools'; with several backends, group options by"),
        ("reference=5", "backend_options.reference is 5; it must be a mapping of the options of backend"),
        (
            f"{PRISM}.colour=5",
            f"backend '{PRISM}': PrismBackend does not know the backend option 'colour'; its options: col",
        ),
    ],
)
def test_option_that_no_listed_backend_takes(runner: Runner, option: str, message: str) -> None:
    chosen = ("--backend", PRISM, "--backend", "reference")
    assert fail("run", "served:app", *chosen, "--backend-option", option).startswith(message)


def test_an_option_with_a_value_and_options_below_it(runner: Runner) -> None:
    options = ("--backend-option", "one=5", "--backend-option", "one.speed=5")
    assert fail("run", "served:app", *options) == (
        "backend_options.one is 5, and there is one.speed; it must be a mapping of options"
    )


BACKEND_WITH_OPTIONS = """
from kyoukai.backends.reference import ReferenceBackend


class Optional(ReferenceBackend):
    def __init__(self, *, speed=1, names=(), **options):
        super().__init__(**options)
        self.speed, self.names = speed, names
"""


def test_backend_options_arrive(runner: Runner, folder: Path) -> None:
    (folder / "optional_backend.py").write_text(BACKEND_WITH_OPTIONS)
    chosen = ("run", "served:app", "--backend", "optional_backend:Optional")
    succeed(*chosen, "--backend-option", "speed=9", "--backend-option", "names=[a, b]")
    backend: Any = runner.component.backend
    assert (backend.speed, backend.names) == (9, ["a", "b"])
    message = fail(*chosen, "--backend-option", "sped=9")
    assert "'sped'" in message
    assert "its options: speed, names" in message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=text", "text"),
        ("a='1'", "1"),
        ("a=", None),
        ("a=b=c", "b=c"),
        ("a={b: [c]}", {"b": ["c"]}),
    ],
)
def test_the_value_of_an_option_is_yaml(text: str, value: object) -> None:
    assert BY_NAME["backend_options"].kind.parse("--backend-option", text) == ("a", value)


def test_the_last_of_several_options_of_one_name_counts() -> None:
    assert nested({"websocket_options": [("a", 1), ("a", 2)]}) == {"websocket_options": {"a": 2}}
    assert nested({"backend_options": [("a", 1), ("b", 2), ("a", 3)]}) == {
        "backend_options": {"a": 3, "b": 2}
    }


@pytest.mark.parametrize(
    "option", ["speed", "=9", "", "speed=[", "speed={a", "speed='", "a=a: b: c", "a=!b 5", "a=%"]
)
def test_an_option_that_is_no_pair(runner: Runner, option: str) -> None:
    message = misuse("--backend-option", option)
    assert message.startswith(f"--backend-option is {option!r}; it must be NAME=VALUE, VALUE in YAML")


def test_the_loop(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    for options, policy in (((), "uvloop"), (("--loop", "uvloop"), "uvloop"), (("--loop", "asyncio"), None)):
        succeed("run", "served:app", *options)
        assert runner.settings["event_loop_policy"] == policy
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert choose_policy(None) is None
    assert choose_policy("asyncio") is None
    with pytest.raises(ConfigurationError, match="uvloop', which is not installed; pip install uvloop"):
        choose_policy("uvloop")


def test_invalid_loop(runner: Runner) -> None:
    assert misuse("--loop", "trio") == "--loop is 'trio'; it must be one of uvloop, asyncio"
    with pytest.raises(ConfigurationError, match="loop is 'trio'; it must be one of uvloop, asyncio"):
        launch({"app": "served:app"}, loop="trio")


@pytest.mark.parametrize("level", ["CRITICAL", "error", "Warning", "info", "DEBUG"])
def test_the_log_level(runner: Runner, level: str) -> None:
    succeed("run", "served:app", "--log-level", level)
    # What is set up is nothing that Asphalt has to do with: tests/server/test_logs.py.
    assert runner.settings["logging"] is None


def test_invalid_log_level(runner: Runner) -> None:
    assert misuse("--log-level", "loud").startswith(
        "--log-level is 'loud'; it must be one of CRITICAL, ERROR"
    )
    with pytest.raises(ConfigurationError, match="log_level is 'loud'; it must be one of CRITICAL, ERROR"):
        launch({"app": "served:app"}, log_level="loud")


def test_the_number_of_threads(runner: Runner) -> None:
    succeed("run", "served:app")
    assert runner.settings["max_threads"] is None
    succeed("run", "served:app", "--max-threads", "3")
    assert runner.settings["max_threads"] == 3
    assert misuse("--max-threads", "0") == "--max-threads is '0'; it must be a whole number, at least 1"
    for number in (0, True, "3"):
        with pytest.raises(ConfigurationError, match=f"max_threads must be an int above 0, not {number!r}"):
            launch({"app": "served:app"}, max_threads=number)  # type: ignore[arg-type]


def test_a_key_without_a_certificate(runner: Runner) -> None:
    message = fail("run", "served:app", "--ssl-keyfile", "key.pem")
    assert message == "ssl has no certificate; it must be the path of a PEM file"


def test_a_certificate_that_is_not_there(runner: Runner) -> None:
    message = fail("run", "served:app", "--ssl-certfile", "nowhere.pem")
    assert message == "ssl.certificate is 'nowhere.pem'; there is no such file"


# Help


def test_help_names_both_commands() -> None:
    for flag in ("-h", "--help"):
        output = succeed(flag)
        assert "run" in output
        assert "backends" in output


def test_help_of_run() -> None:
    output = succeed("run", "--help")
    for option in (
        "--app-dir",
        "--factory",
        "--host",
        "--port",
        "--uds",
        "--backend NAME",
        "--backend-option K=V",
        "--loop",
        "--log-level",
        "--max-threads",
        "--no-access-log",
        "--cancel-on-disconnect",
        "--trace",
        "--debug",
        "--ssl-certfile",
        "--ssl-keyfile",
        "KYOUKAI_MAX_THREADS",
        "module:attribute",
        "kyoukai run hello.py",
        "[default: 127.0.0.1]",
        "[default: 8000]",
        "[default: httptools]",
        "SIGTERM",
    ):
        assert option in " ".join(output.split())
    assert max(map(len, output.splitlines())) <= 80


def test_the_help_has_a_section_for_each_group() -> None:
    headings = re.findall(r"(?m)^(\w.*):$", succeed("run", "--help"))
    assert headings == [*TABLE, "Help"]


def test_help_of_the_limits() -> None:
    """They have a section of their own, after the other options."""
    options, _, limits = succeed("run", "--help").partition("\nLimits:\n")
    limits = limits.partition("\nHelp:\n")[0]
    assert "head-timeout" not in options
    text = " ".join(limits.split())
    for piece in (
        "--max-body-size BYTES Largest request body",
        "[default: 12582912]",
        "--head-timeout SECONDS Longest time from the first byte of a request",
        "[default: 10]",
        "--min-body-rate BYTES/SECOND ",
    ):
        assert piece in text
    assert "--help" not in limits


def test_version() -> None:
    assert version("kyoukai") in succeed("--version")


def test_without_a_command_it_shows_its_help() -> None:
    result = invoke()
    assert "Usage: " in result.output
    assert "backends" in result.output


def test_python_m(tmp_path: Path) -> None:
    with python("-m", "kyoukai", "run", folder=tmp_path) as process:
        assert process.finish() == 2
    assert "Usage: python -m kyoukai run [OPTIONS] TARGET" in process.stderr
    assert "Missing argument 'TARGET'" in process.stderr


# Servers


def test_serving_a_module(folder: Path) -> None:
    options = ("--port", "0", "--loop", "asyncio", "--backend", "reference")
    # The command line has the last word.
    environ = {BACKEND_VARIABLE: "httptools"}
    with kyoukai_run("served:app", *options, folder=folder, environ=environ) as process:
        process.wait_for(r"serves http://127\.0\.0\.1:\d+ \(backend reference, loop asyncio\)")
        with process.connect() as client:
            assert client.request(QUICK).body == b"answer to /quick"
        access = process.wait_for(r"(?m)^.* INFO kyoukai\.access: .*$")[0]
        assert "GET /quick" in access
        assert "200" in access
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert process.stderr.splitlines()[-1].endswith("INFO kyoukai.server: stopped")
    assert process.stdout == ""


def test_serving_a_file(folder: Path) -> None:
    options = ("--port", "0", "--loop", "uvloop", "--no-access-log")
    with kyoukai_run("served.py", *options, folder=folder) as process:
        process.wait_for(r"\(backend httptools, loop uvloop\)")
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGINT)
        assert process.finish() == 0
    assert "kyoukai.access" not in process.stderr
    assert len(process.stderr.splitlines()) == 2


def test_the_log_level_of_a_server(folder: Path) -> None:
    options = ("--port", "0", "--log-level", "debug")
    with kyoukai_run("served:app", *options, folder=folder) as process, process.connect() as client:
        client.send(b"\x16\x03\x01\r\n\r\n")
        assert client.receive().status in (400, 501, 505)
        process.wait_for("DEBUG kyoukai.protocol: refusing a request")


def test_tracing_a_server(folder: Path) -> None:
    with kyoukai_run("served:app", "--port", "0", "--trace", folder=folder) as process:
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.wait_for(r"(?m)^.* DEBUG kyoukai\.trace: #1 lost$")
        assert "kyoukai.trace: #1    on_url(b'/quick')" in process.stderr


@pytest.fixture
def tls(folder: Path) -> ssl.SSLContext:
    """A client's context that trusts ``site.pem``, whose key is ``site.key``."""
    return trusting_context(write_certificate(folder)[1])


def ask_by_tls(process: Process, trusting: ssl.SSLContext) -> ssl.SSLSocket:
    """Return a connection on which one request has been answered."""
    port = int(process.url.rpartition(":")[2])
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    client = trusting.wrap_socket(plain, server_hostname="localhost")
    client.sendall(QUICK)
    assert client.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
    return client


TLS_FILES = ("--ssl-certfile", "site.pem", "--ssl-keyfile", "site.key")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_serving_by_tls(folder: Path, tls: ssl.SSLContext, loop: str) -> None:
    with kyoukai_run("served:app", "--port", "0", "--loop", loop, *TLS_FILES, folder=folder) as process:
        assert process.url.startswith("https://127.0.0.1:")
        ask_by_tls(process, tls).close()
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_stop_waits_for_no_idle_client_of_tls(folder: Path, tls: ssl.SSLContext, loop: str) -> None:
    """A client's pool does not read, so it does not answer the server's close_notify (RFC 8446 6.1)."""
    options = ("--port", "0", "--loop", loop, *TLS_FILES)
    with kyoukai_run("served:app", *options, folder=folder) as process, ask_by_tls(process, tls):
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_serving_on_several_addresses(folder: Path, loop: str) -> None:
    hosts = ("--host", "127.0.0.1", "--host", "127.0.0.2")
    with kyoukai_run("served:app", *hosts, "--port", "0", "--loop", loop, folder=folder) as process:
        port = int(process.url.rpartition(":")[2])
        process.wait_for(rf"serves http://127\.0\.0\.1:{port}, http://127\.0\.0\.2:{port} \(backend")
        for address in ("127.0.0.1", "127.0.0.2"):
            with Client((address, port)) as client:
                assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert "Traceback" not in process.stderr


def test_serving_on_a_unix_socket(folder: Path) -> None:
    with kyoukai_run("served:app", "--uds", "server.sock", folder=folder) as process:
        assert process.url == "unix:server.sock"
        with process.connect() as client:
            assert client.request(QUICK).status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert not (folder / "server.sock").exists()


@pytest.mark.parametrize("level", ["INFO", "CRITICAL"])
def test_a_taken_port_is_one_line(folder: Path, level: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        options = ("--port", str(port), "--log-level", level)
        with kyoukai_run("served:app", *options, folder=folder) as process:
            assert process.finish() == 1
    [line] = process.stderr.splitlines()
    assert f"cannot listen on 127.0.0.1:{port}: the address is already in use" in line


def test_a_mistake_in_the_users_file_shows_where(folder: Path) -> None:
    (folder / "mistaken.py").write_text("def app(:\n")
    for target in ("mistaken.py", "mistaken:app"):
        with kyoukai_run(target, folder=folder) as process:
            assert process.finish() == 1
        assert 'mistaken.py", line 1' in process.stderr
        assert "SyntaxError" in process.stderr


def test_an_error_of_the_users_module_is_shown_from_its_first_line(folder: Path) -> None:
    (folder / "keyless.py").write_text("import os\n\nKEY = os.environ['KEY_THAT_IS_MISSING']\n")
    with kyoukai_run("keyless.py", folder=folder) as process:
        assert process.finish() == 1
    first, place, *_, last = process.stderr.splitlines()
    assert first == "Traceback (most recent call last):"
    assert 'keyless.py", line 3' in place
    assert last == "KeyError: 'KEY_THAT_IS_MISSING'"


def test_failing_import_in_the_users_module_names_the_missing_module(folder: Path) -> None:
    (folder / "incomplete.py").write_text("import not_installed_here\n")
    with kyoukai_run("incomplete.py", folder=folder) as process:
        assert process.finish() == 1
    assert 'incomplete.py", line 1' in process.stderr
    assert "No module named 'not_installed_here'" in process.stderr


def test_the_script_is_the_command(folder: Path) -> None:
    script = Path(sys.executable).with_name("kyoukai")
    with python(str(script), "backends", folder=folder) as process:
        assert process.finish() == 0
    assert process.stdout == succeed("backends")

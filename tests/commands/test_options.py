"""The table of options: each is a flag, a variable, a key and a keyword, and they have their ranks."""

import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from kyoukai import Kyoukai
from kyoukai.commands.option import Option
from kyoukai.commands.options import BY_NAME, COMPONENT_SETTINGS, OPTIONS, PROCESS_SETTINGS, TABLE
from kyoukai.commands.ranks import OTHER_VARIABLES, divide, from_environment, nested, outranking, override
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits

from ..processes import asphalt_run
from ..test_cli import Runner, fail, folder, misuse, runner, succeed

__all__ = ("folder", "runner")

TEXTS: dict[str, tuple[str, str]] = {
    "app_dir": (".", "nowhere"),
    "reload_dirs": (".", "nowhere"),
    "bind": ("127.0.0.1:0", ""),
    "host": ("::1", ""),
    "server_field": ("mine", ""),
    "backend_options": ("speed=[9]", "speed"),
    "websocket_options": ("max_message_size=9", "max_message_size"),
}
"""By option, a text that it can have, and one that it cannot; the empty one no variable can have."""


def texts(option: Option) -> tuple[str, str]:
    """Return a text that an option can have, and one that it cannot."""
    kind = option.kind
    if option.name in TEXTS:
        return TEXTS[option.name]
    if kind.switch:
        return "true", "maybe"
    if kind.choices:
        return kind.choices[-1].lower(), "none of them"
    try:
        kind.parse("", "a")
    except ConfigurationError:
        return "9999", "many"
    return "a", ""


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for option in OPTIONS:
        monkeypatch.delenv(option.variable, raising=False)


def read(option: Option) -> Any:
    """Return what the one option that the environment gives is."""
    found = from_environment()
    assert list(found) == [option.name]
    return found[option.name]


def test_names_are_there_once() -> None:
    assert len(BY_NAME) == len(OPTIONS) == len({option.flag for option in OPTIONS})
    assert len({option.path for option in OPTIONS}) == len(OPTIONS)
    assert not {option.variable for option in OPTIONS} & OTHER_VARIABLES
    assert not set(COMPONENT_SETTINGS) & set(PROCESS_SETTINGS)


def test_settings_of_the_process_are_keywords() -> None:
    """No key of theirs is in a mapping: they are passed on by their names."""
    assert all(option.path == (option.name,) for option in OPTIONS if option.owner != "component")


@pytest.mark.parametrize("option", OPTIONS, ids=[option.name for option in OPTIONS])
def test_a_variable_is_read_and_checked_as_the_flag_is(
    runner: Runner, option: Option, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = texts(option)
    parsed = option.kind.parse(option.flag, good)
    if option.name != "backend":  # The component asks for that itself.
        monkeypatch.setenv(option.variable, good)
        assert read(option) == ([parsed] if option.kind.many else parsed)
    if bad:
        monkeypatch.setenv(option.variable, bad)
        said = fail("run", "served:app")
        assert said == f"{option.variable} is {bad!r}; it must be {option.kind.must}"
    if not option.kind.switch and (bad or option.name != "server_field"):
        assert misuse(option.flag, bad) == f"{option.flag} is {bad!r}; it must be {option.kind.must}"


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.kind.switch], ids=lambda option: option.name
)
@pytest.mark.parametrize(("text", "value"), [("ON", True), ("1", True), ("no", False), ("0", False)])
def test_a_switch_in_the_environment(
    option: Option, text: str, value: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(option.variable, text)
    assert read(option) is value


def test_an_empty_variable_says_nothing(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_PORT", "")
    succeed("run", "served:app")
    assert "port" not in runner.config


FILE = "component: {type: kyoukai, app: 'served:app', max_threads: 5, trace: true, limits: {max_fields: 5}}\n"


def settings(runner: Runner) -> tuple[int | None, bool, int]:
    """Return a setting of the process, one of the component, and a limit."""
    component = runner.component
    return runner.settings["max_threads"], component.trace, component.server.limits.max_fields


@pytest.mark.parametrize("target", ["served:app", "served.py", "config.yaml"])
def test_each_outranks_what_is_below_it(
    runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    (folder / "config.yaml").write_text(FILE)
    succeed("run", target)
    assert settings(runner) == ((5, True, 5) if target == "config.yaml" else (None, False, 100))
    monkeypatch.setenv("KYOUKAI_MAX_THREADS", "6")
    monkeypatch.setenv("KYOUKAI_TRACE", "true")
    monkeypatch.setenv("KYOUKAI_MAX_FIELDS", "6")
    succeed("run", target)
    assert settings(runner) == (6, True, 6)
    succeed("run", target, "--max-threads", "7", "--no-trace", "--max-fields", "7")
    assert settings(runner) == (7, False, 7)


def test_the_environment_outranks_a_program(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    def run() -> None:
        Kyoukai("script").run(
            host="::1", port=1, max_threads=5, trace=True, limits=Limits(max_fields=5, max_pipelined=3)
        )

    run()
    assert settings(runner) == (5, True, 5)
    monkeypatch.setenv("KYOUKAI_MAX_THREADS", "6")
    monkeypatch.setenv("KYOUKAI_TRACE", "off")
    monkeypatch.setenv("KYOUKAI_MAX_FIELDS", "6")
    monkeypatch.setenv("KYOUKAI_UDS", "server.sock")
    run()
    assert settings(runner) == (6, False, 6)
    assert runner.component.server.limits.max_pipelined == 3
    assert runner.component.entrance.listeners[0].uds == "server.sock"


def test_debug_mode_in_every_way(runner: Runner, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "debugged.py").write_text(
        "from kyoukai import Kyoukai\ndef create_app(): return Kyoukai('a')\n"
    )
    (folder / "config.yaml").write_text(
        "component: {type: kyoukai, app: 'debugged:create_app', factory: true}\n"
    )
    for target in ("debugged", "debugged.py", "debugged:create_app", "config.yaml"):
        succeed("run", target, "--factory")
        assert runner.component.app.debug is False  # type: ignore[attr-defined]
        succeed("run", target, "--factory", "--debug", "--log-level", "debug")
        assert runner.component.app.debug is True  # type: ignore[attr-defined]
    monkeypatch.setenv("KYOUKAI_DEBUG", "yes")
    monkeypatch.setenv("KYOUKAI_FACTORY", "yes")
    succeed("run", "debugged")
    assert runner.component.app.debug is True  # type: ignore[attr-defined]


def test_several_values_of_one_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_HOST", "127.0.0.1, ::1")
    monkeypatch.setenv("KYOUKAI_BACKEND_OPTIONS", "speed=9 'names=[a, b]'")
    monkeypatch.setenv("KYOUKAI_WEBSOCKET_OPTIONS", "ping_interval=null max_message_size=9")
    assert outranking({}) == {
        "host": ["127.0.0.1", "::1"],
        "backend_options": {"speed": 9, "names": ["a", "b"]},
        "websocket_options": {"ping_interval": None, "max_message_size": 9},
    }
    monkeypatch.setenv("KYOUKAI_BACKEND_OPTIONS", "names='a")
    with pytest.raises(
        ConfigurationError, match='KYOUKAI_BACKEND_OPTIONS is "names=\'a"; it must be NAME=VALUE'
    ):
        from_environment()


def test_what_kubernetes_sets_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_PORT", "tcp://10.0.0.1:80")
    with pytest.raises(ConfigurationError, match=r"set enableServiceLinks: false$"):
        from_environment()


def test_a_variable_that_is_almost_an_options_is_named(caplog: pytest.LogCaptureFixture) -> None:
    environ = {
        "KYOUKAI_MAX_THREAD": "5",
        "KYOUKAI_SEED": "1",
        "KYOUKAI_WORKER": "3",
        "KYOUKAI_X": "",
        "HOME": "/",
    }
    with caplog.at_level(logging.WARNING, "kyoukai.server"):
        assert from_environment(environ) == {}
    assert caplog.messages == [
        "the environment variable KYOUKAI_MAX_THREAD is no option's; did you mean KYOUKAI_MAX_THREADS?"
    ]


def test_an_address_takes_the_place_of_one_of_another_kind() -> None:
    forms = {"bind": ["127.0.0.1:1"], "host": ["::1"], "port": 1, "uds": "s"}
    for name, value in forms.items():
        merged = override(forms, {name: value})
        assert name in merged
        assert set(merged) <= ({"host", "port"} if name in ("host", "port") else {name})


def test_settings_are_divided_and_those_of_the_process_checked() -> None:
    ranked = divide({"app": "a", "port": 1, "loop": None, "max_threads": 3})
    assert ranked.component == {"app": "a", "port": 1}
    assert ranked.process == {"max_threads": 3}
    with pytest.raises(
        ConfigurationError, match=r"^max_threads is '3'; it must be a whole number, at least 1$"
    ):
        divide({"max_threads": "3"})


def test_a_key_in_a_mapping() -> None:
    assert nested({"ssl_certfile": "c", "ssl_keyfile": "k", "max_fields": 3}) == {
        "ssl": {"certificate": "c", "key": "k"},
        "limits": {"max_fields": 3},
    }


def test_a_file_of_the_application_in_a_configuration_file(runner: Runner, folder: Path) -> None:
    (folder / "config.yaml").write_text("component: {type: kyoukai, app: 'served.py:app', port: 0}\n")
    succeed("run", "config.yaml")
    assert type(runner.component.app).__name__ == "Application"


def test_settings_of_the_process_in_a_server_of_several(runner: Runner, folder: Path) -> None:
    (folder / "config.yaml").write_text(
        "component:\n"
        "  type: asphalt.core:ContainerComponent\n"
        "  components:\n"
        "    kyoukai: {app: 'served:app', port: 0, max_threads: 3}\n"
        "    other: {type: kyoukai, app: 'served:app', port: 0, loop: asyncio}\n"
    )
    succeed("run", "config.yaml")
    assert (runner.settings["max_threads"], runner.settings["event_loop_policy"]) == (3, None)
    assert runner.config["components"]["kyoukai"] == {"app": "served:app", "port": 0}


def test_asphalts_own_command_names_what_it_cannot_do(folder: Path) -> None:
    config = "component: {type: kyoukai, app: 'served:app', port: 0, loop: asyncio, max_threads: 3}\n"
    with asphalt_run(config, folder) as process:
        assert process.url.startswith("http://")
        [line] = [line for line in process.stderr.splitlines() if "WARNING" in line]
    assert line.endswith(
        "loop: 'asyncio', max_threads: 3: only `kyoukai run` and app.run() can do what this says; it is "
        "ignored"
    )


def test_every_option_is_in_a_group_with_a_meaning() -> None:
    assert all(option.group in TABLE and option.help.endswith(".") for option in OPTIONS)


@pytest.mark.parametrize(
    "option", [BY_NAME["workers"], BY_NAME["admin"], BY_NAME["max_requests"]], ids=lambda option: option.name
)
@pytest.mark.parametrize("target", ["served:app", "config.yaml"])
def test_where_there_are_no_workers_a_setting_that_needs_them_is_one_line(
    runner: Runner, folder: Path, option: Option, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "config.yaml").write_text("component: {type: kyoukai, app: 'served:app', port: 0}\n")
    monkeypatch.setattr("kyoukai.server.supervisor.settings.CAPABLE", False)
    monkeypatch.setattr(sys, "platform", "darwin")
    value = "127.0.0.1:0" if option.name == "admin" else "2"
    line = fail("run", target, option.flag, value)
    assert line == "workers and other features of a supervisor need Linux; on darwin use one process"
    succeed("run", target)

"""`kyoukai config`: the settings in effect, and where each comes from."""

import json
from pathlib import Path
from typing import Any

import pytest

from kyoukai.commands.options import OPTIONS
from kyoukai.commands.settings_shown import default_of, shown_value

from .certificates import write_certificate
from .test_cli import fail, folder, invoke, runner, succeed

__all__ = ("folder", "runner")

FILE = """
component:
  type: kyoukai
  app: served:app
  host: 0.0.0.0
  port: 81
  log_level: debug
  limits:
    max_body_size: 5
    head_timeout: 3
max_threads: 7
"""


def shown(*arguments: str) -> dict[str, dict[str, Any]]:
    """Return the settings by their names."""
    rows: list[dict[str, Any]] = json.loads(succeed("config", *arguments, "--json"))
    found = {f"{row['server']}: {row['setting']}" if row["server"] else row["setting"]: row for row in rows}
    assert len(found) == len(rows)
    return found


def sources(*arguments: str) -> dict[str, tuple[Any, str]]:
    """Return the values and sources of the settings that are not by default."""
    return {
        name: (row["value"], row["where"])
        for name, row in shown(*arguments).items()
        if row["source"] != "default"
    }


def test_without_anything_every_option_has_its_default(folder: Path) -> None:
    found = shown()
    assert {row["source"] for row in found.values()} == {"default"}
    listed = [name for name in found if not name.startswith("backend_options.")]
    assert sorted(listed) == sorted(
        ".".join(option.path) for option in OPTIONS if option.name != "backend_options"
    )
    assert found["port"] == {
        "server": None,
        "group": "Addresses",
        "setting": "port",
        "value": 8000,
        "source": "default",
        "where": None,
    }
    assert found["limits.head_timeout"]["value"] == 10
    assert found["access_log"]["value"] is True
    assert found["uds"]["value"] is None


def test_each_rank_outranks_those_below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "config.yaml").write_text(FILE)
    monkeypatch.setenv("KYOUKAI_PORT", "82")
    monkeypatch.setenv("KYOUKAI_HEAD_TIMEOUT", "4")
    monkeypatch.setenv("KYOUKAI_LOG_LEVEL", "error")
    assert sources("config.yaml", "--head-timeout", "5", "--no-access-log", "--start-timeout", "9") == {
        "host": ("0.0.0.0", "config.yaml:5"),  # nothing listens
        "port": (82, "KYOUKAI_PORT"),
        "limits.max_body_size": (5, "config.yaml:9"),
        "limits.head_timeout": (5, "--head-timeout"),
        "access_log": (False, "--no-access-log"),
        "log_level": ("ERROR", "KYOUKAI_LOG_LEVEL"),
        "start_timeout": (9, "--start-timeout"),
        "max_threads": (7, "config.yaml:11"),
    }


def test_an_address_takes_the_place_of_another(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "config.yaml").write_text(FILE)
    monkeypatch.setenv("KYOUKAI_BIND", "127.0.0.1:80, unix:a.sock")
    found = shown("config.yaml", "--uds", "b.sock")
    assert (found["uds"]["value"], found["uds"]["where"]) == ("b.sock", "--uds")
    for name in ("bind", "host", "port"):
        assert (found[name]["value"], found[name]["where"]) == (None, "--uds")
    assert "none: --uds takes its place" in succeed("config", "--uds", "b.sock")


@pytest.mark.parametrize(
    ("configured", "variable", "flags", "value", "where"),
    [
        ("reference", "", [], ["reference"], "config.yaml:2"),
        ("reference", "h2, httptools", [], ["h2", "httptools"], "KYOUKAI_BACKEND"),
        ("reference", "h2", ["--backend", "httptools"], ["httptools"], "--backend"),
        ("null", "", [], "httptools", None),
    ],
)
def test_the_backend(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    configured: str,
    variable: str,
    flags: list[str],
    value: Any,
    where: str | None,
) -> None:
    (folder / "config.yaml").write_text(
        f"component: {{type: kyoukai, app: 'served:app',\n  backend: {configured}}}\n"
    )
    monkeypatch.setenv("KYOUKAI_BACKEND", variable)
    row = shown("config.yaml", *flags)["backend"]
    assert (row["value"], row["where"]) == (value, where)


def test_the_options_of_backends(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_BACKEND_OPTIONS", "h2.max_pings=5 h2.max_resets=6")
    found = sources("--backend", "h2", "--backend", "httptools", "--backend-option", "h2.max_pings=7")
    assert found == {
        "backend": (["h2", "httptools"], "--backend"),
        "backend_options.h2.max_pings": (7, "--backend-option"),
        "backend_options.h2.max_resets": (6, "KYOUKAI_BACKEND_OPTIONS"),
    }
    (folder / "config.yaml").write_text(
        "component:\n  type: kyoukai\n  app: served:app\n"
        "  backend: h2\n  backend_options:\n    max_pings: 8\n"
    )
    monkeypatch.setenv("KYOUKAI_BACKEND_OPTIONS", "")
    assert sources("config.yaml")["backend_options.h2.max_pings"] == (8, "config.yaml:6")


def test_several_servers_and_their_process(folder: Path) -> None:
    (folder / "config.yaml").write_text("""
component:
  type: asphalt.core:ContainerComponent
  components:
    site:
      type: kyoukai
      app: served:app
      port: 81
    admin:
      type: kyoukai
      app: served:app
      uds: a.sock
      resource_name: admin
      loop: asyncio
""")
    found = sources("config.yaml")
    assert found["site: port"] == (81, "config.yaml:8")
    assert found["admin: uds"] == ("a.sock", "config.yaml:12")
    assert found["loop"] == ("asyncio", "config.yaml:14")
    text = succeed("config", "config.yaml")
    assert "\nAddresses, of the server site\n" in text
    assert "\nProcesses\n" in text


def test_passwords_are_hidden(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files, _ = write_certificate(folder)
    monkeypatch.setenv("KYOUKAI_SSL_KEYFILE_PASSWORD", "hush-hush")
    flags = ["--ssl-certfile", files["certificate"], "--ssl-keyfile", files["key"]]
    row = shown(*flags)["ssl.password"]
    assert (row["value"], row["where"]) == ("(hidden)", "KYOUKAI_SSL_KEYFILE_PASSWORD")
    assert "hush" not in succeed("config", *flags)
    assert shown_value([{"address": "x", "ssl": {"password": "hush", "key": "k.pem"}}]) == [
        {"address": "x", "ssl": {"password": "(hidden)", "key": "k.pem"}}
    ]
    assert shown_value({"api_key": "hush", "passwd": "hush", "credentials": "hush"}) == dict.fromkeys(
        ("api_key", "passwd", "credentials"), "(hidden)"
    )
    assert shown_value("redis://user:hush@host:1/0") == "redis://user:(hidden)@host:1/0"
    assert shown_value("http://host:80/@me") == "http://host:80/@me"
    assert [option.name for option in OPTIONS if option.secret] == ["ssl_keyfile_password"]


def test_the_table_is_in_the_groups_of_the_help(folder: Path) -> None:
    lines = succeed("config", "served.py", "--port", "0").splitlines()
    assert lines[0].split() == ["SETTING", "FROM", "VALUE"]
    groups = [line for line in lines[1:] if not line.startswith(" ")]
    assert groups == [
        *("Application", "Addresses", "TLS", "Proxies", "HTTP", "Observing", "Development", "Limits"),
        "Processes",
    ]
    assert ["port", "--port", "0"] in [line.split() for line in lines]


@pytest.mark.parametrize(
    "arguments",
    [
        ("nowhere.py",),
        ("nowhere.yaml",),
        ("served:nothing",),
        ("served.py", "--bind", "no:where"),
        ("served.py", "--uds", "a.sock", "--port", "1"),
        ("served.py", "--backend", "no_such"),
        ("served.py", "--backend-option", "speed=1"),
        ("served.py", "--ssl-certfile", "nowhere.pem"),
        ("served.py", "--max-requests-jitter", "5"),
        ("served:app", "--interface", "wsgi"),
        ("bad.yaml",),
        ("unknown.yaml",),
    ],
    ids=" ".join,
)
def test_a_mistake_is_the_error_of_run(folder: Path, runner: object, arguments: tuple[str, ...]) -> None:
    (folder / "bad.yaml").write_text("component: {type: kyoukai, app: 'served:app', port: many}\n")
    (folder / "unknown.yaml").write_text("component: {type: kyoukai, app: 'served:app', prot: 1}\n")
    assert fail("config", *arguments) == fail("run", *arguments)


@pytest.mark.parametrize("arguments", [("--port", "many"), ("--no-such",), ("--limits",)], ids=" ".join)
def test_a_wrong_flag_is_the_error_of_run(folder: Path, arguments: tuple[str, ...]) -> None:
    refused, same = invoke("config", "served.py", *arguments), invoke("run", "served.py", *arguments)
    assert refused.exit_code == same.exit_code == 2
    assert refused.stderr.splitlines()[-1] == same.stderr.splitlines()[-1]


def test_without_a_target_options_of_hosted_applications_are_checked(folder: Path) -> None:
    assert sources("--root-path", "/a")["root_path"] == ("/a", "--root-path")
    assert sources("--interface", "wsgi", "--factory")["interface"] == ("wsgi", "--interface")
    assert "root_path" in fail("config", "--root-path", "a")


def test_defaults_are_values_or_words() -> None:
    values = {option.name: default_of(option) for option in OPTIONS}
    assert values["port"] == 8000
    assert values["reload"] is False
    assert values["host"] == "127.0.0.1"
    assert values["workers"] == "none: one process, unsupervised"


def test_the_folder_of_the_command_line_outranks_the_file(folder: Path) -> None:
    for name in ("one", "two"):
        (folder / name).mkdir()
        (folder / name / "placed.py").write_text(
            "from kyoukai import Kyoukai\n"
            f"app = Kyoukai('{name}')\n@app.get('/{name}')\ndef handler(ctx): ...\n"
        )
    (folder / "config.yaml").write_text("component: {type: kyoukai, app: 'placed:app', app_dir: one}\n")
    assert sources("config.yaml", "--app-dir", "two")["app_dir"] == ("two", "--app-dir")
    assert "/two" in succeed("routes", "config.yaml", "--app-dir", "two")

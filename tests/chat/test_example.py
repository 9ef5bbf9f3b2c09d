"""What the chat's own files say of it is so."""

import re
import tomllib

from ruamel.yaml import YAML

from .conftest import EXAMPLE, ROOT


def test_example_needs_only_the_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert (EXAMPLE / "requirements.txt").read_text("utf-8") == "kyoukai[websocket] >= 3.0.0.dev0\n"
    extras = project["optional-dependencies"]
    assert set(extras["websocket"]) - set(extras["test"]) == set()


def test_the_readme_has_the_commands_that_the_tests_use() -> None:
    text = (EXAMPLE / "README.md").read_text("utf-8")
    install, run = re.findall(r"```sh\n(.*\n.*\n)```", text)[0].splitlines()
    command = r"python3 -m venv \.venv && \.venv/bin/pip install '(\.\./\.\.|kyoukai)\[websocket\]'"
    assert re.fullmatch(command, install)
    assert run == ".venv/bin/python -m asphalt run config.yaml"
    assert f"```sh\n{install}\n{run}\n```" in (ROOT / "docs" / "how-to" / "websockets.md").read_text("utf-8")


def test_the_readme_names_every_file() -> None:
    text = (EXAMPLE / "README.md").read_text("utf-8").partition("| file")[2]
    named = set(re.findall(r"`((?:chat/\w+|config)[.\w]*)`", text))
    there = {f"chat/{path.name}" for path in (EXAMPLE / "chat").iterdir()}
    assert named == there - {"chat/__init__.py", "chat/__pycache__"} | {"config.yaml"}


def test_the_readme_names_every_message() -> None:
    text = (EXAMPLE / "README.md").read_text("utf-8")
    sources = [(EXAMPLE / "chat" / name).read_text("utf-8") for name in ("site.py", "rooms.py")]
    kinds = set(re.findall(r'"type": "(\w+)"', "".join(sources)))
    assert set(re.findall(r'^\| `\{"type": "(\w+)"', text, re.MULTILINE)) == kinds
    script = (EXAMPLE / "chat" / "static" / "chat.js").read_text("utf-8")
    assert set(re.findall(r'case "(\w+)":', script)) == kinds


def test_it_listens_to_this_machine_alone_unless_it_is_told_otherwise() -> None:
    server = YAML(typ="safe").load((EXAMPLE / "config.yaml").read_text("utf-8"))["component"]["server"]
    assert (server["host"], server["port"]) == ("127.0.0.1", 8000)

"""Completion in a shell, and the manual page."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from kyoukai.cli import main
from kyoukai.commands.completion import SHELLS, VARIABLE
from kyoukai.commands.options import OPTIONS

from .serving import PATIENCE
from .test_cli import invoke, succeed
from .test_docs import DOCS, update


def offered(*words: str) -> list[tuple[str, str]]:
    """Return kind and value of what is offered for the last of the words of a command line."""
    *before, incomplete = words
    found = ShellComplete(main, {}, "kyoukai", VARIABLE).get_completions(list(before), incomplete)
    return [(item.type, item.value) for item in found]


def plain(*words: str) -> list[str]:
    return [value for _, value in offered(*words)]


def test_commands_and_options_are_completed() -> None:
    assert plain("c") == ["check", "completion", "config"]
    assert plain("backends", "") == ["list", "show"]
    assert plain("run", "--ssl-k") == ["--ssl-keyfile", "--ssl-keyfile-password"]
    assert plain("config", "--ssl-k") == plain("run", "--ssl-k")


@pytest.mark.parametrize(
    "words",
    [("run", "a.py", "--backend"), ("config", "--backend"), ("check",), ("backends", "show")],
    ids=" ".join,
)
def test_backends_are_completed(words: tuple[str, ...]) -> None:
    assert {"h2", "httptools"} <= set(plain(*words, "h"))
    assert plain(*words, "refe") == ["reference"]


def test_choices_are_completed_in_any_case() -> None:
    assert plain("run", "--loop", "") == ["uvloop", "asyncio"]
    assert plain("run", "--log-level", "w") == ["WARNING"]
    assert plain("completion", "z") == ["zsh"]


@pytest.mark.parametrize("command", ["run", "config", "routes"])
def test_a_target_is_completed_as_a_file(command: str) -> None:
    assert offered(command, "ap") == [("file", "ap")]


def test_paths_are_completed() -> None:
    assert offered("run", "--app-dir", "x") == [("dir", "x")]
    assert offered("run", "--ssl-certfile", "x") == [("file", "x")]
    assert offered("run", "--root-path", "x") == []
    assert offered("run", "--port", "8") == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_asks_by_the_variable(shell: str) -> None:
    script = succeed("completion", shell)
    assert f"{VARIABLE}={shell}_complete" in script
    assert "kyoukai" in script


def test_bash_completes_by_the_script() -> None:
    bash = shutil.which("bash")
    assert bash is not None
    # Bash calls the function so at a tab. What the script runs is found where Python is.
    lines = """
    eval "$(cat)"
    COMP_WORDS=(kyoukai run --backend refe) COMP_CWORD=3
    _kyoukai_completion "$KYOUKAI"
    echo "${COMPREPLY[@]}"
    """
    program = str(Path(sys.executable).parent / "kyoukai")
    result = subprocess.run(
        [bash, "-c", lines],
        input=succeed("completion", "bash"),
        env={**os.environ, "KYOUKAI": program},
        capture_output=True,
        text=True,
        timeout=PATIENCE * 3,
    )
    assert (result.stdout, result.stderr) == ("reference\n", "")


def test_another_shell_is_refused() -> None:
    result = invoke("completion", "csh")
    assert result.exit_code == 2
    assert "'csh' is not one of 'bash', 'fish', 'zsh'" in result.stderr


def test_the_manual_page_is_up_to_date() -> None:
    text = (DOCS / "kyoukai.1").read_text("utf-8")
    assert text == update.COMMANDS["man_page"](update.VERSION), "python docs/update.py"


def test_the_manual_page_has_every_command_and_option() -> None:
    text = (DOCS / "kyoukai.1").read_text("utf-8").replace("\\-", "-")
    for path, _ in update.COMMANDS["commands"]():
        assert re.search(rf"(?m)^\.B {path}$", text), path
    assert [option.flag for option in OPTIONS if f"\\fB{option.flag}" not in text] == []


def test_the_manual_page_can_be_read() -> None:
    page = DOCS / "kyoukai.1"
    macros = set(re.findall(r"(?m)^[.'](\S+)", page.read_text("utf-8")))
    assert macros <= {'\\"', "TH", "SH", "SS", "PP", "TP", "B", "I", "nf", "fi"}
    groff = shutil.which("groff")
    if groff is not None:  # It is on most systems, and no test needs it.
        command = [groff, "-man", "-Tutf8", "-ww", "-z", str(page)]
        assert subprocess.run(command, capture_output=True, text=True, check=True).stderr == ""


def test_the_page_of_the_commands_has_each() -> None:
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    headings = re.findall(r"(?m)^## (kyoukai.*)$", text)
    assert headings == [path for path, _ in update.COMMANDS["commands"]()]


def test_no_path_of_this_machine_is_on_the_pages() -> None:
    root = str(Path(__file__).parent.parent)
    for page in (DOCS / "kyoukai.1", DOCS / "reference" / "commands.md"):
        assert root not in page.read_text("utf-8")


def test_the_page_names_the_keys_of_json() -> None:
    text = (DOCS / "reference" / "commands.md").read_text("utf-8")
    listed = dict(re.findall(r"(?m)^\| `kyoukai (routes|config|backends list)` \| (.*) \|$", text))
    # Values are in brackets.
    keys = {command: re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", cell)) for command, cell in listed.items()}
    target = str(DOCS.parent / "examples" / "readme" / "app.py")
    assert keys == {
        command: list(json.loads(succeed(*command.split(), *arguments, "--json"))[0])
        for command, arguments in {"routes": [target], "config": [], "backends list": []}.items()
    }

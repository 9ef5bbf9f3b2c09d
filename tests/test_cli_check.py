"""`kyoukai check`: its table, its JSON, its page, and how it ends."""

import html.parser
import json
import re
import sys
from importlib.metadata import requires, version
from pathlib import Path
from typing import Any

import click
import pytest

from kyoukai.commands.check import MODULES, show_progress
from kyoukai.commands.check.page import report_page
from kyoukai.commands.check.text import SHOWN_SIZE, report_lines, shown_bytes
from kyoukai.testing import report as reporting
from kyoukai.testing.report import Report, RuleResult
from kyoukai.testing.rules import Rule

from .processes import python
from .test_cli import invoke, succeed


@pytest.fixture(autouse=True)
def restored_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what ``--app-dir`` puts onto the path."""
    monkeypatch.setattr(sys, "path", sys.path.copy())


def rule(number: int, level: str = "required", group: str = "Fragments & <more>") -> Rule:
    return Rule(f"K1.{number}", group, level, f"title {number}", f"statement {number}", f"source {number}")


KEPT = RuleResult(rule(1), "kept")
BROKEN = RuleResult(
    rule(2), "broken", "the last chunk\n    is lost", b"3\r\nabc\r\n<b>  \x1b[2J", "on_body(b'a  c')"
)
NOT_KEPT = RuleResult(rule(3, "optional", "Another"), "broken", "no docstring")
INAPPLICABLE = RuleResult(rule(4, "required", "Another"), "inapplicable", "it does not claim 'trailers'")
UNCHECKED = [RuleResult(rule(number, "required", "Another"), "unchecked", "no adapter") for number in (6, 7)]
CAUSED = RuleResult(rule(8, "required", "Another"), "broken", "no\nbody", b"x", "one", "K1.2")
UNTESTABLE = RuleResult(rule(5, "untestable", "Another"), "untestable", "no test can show it")


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[RuleResult]:
    """What the rules are found to be, in place of what a run would find."""
    found = [KEPT, BROKEN, NOT_KEPT, INAPPLICABLE, UNTESTABLE]

    def run_rules(backend: str, *, progress: Any = None, corpus: bool = True, adapter: Any = None) -> Report:
        for done in range(len(found) + 1):
            if progress is not None:
                progress(done, len(found))
        return Report(backend, tuple(found))

    monkeypatch.setattr(reporting, "run_rules", run_rules)
    return found


# The table


def test_the_table() -> None:
    results = (KEPT, BROKEN, NOT_KEPT, INAPPLICABLE, UNTESTABLE, *UNCHECKED, CAUSED)
    report = Report("mine:Backend", results)
    assert [click.unstyle(line) for line in report_lines(report)] == [
        "Fragments & <more>",
        "  ok              K1.1   title 1",
        "  BROKEN          K1.2   title 2",
        "      owed      statement 2",
        "      found     the last chunk",
        "                    is lost",
        r"      bytes     b'3\r\nabc\r\n<b>  \x1b[2J'",
        "      expected  on_body(b'a  c')",
        "      source    source 2",
        "",
        "Another",
        "  not kept        K1.3   title 3",
        "      owed    statement 3",
        "      found   no docstring",
        "      source  source 3",
        "  does not apply  K1.4   title 4 (it does not claim 'trailers')",
        "  untestable      K1.5   title 5",
        "  not checked     K1.6   title 6",
        "  not checked     K1.7   title 7",
        "  BROKEN          K1.8   title 8 (see K1.2)",
        "",
        "mine:Backend: not checked: K1.6, K1.7: no adapter",
        "mine:Backend: 4 rules checked, 1 do not apply, 2 not checked, 1 untestable: "
        "1 kept, 2 broken, 1 optional not kept",
        "mine:Backend does not keep the contract",
    ]


def test_the_score_of_nothing() -> None:
    *_, score, verdict = report_lines(Report("b", (UNTESTABLE,)))
    assert score == "b: 0 rules checked, 1 untestable"
    assert verdict == "b keeps what was checked of the contract"


def test_what_was_not_checked_is_not_said_to_be_kept() -> None:
    assert report_lines(Report("b", (KEPT, UNTESTABLE)))[-1] == "b keeps the contract"
    *_, reason, score, verdict = report_lines(Report("b", (KEPT, *UNCHECKED)))
    assert reason == "b: not checked: K1.6, K1.7: no adapter"
    assert score == "b: 1 rules checked, 2 not checked: 1 kept"
    assert verdict == "b keeps what was checked of the contract"
    assert "%" not in f"{reason}{score}{verdict}"


def test_bytes_are_cut() -> None:
    assert shown_bytes(b"x" * SHOWN_SIZE) == repr(b"x" * SHOWN_SIZE)
    assert shown_bytes(b"x" * 500) == repr(b"x" * SHOWN_SIZE) + "... (500 bytes)"


# How it ends


def test_a_broken_required_rule(results: list[RuleResult]) -> None:
    result = invoke("check", "reference")
    assert result.exit_code == 1
    assert "BROKEN          K1.2   title 2" in result.stdout
    assert "\x1b" not in result.stdout
    assert result.stderr == ""


def test_a_broken_optional_rule(results: list[RuleResult]) -> None:
    results.remove(BROKEN)
    assert "reference keeps the contract" in succeed("check", "reference")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("htptools", "unknown backend 'htptools'; did you mean httptools?"),
        ("json:JSONDecoder", "it must be a subclass of kyoukai.Backend"),
        ("nowhere:Backend", "cannot be loaded from nowhere:Backend"),
    ],
)
def test_what_cannot_be_loaded(results: list[RuleResult], name: str, message: str) -> None:
    result = invoke("check", name)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""


def test_without_the_extra(results: list[RuleResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    result = invoke("check", "reference")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: kyoukai check needs hypothesis and pytest, not installed: pip install 'kyoukai[testing]'\n"
    )


def test_the_other_commands_need_no_extra(tmp_path: Path) -> None:
    for module in MODULES:
        (tmp_path / f"{module}.py").write_text("raise ImportError(__name__)\n")
    with python("-m", "kyoukai", "backends", "show", "reference", folder=tmp_path) as process:
        assert process.finish() == 0


def test_the_modules_are_those_of_the_extra() -> None:
    found = [line.split()[0] for line in requires("kyoukai") or [] if 'extra == "testing"' in line]
    assert sorted(name.partition(">")[0] for name in found) == sorted(MODULES)


# What else it writes


def test_json(results: list[RuleResult]) -> None:
    result = invoke("check", "reference", "--json", "--no-corpus")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    expected = Report("reference", tuple(results)).to_json()
    assert found == {"kyoukai": version("kyoukai"), **expected}
    assert found["passed"] is False


class Page(html.parser.HTMLParser):
    """Collects the text of a page, and checks that its elements are closed and stay at home."""

    VOID = ("meta",)

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "link", "img")
        assert not {"src", "href"} & {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if data.strip() and "style" not in self.open:
            self.words.append(data.strip())


def test_the_page(results: list[RuleResult], tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    assert invoke("check", "reference", "--html", str(path)).exit_code == 1
    text = path.read_text("utf-8")
    assert text == report_page(Report("reference", tuple(results)))
    assert "url(" not in text
    words = Page(text).words
    for expected in (
        "The backend does not keep the contract.",
        "Fragments & <more>",
        "BROKEN",
        "statement 2",
        r"b'3\r\nabc\r\n<b>  \x1b[2J'",
        "on_body(b'a  c')",
        "it does not claim 'trailers'",
    ):
        assert expected in words
    assert words.count("ok") == 1


def test_the_page_says_what_was_not_checked() -> None:
    words = Page(report_page(Report("b", (KEPT, *UNCHECKED, CAUSED)))).words
    assert "not checked: K1.6, K1.7: no adapter" in words
    assert "see K1.2" in words
    assert "no\nbody" not in words


def test_a_page_that_cannot_be_written(results: list[RuleResult], tmp_path: Path) -> None:
    result = invoke("check", "reference", "--html", str(tmp_path / "nowhere" / "report.html"))
    assert result.exit_code == 2
    assert "report.html" in result.stderr


def test_the_bar(results: list[RuleResult], capsys: pytest.CaptureFixture[str]) -> None:
    show_progress(1, 3)
    assert capsys.readouterr().err == "\r[##########--------------------] 1 of 3 rules"
    show_progress(0, 0)
    assert "] 0 of 0 rules" in capsys.readouterr().err


def test_the_bar_is_for_a_terminal(results: list[RuleResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kyoukai.commands.check.is_terminal", lambda stream: True)
    result = invoke("check", "reference")
    assert "5 of 5 rules" in result.stderr
    # It leaves an empty line, with the cursor at its start.
    assert re.search(r"\r +\r\Z", result.stderr)


# For once with all that is behind it


@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_ours_keep_the_contract(backend: str) -> None:
    output = succeed("check", backend, "--no-corpus")
    assert f"{backend}: not checked: K9.1, K9.2, K9.3, K9.4, K9.5: the corpus is not run\n" in output
    assert re.search(rf"(?m)^{backend}: (\d+) rules checked, 5 not checked, 5 untestable: \1 kept$", output)
    assert output.endswith(f"{backend} keeps what was checked of the contract\n")


BROKEN_BACKEND = """
from kyoukai.backends.reference import KyoukaiProtocol, ReferenceBackend

class Deaf(ReferenceBackend):
    def __init__(self, **options):
        pass

class Unmade(ReferenceBackend):
    def __init__(self, **options):
        raise RuntimeError("no luck today")
"""


@pytest.mark.parametrize(("name", "broken"), [("Deaf", "K1.5"), ("Unmade", "K1.1")])
def test_a_class_that_nobody_registers(tmp_path: Path, name: str, broken: str) -> None:
    (tmp_path / "broken_backend.py").write_text(BROKEN_BACKEND)
    arguments = ("check", f"broken_backend:{name}", "--no-corpus", "--json")
    with python("-m", "kyoukai", *arguments, folder=tmp_path) as process:
        assert process.finish() == 1
    assert process.stderr == ""
    found = {result["rule"]: result["outcome"] for result in json.loads(process.stdout)["results"]}
    assert found[broken] == "broken"


TALKATIVE_BACKEND = """
from kyoukai.backends.reference import ReferenceBackend

print("imported")

class Talkative(ReferenceBackend):
    def create_protocol(self, component, parent_context, server_ip, server_port):
        print("connected")
        return super().create_protocol(component, parent_context, server_ip, server_port)
"""


def test_what_a_backend_prints_is_not_in_the_report(tmp_path: Path) -> None:
    (tmp_path / "talkative_backend.py").write_text(TALKATIVE_BACKEND)
    arguments = ("check", "talkative_backend:Talkative", "--no-corpus", "--json")
    with python("-m", "kyoukai", *arguments, folder=tmp_path) as process:
        assert process.finish() == 0
    assert json.loads(process.stdout)["passed"] is True
    assert process.stderr.startswith("imported\nconnected\n")


def test_invalid_setting(results: list[RuleResult], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_TIMEOUT_SCALE", "soon")
    result = invoke("check", "reference")
    assert result.exit_code == 2
    assert result.output == "Error: KYOUKAI_TIMEOUT_SCALE is 'soon'; it must be a number above zero\n"

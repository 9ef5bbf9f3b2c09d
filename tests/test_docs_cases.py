"""The catalogue of cases, as `docs/extensions/case_html.py` makes it, is complete and shows what is sent."""

import ast
import html
import re
import runpy
from typing import Any

import pytest

from kyoukai.testing import Case, load_corpus

from .test_docs import DOCS

CATALOGUE: dict[str, Any] = runpy.run_path(str(DOCS / "extensions" / "case_html.py"))
CORPUS = {case.name: case for case in load_corpus()}
WRITTEN = {case["name"]: case for case in CATALOGUE["all_cases"]()}


def bytes_shown(case: Case) -> bytes:
    """Return the bytes that a case's HTML says are sent."""
    match = re.search(r"(?s)<pre>(.*?)</pre>", CATALOGUE["case_html"](WRITTEN[case.name]))
    assert match is not None
    data = b""
    for piece in re.split(r"(?s)(<b>.*?</b> <s>[\d,]+ times</s>\n|<s>.*?</s>)", match[1]):
        if piece.startswith("<s>"):
            continue
        repeated = re.fullmatch(r"(?s)<b>(.*?)</b> <s>([\d,]+) times</s>\n", piece)
        text, times = (repeated[1], int(repeated[2].replace(",", ""))) if repeated else (piece, 1)
        # The line ends are there to be read: those that are sent are escapes.
        plain = html.unescape(re.sub(r"</?i>|\n", "", text)).replace('"', '\\"')
        data += ast.literal_eval(f'b"{plain}"') * times
    return data


def test_every_case_is_in_a_section_of_the_page() -> None:
    page = (DOCS / "reference" / "cases.md").read_text("utf-8")
    assert re.findall(r"(?m)^```\{cases\} (\S+)$", page) == list(CATALOGUE["files"]())
    assert WRITTEN.keys() == CORPUS.keys()


def test_the_bytes_of_each_case_can_be_read_back() -> None:
    assert [name for name, case in CORPUS.items() if bytes_shown(case) != case.data] == []


def test_every_case_says_what_it_gets() -> None:
    for name, case in CORPUS.items():
        text = CATALOGUE["case_html"](WRITTEN[name])
        assert text.startswith(f'<details class="case" id="{name}" data-level="{case.level}"')
        assert f"the connection {'is closed' if case.closed else 'stays open'}" in text
        assert {f"<b>{answer.status}</b>" for answer in case.answers} <= {*re.findall(r"<b>\d+</b>", text)}


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("RFC 9112 section 6.3", "https://www.rfc-editor.org/rfc/rfc9112.html#section-6.3"),
        ("RFC 9112 appendix C.2.2", "https://www.rfc-editor.org/rfc/rfc9112.html#appendix-C.2.2"),
        ("CVE-2023-47627", "https://www.cve.org/CVERecord?id=CVE-2023-47627"),
        ("GHSA-753j-mpmx-qq6g", "https://github.com/advisories/GHSA-753j-mpmx-qq6g"),
        ("PEP 3333", "https://peps.python.org/pep-3333/"),
    ],
)
def test_a_source_is_a_link(source: str, target: str) -> None:
    assert CATALOGUE["linked"](f"{source}, and more") == (
        f'<a class="external" href="{target}">{source}</a>, and more'
    )

"""What the page `docs/reference/http.md` says of requests is what the corpus proves.

A row of its tables names cases, or tests, in its last cell. What a case expects must be what the
row's second cell says; that every backend keeps every case is tested by the corpus's own tests.
"""

import ast
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

import pytest

from kyoukai.testing import Case, load_corpus

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "reference" / "http.md").read_text("utf-8")
CORPUS = load_corpus()

REFUSED = re.compile(r"([45]\d\d(?:(?:, | or )[45]\d\d)*), closes")
REPLACED = re.compile(r"\ba ([45]\d\d)\b")

FREE = ("Answers", "Stopping")
"""Sections whose rows are not of what a request gets: their second cell is prose."""


class Row(NamedTuple):
    section: str
    what: str
    promise: str
    proofs: list[str]

    @property
    def cases(self) -> list[Case]:
        return [case for case in CORPUS if any(fnmatchcase(case.name, proof) for proof in self.proofs)]


def read_rows() -> list[Row]:
    rows = []
    section = ""
    for line in PAGE.splitlines():
        if line.startswith("#"):
            section = line.strip("# ")
        elif line.startswith("| ") and not line.endswith("| cases |"):
            what, promise, names = (cell.strip() for cell in line.strip("|").split("|"))
            rows.append(Row(section, what, promise, re.findall(r"`([^`]+)`", names)))
    return rows


ROWS = read_rows()


def contradiction(row: Row, case: Case) -> str | None:
    """Return what a case expects otherwise than its row promises."""
    promise, answers = row.promise, case.answers
    refused = [answer.status for answer in answers if not answer.application]
    if match := REFUSED.match(promise):
        if [str(status) for status in refused if str(status) in match[1]] == [] or not case.closed:
            return f"it is refused with {refused or 'nothing'}, and {'' if case.closed else 'not '}closed"
        return "a 100 may come" if "no 100" in promise and case.continued is not False else None
    if promise.startswith("served"):
        return f"it is refused with {refused}" if refused or not (answers or case.continued) else None
    if promise.startswith("100 "):
        return f"it is refused with {refused}" if refused or case.continued is False else None
    if promise.startswith("closed, without an answer"):
        return f"it gets {refused}" if refused or not case.closed else None
    if promise.startswith("nothing"):
        return None if case.closed else "its connection stays open"
    if row.section not in FREE:
        return "the promise is in no words that are checked"
    match = REPLACED.search(promise)
    if match and int(match[1]) not in [answer.status for answer in answers]:
        return f"it is answered with {[answer.status for answer in answers]}"
    return None


def test_the_page_has_rows_of_every_section() -> None:
    sections = re.findall(r"(?m)^#+ (.*)$", PAGE)
    assert {row.section for row in ROWS} == set(sections) - {"Between the backends"}
    assert len(ROWS) == len({row.what for row in ROWS}) > 70


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what[:60])
def test_references_of_a_row_exist(row: Row) -> None:
    assert row.proofs
    for proof in row.proofs:
        path, _, test = proof.partition("::")
        if test:
            tree = ast.parse((TESTS / path).read_text("utf-8"))
            assert test in [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
        else:
            assert any(fnmatchcase(case.name, proof) for case in CORPUS), f"no case is named {proof}"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what[:60])
def test_cases_of_a_row_have_its_outcome(row: Row) -> None:
    found = {case.name: contradiction(row, case) for case in row.cases}
    assert {name: why for name, why in found.items() if why} == {}


def test_every_group_of_the_corpus_proves_something() -> None:
    reached = {case.group for row in ROWS for case in row.cases}
    assert reached == {case.group for case in CORPUS}


def test_a_contradiction_is_found() -> None:
    by_name = {case.name: case for case in CORPUS}
    wrong = {
        "400, closes": ("host-missing-in-1.0", "refused-size-then-body", "persists-in-1.1"),
        "served": ("host-missing", "pipelined-refused-in-the-middle", "end-in-head"),
        "nothing": ("persists-in-1.1",),
        "closed, without an answer": ("persists-in-1.1", "host-missing"),
        "100 when the body is wanted": ("no-continue-in-1.0", "expect-unknown"),
        "whatever": ("host-missing",),
    }
    for promise, names in wrong.items():
        row = Row("Bodies", "", promise, [])
        assert [name for name in names if contradiction(row, by_name[name]) is None] == []

"""The pictures of the pages show what the code and the recorded results have."""

import ast
import re
from xml.etree import ElementTree

import pytest

from kyoukai.core.http1.states import TABLE
from kyoukai.server.supervisor.phases import Phase

from .test_docs import DOCS, PROSE, ROOT, update

PICTURES = update.DIAGRAMS.PICTURES
SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_up_to_date(name: str) -> None:
    text = (DOCS / "images" / f"{name}.svg").read_text("utf-8")
    assert PICTURES[name]() == text, "python docs/update.py"


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_has_words_fits_a_telephone_and_loads_nothing(name: str) -> None:
    text = (DOCS / "images" / f"{name}.svg").read_text("utf-8")
    root = ElementTree.fromstring(text)
    assert [root.findtext(f"{SVG}{tag}") for tag in ("title", "desc")] != [None, None]
    assert root.get("role") == "img"
    labels = (root.get("aria-labelledby") or "").split()
    assert labels == [element.get("id") for element in root if element.get("id")]
    assert float(root.get("width", "inf")) <= 420
    assert "href" not in text
    assert not re.search(r"url\(|@import|<script", text)


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_on_a_page(name: str) -> None:
    assert [page for page in PROSE if f"images/{name}.svg)" in page.read_text("utf-8")] != []


def test_the_states_are_those_of_the_table() -> None:
    root = ElementTree.fromstring(PICTURES["states"]())
    texts = {element.text for element in root.iter(f"{SVG}text")}
    assert {*TABLE, *(event for row in TABLE.values() for event in row)} == texts


def test_the_phases_that_are_entered_are_those_of_the_picture() -> None:
    source = (ROOT / "kyoukai" / "server" / "supervisor" / "supervisor.py").read_text("utf-8")
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    entered = {
        Phase[call.args[0].attr]
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and call.func.attr == "_enter"
        and isinstance(call.args[0], ast.Attribute)
    }
    events = {target for _, target, _ in update.DIAGRAMS.EVENTS}
    assert events | {*update.DIAGRAMS.NEXT_PHASES.values()} == entered


def test_the_colours_of_a_page_have_the_classes_of_a_picture() -> None:
    css = (DOCS / "_static" / "pages.css").read_text("utf-8")
    classes = re.findall(r"(?m)^(svg\.figure [^{]*) \{", PICTURES["waist"]())
    assert classes
    assert [name for name in classes if f"\n{name} {{" not in css] == []

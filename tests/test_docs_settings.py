"""The pages for operators: every name of ours on them is real, and every setting of others is there once."""

import dataclasses
import re
from pathlib import Path

import pytest

from kyoukai.commands.options import OPTIONS
from kyoukai.core.limits import Limits

DOCS = Path(__file__).resolve().parent.parent / "docs"

FLAGS = {option.flag for option in OPTIONS} | {
    f"--no-{option.flag.removeprefix('--')}" for option in OPTIONS if option.kind.switch
}

COUNTS = {"uvicorn": 51, "gunicorn": 120, "granian": 71}
"""How many settings each has in the version that the page names: those in the help of uvicorn and granian
without `--help`, and `KNOWN_SETTINGS` of gunicorn."""


def section(heading: str) -> list[list[str]]:
    """Return the rows of the table below a heading."""
    text = (DOCS / "reference" / "settings-compared.md").read_text("utf-8").partition(f"\n## {heading}\n")[2]
    rows = re.findall(r"(?m)^\| (`.*) \|$", text.partition("\n## ")[0])
    return [row.split(" | ") for row in rows]


@pytest.mark.parametrize("server", COUNTS)
def test_every_setting_of_others_is_there_once(server: str) -> None:
    names = [there for there, _ in section(server)]
    assert len(names) == len(set(names)) == COUNTS[server]


@pytest.mark.parametrize("server", COUNTS)
def test_every_name_of_ours_is_real(server: str) -> None:
    named = {flag for _, here in section(server) for flag in re.findall(r"`(--[a-z-]+)", here)}
    assert named <= FLAGS
    assert named


def test_every_option_is_on_the_page() -> None:
    page = (DOCS / "reference" / "settings-compared.md").read_text("utf-8")
    assert [option.flag for option in OPTIONS if f"`{option.flag}" not in page] == []


def test_the_page_before_going_live_names_what_there_is() -> None:
    page = (DOCS / "how-to" / "going-live.md").read_text("utf-8")
    assert set(re.findall(r"`(--[a-z-]+)", page)) <= FLAGS
    table = page.partition("| limit | default |")[2].partition("\n\n")[0]
    limits = {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.partition(" | ")[0])}
    assert "max_body_size" in limits
    assert limits <= {field.name for field in dataclasses.fields(Limits)}
    headings = re.findall("## (.*)", page)
    anchors = {heading.lower().replace(" ", "-") for heading in headings} - {"the-checklist"}
    assert set(re.findall(r"\(#([\w-]+)\)", page)) == anchors
    # A point of the checklist for each section.
    assert page.count("\n- [ ] ") == len(anchors)

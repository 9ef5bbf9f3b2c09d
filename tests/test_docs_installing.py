"""One value says where the pages install Kyoukai from, and a release changes that one alone."""

import re
from pathlib import Path
from typing import Any

import pytest

from .test_docs import DOCS, ROOT, name, update

installing: dict[str, Any] = update.INSTALLING

SHOWN = [
    path
    for folder in ("docs", "examples", "kyoukai")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in {".html", ".md", ".py", ".toml", ".txt", ".yaml"}
    and not {".venv", "_build"} & set(path.parts)
]
ELSEWHERE = {
    # The rules themselves.
    DOCS / "install.toml",
    DOCS / "installing.py",
    # Made of the README.
    DOCS / "pypi.md",
}
CHECKOUT = re.compile(
    # An editable installation is one of a checkout, before a release and after it; what is below the
    # folder is another distribution.
    r"pip install (?!-e )(?:-\S+(?: [\w/]+)? )*'?\.{1,2}(?:/\.\.)*(?:\[|'| |`|$)"
    r"|until there is a release|from a checkout|not (?:yet )?(?:released|on PyPI)",
    re.IGNORECASE | re.MULTILINE,
)
OTHERS = ["cd /srv/shop && .venv/bin/pip install --upgrade ."]
"""Commands that install the reader's own project."""


def unmarked(page: str) -> str:
    """Return a page without what one value decides, and without the README's commands for a checkout."""
    page = installing["MARKED"].sub("", page)
    page = re.sub(r"(?ms)^<!-- sections: installing(?:-beside)? -->.*?^<!-- end -->$", "", page)
    page = re.sub(r"(?ms)^<!-- command: \w+ -->\n(```+).*?^\1$", "", page)
    for command in OTHERS:
        page = page.replace(command, "")
    return page


def test_nothing_else_says_where_kyoukai_is_installed_from() -> None:
    pages = [ROOT / "README.md", ROOT / "pytest_kyoukai.py", *SHOWN]
    assert len(pages) > 300
    said = {
        name(page): found.group()
        for page in pages
        if page not in ELSEWHERE
        for found in [CHECKOUT.search(unmarked(page.read_text("utf-8")))]
        if found is not None
    }
    assert said == {}


@pytest.mark.parametrize(
    "text",
    [
        "pip install .",
        "pip install '.[otel]'",
        "pip install ../.. -r requirements.txt",
        "pip install --target build . -r it",
        "Until there is a release, do",
        "`pip install '.[testing]'` from a checkout of Kyoukai 3",
    ],
)
def test_installation_sentence_is_found(text: str) -> None:
    assert CHECKOUT.search(unmarked(text))


@pytest.mark.parametrize(
    "text", ["pip install -e .", "pip install 'kyoukai[otel]'", "pip install examples/x"]
)
def test_other_sentence_is_not_found(text: str) -> None:
    assert CHECKOUT.search(unmarked(text)) is None


MARKED_PAGES = [page for page in update.PAGES if "<!-- install: " in page.read_text("utf-8")]


@pytest.mark.parametrize("page", MARKED_PAGES, ids=name)
def test_a_release_has_every_page_install_it_from_the_index(page: Path) -> None:
    text = page.read_text("utf-8")
    released = installing["render"](text, "index")
    commands = [match[4] for match in installing["MARKED"].finditer(released)]
    assert commands
    for command in commands:
        assert re.search(
            r"pip install (?:--target build )?('?)kyoukai(\[[\w,]+\])?\1(?= |$)", command, re.M
        ), command
    # Nothing else changes, and the way back is the same.
    assert len(released.splitlines()) == len(text.splitlines())
    assert installing["render"](released, "checkout") == installing["render"](text, "checkout")


def test_a_release_changes_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    page = (
        "<!-- sections: installing -->\n<!-- end -->\n\n"
        "<!-- install: ../kyoukai -->\n<!-- command: first -->\n```sh\n"
        "python3 -m venv .venv && .venv/bin/pip install '../kyoukai[otel]' -r r.txt && kyoukai run a.py\n"
        "kyoukai run ../kyoukai\n```\n"
    )
    monkeypatch.setitem(installing, "source", lambda: "index")
    assert update.render(page) == (
        "<!-- sections: installing -->\n\n"
        "Kyoukai is on [PyPI](https://pypi.org/project/kyoukai/): `pip install kyoukai` installs it.\n\n"
        "<!-- end -->\n\n"
        "<!-- install: ../kyoukai -->\n<!-- command: first -->\n```sh\n"
        "python3 -m venv .venv && .venv/bin/pip install 'kyoukai[otel]' -r r.txt && kyoukai run a.py\n"
        "kyoukai run ../kyoukai\n```\n"
    )


def test_a_marked_fence_installs_kyoukai() -> None:
    with pytest.raises(
        ValueError, match=r"no `pip install \.\.` or `pip install kyoukai` in 'pip install flask"
    ):
        installing["render"]("<!-- install: .. -->\n```sh\npip install flask\n```\n", "checkout")


def test_installation_source_is_a_known_one() -> None:
    assert installing["source"]() in ("checkout", "index")


def test_the_readme_of_the_package_index_is_that_of_the_checkout() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    page = (DOCS / "pypi.md").read_text("utf-8")
    assert page == installing["for_the_index"](readme), "python docs/update.py"
    assert re.findall(r"\]\((?!https://)[^)]*\)", page) == []
    # The paths are those of files and folders that are here.
    inside = re.findall(r"\(https://github\.com/Fuyukai/Kyoukai/(blob|tree|raw)/main/([^)#]+)", page)
    assert len(inside) > 10
    for kind, path in inside:
        assert (ROOT / path).is_dir() == (kind == "tree"), path
        assert (ROOT / path).exists(), path

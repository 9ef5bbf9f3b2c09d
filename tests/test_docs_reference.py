"""The reference: it has every public name, each with an example that runs, and no foreign docstrings."""

import ast
import enum
import inspect
import io
import itertools
import re
import runpy
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asphalt.core import Event

import kyoukai.asgi
import kyoukai.test_client
import kyoukai.testing
import kyoukai.websocket
import kyoukai.wsgi

from .test_docs import ROOT, update

reference: Any = update.REFERENCE
LISTED = [name for names in reference["pages"]().values() for name in names]
EXAMPLES = sorted(reference["EXAMPLES"].glob("*.py"))

ELSEWHERE = [
    *(f"kyoukai.asphalt.{name}Event" for name in ("ConnectionMade", "ConnectionLost")),
    *(f"kyoukai.asphalt.Route{name}Event" for name in ("Matched", "Invoked", "Completed")),
    *(f"kyoukai.web.{name}" for name in ("Route", "Session", "make_response")),
    "kyoukai.asgi.config.from_config",
    "kyoukai.backends.httptools_.KyoukaiProtocol",
    "kyoukai.backends.reference.RequestParser",
    "kyoukai.core.contract.registry.create_backend",
    "kyoukai.server.log_files.RequestFilter",
    "kyoukai.web.route_group.websocket",
]
"""Public names of modules that have others besides."""


def test_every_public_name_is_listed_once() -> None:
    packages = (
        kyoukai,
        kyoukai.asgi,
        kyoukai.test_client,
        kyoukai.testing,
        kyoukai.websocket,
        kyoukai.wsgi,
    )
    public = [f"{package.__name__}.{name}" for package in packages for name in package.__all__]
    assert sorted(LISTED) == sorted([*public, *ELSEWHERE])


def test_every_page_is_in_the_table_of_contents() -> None:
    assert sorted(reference["pages"]()) == sorted(reference["PAGES"].glob("*.md"))


def imported(path: Path) -> Iterator[str]:
    """Yield the full name of each thing of Kyoukai's that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "kyoukai":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_imports_of_the_guide_are_in_the_reference() -> None:
    files = [path for path in (ROOT / "examples").rglob("*.py") if path.parent != reference["EXAMPLES"]]
    assert len(files) > 60
    assert {name for path in files for name in imported(path)} - set(LISTED) == set()


@pytest.mark.parametrize("name", LISTED)
def test_every_name_is_in_its_example(name: str) -> None:
    tree = ast.parse(reference["example_of"](name).read_text("utf-8"))
    last = name.rpartition(".")[2]
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # The application makes these two by methods that are named in a comment.
    made = {"InProcessClient": "test_client", "LiveClient": "live_client"}
    assert last in used or made.get(last) in used


def test_every_example_is_one_of_a_name() -> None:
    assert sorted({reference["example_of"](name) for name in LISTED}) == EXAMPLES


def test_every_example_is_printed_once() -> None:
    pages = reference["pages"]()
    included = [
        reference["EXAMPLES"] / name
        for page in pages
        for name in re.findall(
            r"(?m)^ *\.\. literalinclude:: /\.\./examples/reference/(.*)$", page.read_text("utf-8")
        )
    ]
    printed = []
    for name in set(LISTED) - reference["CONSTANTS"].keys():
        lines: list[str] = []
        reference["print_example"](name, lines)
        if "   " + reference["example_of"](name).read_text("utf-8").splitlines()[0] in lines:
            printed.append(reference["example_of"](name))
        else:
            (place,) = re.findall(r"see :py:obj:`~(.*)`", "".join(lines))
            assert reference["example_of"](place) == reference["example_of"](name)
            assert reference["shown_at"](place) == place
    assert sorted(printed + included) == EXAMPLES


def told(path: Path) -> dict[int, str | None]:
    """Return what each call of ``print`` says in its comment that it prints, by the call's line."""
    source = path.read_text("utf-8")
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    comments = {token.start[0]: token.string[2:] for token in tokens if token.type == tokenize.COMMENT}
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    prints = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"]
    return {call.lineno: comments.get(call.end_lineno or 0) for call in prints}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_prints_what_its_comments_say(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    printed: dict[int, str] = {}

    def note(*values: object) -> None:
        line, text = sys._getframe(1).f_lineno, " ".join(map(str, values))
        # What a line prints more than once is the same each time.
        printed[line] = text if printed.get(line, text) == text else f"{printed[line]} | {text}"

    monkeypatch.setattr(sys, "argv", [str(path)])
    runpy.run_path(str(path), {"print": note}, "__main__")
    assert printed
    assert printed == told(path)


def members(name: str) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstring of what is printed of a listed name: its own and its members'."""
    found = reference["find"](name)
    if not inspect.isclass(found) and not callable(found):
        return
    yield name, inspect.getdoc(found) or ""
    page = next(page for page, names in reference["pages"]().items() if name in names)
    text = page.read_text("utf-8").partition(f":: {name}\n")[2]
    block = "".join(itertools.takewhile(lambda line: line.startswith(" "), text.splitlines(keepends=True)))
    asked = re.search(r"(?m)^ +:members:(.*)$", block)
    if asked is None:
        return
    some = [member.strip() for member in asked[1].split(",") if member.strip()]
    excluded = re.findall(r"\w+", "".join(re.findall(r"(?m)^ +:exclude-members:(.*)$", block)))
    every = [member for member in vars(found) if member[0] != "_" and member not in excluded]
    for member in some or every:
        value = inspect.getattr_static(found, member, None)
        if inspect.isroutine(value) or isinstance(value, property | classmethod | staticmethod):
            # As Sphinx does: from what it overrides, where it has none.
            yield f"{name}.{member}", inspect.getdoc(getattr(found, member)) or ""


@pytest.mark.parametrize("name", LISTED)
def test_no_docstring_is_another_packages(name: str) -> None:
    assert [member for member, text in members(name) if not reference["is_own"](text)] == []


@pytest.mark.parametrize("name", LISTED)
def test_every_name_and_method_says_what_it_is_for(name: str) -> None:
    assert [member for member, text in members(name) if not text] == []


def annotated_fields(kind: type) -> set[str]:
    """Return the attributes that a class and its bases declare, which are printed one by one."""
    fields: set[str] = set()
    for base in kind.__mro__[:-1]:
        if base.__module__.startswith("kyoukai"):
            fields |= set(getattr(base, "__annotations__", {}))
    return fields


REFERS = re.compile(r"\bsee\b|those of|as for|as :meth:|like :meth:|Call :meth:")
"""Says that another docstring has the parameters."""


@pytest.mark.parametrize("name", LISTED)
def test_parameters_are_documented(name: str) -> None:
    missing = {}
    for member, text in members(name):
        function = reference["find"](name)
        if member != name:
            function = getattr(function, member.rpartition(".")[2])
        # Nobody calls a protocol, nor an enumeration by what its class takes.
        if isinstance(function, enum.EnumMeta) or getattr(function, "_is_protocol", False):
            continue
        if inspect.isclass(function) and issubclass(function, BaseException | Event):
            continue
        try:
            parameters = set(inspect.signature(function).parameters) - {"self", "cls"}
        except (TypeError, ValueError):
            continue
        named = set(re.findall(r":(?:param|ivar) (\w+):|``(\w+)``", text))
        parameters -= {one or other for one, other in named}
        if inspect.isclass(function):
            parameters -= annotated_fields(function)
        # Of one parameter, the sentence speaks anyhow.
        if len(parameters) > 1 and REFERS.search(text) is None:
            missing[member] = sorted(parameters)
    assert missing == {}


def test_foreign_docstring_is_recognized() -> None:
    assert not reference["is_own"](int.__doc__)
    assert reference["is_own"](kyoukai.testing.Rule.__doc__)


def test_no_directive_prints_the_docstring_of_a_constants_class() -> None:
    assert [page for page in reference["pages"]() if "autodata::" in page.read_text("utf-8")] == []

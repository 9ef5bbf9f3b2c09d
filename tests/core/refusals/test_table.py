"""The table of refusals: whole, named as it must be, and used by every refusal of the package."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.exceptions import Conflict, Forbidden
from werkzeug.http import HTTP_STATUS_CODES

import kyoukai
from kyoukai.core import errors
from kyoukai.core.errors import ProtocolError, identified, identifier_of, refused
from kyoukai.core.refusals.table import GROUPS, TABLE
from kyoukai.testing import load_corpus

PACKAGE = Path(kyoukai.__file__).parent

REFUSING = {cls.__name__ for cls in errors.CLASSES.values()}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Yield each module of the package, parsed."""
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        if not name.startswith(("testing/", "core/refusals/")):
            yield name, ast.parse(path.read_text("utf-8"))


def test_no_identifier_comes_twice() -> None:
    assert sum(len(group.refusals) for group in GROUPS) == len(TABLE)


@pytest.mark.parametrize("identifier", TABLE)
def test_an_entry_is_whole(identifier: str) -> None:
    entry = TABLE[identifier]
    assert re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)+", identifier)
    assert entry.status == 0 or entry.status in HTTP_STATUS_CODES
    for text in (entry.sentence, entry.wrong, entry.senders, entry.client):
        assert text.strip().endswith(".")
    assert entry.server == "" or entry.server.strip().endswith(".")
    assert entry.source.strip()


def test_every_refusal_of_the_package_has_an_entry() -> None:
    """A literal that no entry has would fail where the first client is refused."""
    for name, tree in trees():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            called = node.func.id if isinstance(node.func, ast.Name) else ""
            arguments = node.args[:1] if called == "refused" else node.args[1:2]
            if called in ("refused", "identified"):
                for argument in arguments:
                    literals = [part.value for part in ast.walk(argument) if isinstance(part, ast.Constant)]
                    texts = [part for part in literals if isinstance(part, str)]
                    assert {*texts} <= {*TABLE}, f"{name}:{node.lineno}: {texts}"


def test_every_entry_is_used() -> None:
    texts = {
        node.value
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert {*TABLE} - texts == set()


def test_no_refusal_of_the_package_is_without_identifier() -> None:
    found = []
    for name, tree in trees():
        for node in ast.walk(tree):
            raised = node.exc if isinstance(node, ast.Raise) else node
            target = raised.func if isinstance(raised, ast.Call) else raised
            is_made = isinstance(raised, ast.Call) or isinstance(node, ast.Raise)
            if is_made and isinstance(target, ast.Name) and target.id in REFUSING:
                found.append(f"{name}:{node.lineno}: {target.id}")
    # Those that are no ProtocolError get theirs from `identified`.
    werkzeugs = ("BadRequest", "NotImplementedByServer")
    assert [entry for entry in found if not entry.endswith(werkzeugs)] == []


@pytest.mark.parametrize("identifier", [key for key in TABLE if TABLE[key].status in errors.CLASSES])
def test_what_refused_makes(identifier: str) -> None:
    error = refused(identifier)
    entry = TABLE[identifier]
    assert isinstance(error, ProtocolError)
    assert (error.code, error.description, error.identifier) == (entry.status, entry.sentence, identifier)


def test_an_identifier_that_there_is_not() -> None:
    with pytest.raises(KeyError):
        refused("no-such-refusal")
    with pytest.raises(KeyError):
        identified(errors.BadRequest(), "no-such-refusal")


@pytest.mark.parametrize("value", ["customer-4711", 4711, ["host-missing"], None])
def test_an_attribute_of_the_applications_own_error_is_no_identifier(value: object) -> None:
    error = Conflict()
    vars(error)["identifier"] = value
    assert identifier_of(error) == ""
    assert identifier_of(identified(Forbidden(), "origin-not-allowed")) == "origin-not-allowed"


@pytest.mark.parametrize("error_class", errors.CLASSES.values())
def test_one_that_is_made_without_has_that_of_its_class(error_class: type[ProtocolError]) -> None:
    assert TABLE[error_class().identifier].status == error_class.code


def test_every_refusal_of_the_corpus_is_named() -> None:
    """The server's own answers to faults; the application's have none."""
    unnamed = [
        case.name
        for case in load_corpus()
        for answer in case.answers
        if not answer.application and answer.status >= 400 and answer.refusal is None
    ]
    assert unnamed == []

"""References to modules and attributes, good and bad."""

from pathlib import Path

import pytest

from kyoukai.core.contract.references import UnresolvedReferenceError, resolve


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "referred").mkdir()
    (tmp_path / "referred" / "__init__.py").write_text("")
    return tmp_path / "referred"


def test_an_attribute_that_may_be_dotted(package: Path) -> None:
    (package / "site.py").write_text("class Site:\n    app = 5\n")
    assert resolve("referred.site:Site.app") == 5


@pytest.mark.parametrize("reference", ["", ":", "referred", ":app", "referred:"])
def test_no_reference(reference: str) -> None:
    with pytest.raises(UnresolvedReferenceError, match="is not of the form module:attribute"):
        resolve(reference)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("no_such_module:app", "No module named 'no_such_module'"),
        ("no_such_module.sub:app", "No module named 'no_such_module'"),
        ("referred.missing:app", "No module named 'referred.missing'"),
        ("referred:app", "has no attribute 'app'"),
        ("referred:__name__.app", "has no attribute 'app'"),
    ],
)
def test_missing_attribute(package: Path, reference: str, message: str) -> None:
    with pytest.raises(UnresolvedReferenceError, match=message):
        resolve(reference)


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import no_such_dependency", ModuleNotFoundError),
        ("from referred import nothing", ImportError),
        ("{}['NOT_SET']", KeyError),
        ("raise ModuleNotFoundError('of its own')", ModuleNotFoundError),
        ("raise SystemExit(3)", SystemExit),
    ],
)
def test_exception_of_the_module_propagates(package: Path, source: str, error: type[BaseException]) -> None:
    (package / "faulty.py").write_text(source)
    with pytest.raises(error) as info:
        resolve("referred.faulty:app")
    assert type(info.value) is error

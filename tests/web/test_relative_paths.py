"""Relative paths lead from the module that names them, wherever the process was started."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kyoukai import Blueprint, ConfigurationError
from kyoukai.web.relative_paths import beside_caller

from .asking import ask

SITE = """
import asyncio

from kyoukai import Blueprint, Kyoukai, send_file, send_from_directory

app = Kyoukai("site")
app.static("/static", "static")
shop = app.register_blueprint(Blueprint("shop", prefix="/shop"))
shop.static("/static", "static")


@app.route("/file")
async def file(ctx):
    return await send_file(ctx, "static/style.css")


@app.route("/task")
async def task(ctx):
    return await asyncio.create_task(send_file(ctx, "static/style.css"))


@app.route("/directory")
async def directory(ctx):
    return await send_from_directory(ctx, "static", "style.css")


@app.route("/plain")
def plain(ctx):
    return send_from_directory(ctx, "static", "style.css")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of a module that lies beside its files, made by a process that was started elsewhere."""
    (tmp_path / "code" / "static").mkdir(parents=True)
    (tmp_path / "code" / "static" / "style.css").write_text("a {}")
    (tmp_path / "code" / "site.py").write_text(SITE)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    module = ModuleType("site")
    module.__file__ = str(tmp_path / "code" / "site.py")
    exec(compile(SITE, module.__file__, "exec"), module.__dict__)
    return module.__dict__


@pytest.mark.parametrize(
    "path", ["/static/style.css", "/shop/static/style.css", "/file", "/task", "/directory", "/plain"]
)
def test_from_the_module_that_names_them(site: dict[str, Any], path: str) -> None:
    with ask(site["app"], path) as response:
        assert (response.status_code, b"".join(response.iter_encoded())) == (200, b"a {}")


def test_absolute_path_and_non_path_are_unchanged(tmp_path: Path) -> None:
    for given in (str(tmp_path), tmp_path, 3, None):
        assert beside_caller(given) is given


def test_code_without_a_file_has_the_current_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Callable[[], str]] = {"beside_caller": beside_caller}  # type: ignore[dict-item]
    exec("def ask(): return beside_caller('static')", names)
    assert names["ask"]() == os.path.join(tmp_path, "static")


def test_subclass_with_a_relative_path_uses_its_own_folder(tmp_path: Path) -> None:
    class Site(Blueprint):
        def add_files(self) -> None:
            self.static("/static", "missing")

    missing = Path(__file__).parent / "missing"
    with pytest.raises(ConfigurationError, match=re.escape(repr(str(missing)))):
        Site("site").add_files()

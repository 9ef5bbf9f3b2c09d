"""The folders say the architecture, and this says whether the imports keep to it.

Each module of the package belongs to a layer, and a layer may import only what :data:`ARROWS`
lets it. The modules are read and not imported, so that imports inside of functions and those for
annotations alone count too. The last half shows that each check can fail.
"""

import ast
import asyncio
import http
import importlib.util
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, TypedDict

import pytest

import kyoukai
from kyoukai.private_names import PRIVATE_NAMES

from .architecture import circles, classes, private_names
from .architecture.modules import imported, package_classes, read_modules

PACKAGE = Path(kyoukai.__file__).parent

ANYTHING = frozenset({"*"})

# Of the modules that are of the package itself, who may import whom. A layer may import itself.
ROOMS = ("refusals", "semantics", "serving", "exchange", "applications", "connection", "contract", "http1")
"""Of the core."""


def rooms(*names: str) -> frozenset[str]:
    """Return the core's own modules, and rooms of it."""
    return frozenset({"kyoukai.core", *(f"kyoukai.core.{name}" for name in names)})


CORE = rooms(*ROOMS)

ARROWS: dict[str, frozenset[str]] = {
    # What a user imports.
    "kyoukai": ANYTHING,
    "kyoukai.__main__": frozenset({"kyoukai.cli"}),
    # Other libraries' private names: every layer may import it, see EVERYWHERE.
    "kyoukai.private_names": frozenset(),
    # What an application is called by: the command and mounts ask it.
    "kyoukai.interfaces": rooms(),
    # The rooms of the core, from the lowest to the highest.
    # The table of refusals is data, below the errors that are made of it.
    "kyoukai.core.refusals": frozenset(),
    "kyoukai.core": frozenset({"kyoukai.core.refusals"}),
    "kyoukai.core.semantics": rooms("refusals"),
    "kyoukai.core.serving": rooms("refusals", "semantics"),
    "kyoukai.core.exchange": rooms("refusals", "semantics", "serving"),
    "kyoukai.core.applications": rooms("semantics", "serving", "exchange"),
    "kyoukai.core.connection": rooms("semantics", "serving", "exchange", "applications"),
    "kyoukai.core.contract": rooms("semantics", "serving", "exchange"),
    "kyoukai.core.http1": rooms(*ROOMS[:-1]),
    # One backend knows nothing of another.
    "kyoukai.backends": frozenset(),
    "kyoukai.backends.httptools_": CORE,
    "kyoukai.backends.reference": CORE,
    # It has of Kyoukai what a third party has: the names of its face.
    "kyoukai.backends.h2_": frozenset({"kyoukai"}),
    "kyoukai.backends.h2_.differences": frozenset({"kyoukai.backends.h2_", "kyoukai.testing"}),
    "kyoukai.backends.h2_.testing": frozenset(
        {"kyoukai.backends.h2_", "kyoukai.backends.h2_.differences", "kyoukai.testing"}
    ),
    # The application starts a process with `launch`, which knows the component by its name alone, and a
    # server under test with the client of tests; its keywords are ranked as the command's options are.
    "kyoukai.web": CORE
    | {
        "kyoukai.asgi",
        "kyoukai.commands",
        "kyoukai.interfaces",
        "kyoukai.server",
        "kyoukai.test_client",
        "kyoukai.websocket",
        "kyoukai.wsgi",
    },
    "kyoukai.test_client": CORE | {"kyoukai.websocket"},
    # It stands on a tunnel of any wire.
    "kyoukai.websocket": CORE,
    # Applications of other interfaces: they stand on the waist, beside the framework.
    "kyoukai.asgi": CORE | {"kyoukai.interfaces", "kyoukai.websocket"},
    # It reads a file as `kyoukai run` does, and stands above that.
    "kyoukai.asgi.config": CORE | {"kyoukai.asgi", "kyoukai.commands", "kyoukai.server"},
    "kyoukai.wsgi": CORE | {"kyoukai.asgi"},
    # What serves an application of another interface is imported where there is one.
    "kyoukai.server": CORE | {"kyoukai.asgi", "kyoukai.interfaces", "kyoukai.wsgi"},
    "kyoukai.asphalt": CORE | {"kyoukai.commands", "kyoukai.web", "kyoukai.server"},
    "kyoukai.own_process": frozenset({"kyoukai.asphalt", "kyoukai.server"}),
    "kyoukai.commands": CORE | {"kyoukai.server"},
    # They load an application, and look at it or at its server.
    "kyoukai.commands.config": CORE
    | {
        "kyoukai.asphalt",
        "kyoukai.commands",
        "kyoukai.commands.settings_shown",
        "kyoukai.server",
        "kyoukai.web",
    },
    "kyoukai.commands.settings_shown": CORE | {"kyoukai.asphalt", "kyoukai.commands", "kyoukai.server"},
    "kyoukai.commands.routes": CORE | {"kyoukai.commands", "kyoukai.server", "kyoukai.web"},
    # The one command that needs the extra `testing`.
    "kyoukai.commands.check": CORE | {"kyoukai.commands", "kyoukai.testing"},
    "kyoukai.cli": CORE
    | frozenset(
        {
            "kyoukai",
            "kyoukai.asphalt",
            "kyoukai.commands",
            "kyoukai.commands.check",
            "kyoukai.commands.config",
            "kyoukai.commands.routes",
            "kyoukai.core",
            "kyoukai.interfaces",
            "kyoukai.server",
            "kyoukai.web",
        }
    ),
    "kyoukai.testing": ANYTHING,
}

# What every layer may import.
EVERYWHERE = frozenset({"kyoukai.private_names"})

PARSERS = frozenset({"h11", "h2", "hpack", "http_parser", "httptools", "hyperframe", "picohttpparser"})

HTTP2 = frozenset({"h2", "hpack", "hyperframe"})

# Libraries that a layer must not import; what holds for every other layer is under None.
FORBIDDEN: dict[str | None, frozenset[str]] = {
    None: PARSERS,
    "kyoukai.backends.httptools_": PARSERS - {"httptools"},
    "kyoukai.backends.h2_": PARSERS - HTTP2,
    "kyoukai.backends.h2_.differences": PARSERS,
    "kyoukai.backends.h2_.testing": PARSERS - HTTP2,
    # It knows no socket.
    "kyoukai.web": PARSERS | {"socket", "ssl", "selectors", "socketserver"},
    # It may drive a server with a client's library.
    "kyoukai.testing": frozenset(),
}

MAX_LINES = 300

DOCSTRINGS = "its docstrings state obligations, order and units: they are the contract"

# A module that must be longer, and why.
LONGER: dict[str, str] = {
    "kyoukai.core.connection.connection": DOCSTRINGS,
    "kyoukai.core.exchange.exchange": DOCSTRINGS,
    "kyoukai.core.http1.protocol": DOCSTRINGS,
}


def layer_of(name: str) -> str | None:
    """Return the layer that a module belongs to: the longest that its name begins with."""
    parts = name.split(".")
    if parts == ["kyoukai"]:
        return "kyoukai"
    candidates = (".".join(parts[:size]) for size in range(len(parts), 1, -1))
    return next((layer for layer in candidates if layer in ARROWS), None)


def wrong_imports(root: Path) -> list[str]:
    """Return the imports that run against the architecture."""
    modules = read_modules(root)
    found = []
    for module in modules.values():
        layer = layer_of(module.name)
        if layer is None:
            found.append(f"{module.name} belongs to no layer")
            continue
        forbidden = FORBIDDEN.get(layer, FORBIDDEN[None])
        for name, line in imported(module, modules):
            top = name.partition(".")[0]
            if top != root.name:
                if top in forbidden:
                    found.append(f"{module.name}:{line} imports {name}")
                continue
            target = layer_of(name)
            allowed = ARROWS[layer] | EVERYWHERE | {layer}
            if target not in allowed and ARROWS[layer] is not ANYTHING:
                found.append(f"{module.name}:{line} imports {name}")
    return found


def public_definitions(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the public classes and functions of a module and the public methods of those classes."""
    left: list[tuple[str, ast.AST]] = [("", tree)]
    while left:
        prefix, parent = left.pop()
        for node in ast.iter_child_nodes(parent):
            if not isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            decorators = [ast.unparse(decorator).rpartition(".")[2] for decorator in node.decorator_list]
            if node.name.startswith("_") or {"setter", "deleter", "overload"} & set(decorators):
                continue
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                left.append((f"{prefix}{node.name}.", node))


def undocumented(root: Path) -> list[str]:
    """Return the modules, and the public names in them, that have no docstring."""
    found = []
    for module in read_modules(root).values():
        if not ast.get_docstring(module.tree):
            found.append(module.name)
        found += [
            f"{module.name}:{name}"
            for name, node in public_definitions(module.tree)
            if not ast.get_docstring(node)  # type: ignore[arg-type]
        ]
    return found


def too_long(root: Path) -> list[str]:
    """Return the modules of more than :data:`MAX_LINES` lines."""
    return [
        f"{module.name} has {module.lines} lines"
        for module in read_modules(root).values()
        if module.lines > MAX_LINES and module.name not in LONGER
    ]


def asserts(root: Path) -> list[str]:
    """Return the ``assert`` statements: ``python -O`` takes them away (CVE-2025-69227)."""
    return [
        f"{module.name}:{node.lineno}"
        for module in read_modules(root).values()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
    ]


# The package


def test_all_modules_are_read() -> None:
    names = set(read_modules(PACKAGE))
    assert {"kyoukai", "kyoukai.core", "kyoukai.core.semantics.policy", "kyoukai.backends.reference"} <= names
    assert len(names) == len(list(PACKAGE.rglob("*.py")))


def test_no_arrow_runs_back() -> None:
    assert wrong_imports(PACKAGE) == []


def test_the_arrows_make_no_circle() -> None:
    left = {layer: set(targets) for layer, targets in ARROWS.items() if targets is not ANYTHING}
    done = {layer for layer, targets in ARROWS.items() if targets is ANYTHING}
    while ready := {layer for layer, targets in left.items() if targets <= done}:
        done |= ready
        left = {layer: targets for layer, targets in left.items() if layer not in ready}
    assert left == {}


def test_no_imports_make_a_circle() -> None:
    assert circles.wrong_circles(PACKAGE, circles.ALLOWED) == []
    assert all(circles.ALLOWED.values())


def test_foreign_private_names_have_one_module() -> None:
    table = {name for names in PRIVATE_NAMES.values() for name in names}
    assert private_names.wrong_names(PACKAGE, table, private_names.INLINE) == []


def test_no_class_overrides_a_foreign_private_name_unawares() -> None:
    assert private_names.overridden_names(package_classes(PACKAGE)) == private_names.OVERRIDDEN


def test_no_class_is_too_large() -> None:
    assert classes.too_large(package_classes(PACKAGE), classes.LARGER) == []
    assert all(reason for _, reason in classes.LARGER.values())


def test_everything_public_is_documented() -> None:
    assert undocumented(PACKAGE) == []


def test_no_module_is_too_long() -> None:
    assert too_long(PACKAGE) == []


def test_exceptions_are_in_use() -> None:
    lengths = {name: module.lines for name, module in read_modules(PACKAGE).items()}
    assert all(reason and lengths[name] > MAX_LINES for name, reason in LONGER.items())


def test_no_asserts() -> None:
    assert asserts(PACKAGE) == []


# The checks themselves


def write(directory: Path, files: dict[str, str]) -> Path:
    """Write a package ``kyoukai`` of the given modules and return its directory."""
    root = directory / "kyoukai"
    for name in (
        "__init__.py",
        "core/__init__.py",
        "core/policy.py",
        "private_names.py",
        "web/__init__.py",
        "web/route.py",
    ):
        files = {name: "", **files}
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    ("file", "code", "target"),
    [
        ("core/a.py", "import kyoukai.web", "kyoukai.web"),
        ("core/a.py", "import kyoukai.web.route as r", "kyoukai.web.route"),
        ("core/a.py", "from kyoukai.web import Kyoukai", "kyoukai.web"),
        ("core/a.py", "from kyoukai import web", "kyoukai.web"),
        ("core/a.py", "import kyoukai", "kyoukai"),
        ("core/a.py", "from kyoukai import Backend", "kyoukai"),
        ("core/a.py", "from .. import web", "kyoukai.web"),
        ("core/a.py", "from ..web import Kyoukai", "kyoukai.web"),
        ("core/a.py", "from ..web.route import Route", "kyoukai.web.route"),
        ("core/__init__.py", "from ..web import Kyoukai", "kyoukai.web"),
        ("private_names.py", "from kyoukai.core import policy", "kyoukai.core.policy"),
        ("core/b/__init__.py", "from ...web import Kyoukai", "kyoukai.web"),
        ("core/b/c.py", "from ...web import Kyoukai", "kyoukai.web"),
        ("core/a.py", "def f():\n    from kyoukai.web import Kyoukai", "kyoukai.web"),
        ("core/a.py", "if TYPE_CHECKING:\n    from kyoukai.web import Kyoukai", "kyoukai.web"),
        ("core/a.py", "try:\n    import httptools\nexcept ImportError:\n    pass", "httptools"),
        ("core/a.py", "import h11._events", "h11._events"),
        ("core/a.py", "importlib.import_module('kyoukai.web')", "kyoukai.web"),
        ("core/a.py", "__import__('httptools')", "httptools"),
        ("core/a.py", "from kyoukai.backends.reference import parser", "kyoukai.backends.reference"),
        ("backends/reference/a.py", "from kyoukai.backends import httptools_", "kyoukai.backends"),
        ("backends/reference/a.py", "from ..httptools_ import x", "kyoukai.backends.httptools_"),
        ("backends/reference/a.py", "import httptools", "httptools"),
        ("backends/reference/a.py", "from kyoukai.web import Kyoukai", "kyoukai.web"),
        (
            "backends/httptools_/a.py",
            "from kyoukai.backends.reference import x",
            "kyoukai.backends.reference",
        ),
        ("backends/httptools_/a.py", "import h11", "h11"),
        ("backends/h2_/a.py", "from kyoukai.core.errors import BadRequest", "kyoukai.core.errors"),
        ("backends/h2_/a.py", "from kyoukai.core.limits import NEVER", "kyoukai.core.limits"),
        ("backends/h2_/a.py", "from kyoukai.testing import WireAdapter", "kyoukai.testing"),
        ("backends/h2_/a.py", "from kyoukai.websocket import x", "kyoukai.websocket"),
        ("backends/h2_/a.py", "import httptools", "httptools"),
        ("backends/httptools_/a.py", "from kyoukai.asphalt import x", "kyoukai.asphalt"),
        ("backends/__init__.py", "from .reference import x", "kyoukai.backends.reference"),
        ("web/a.py", "from kyoukai.asphalt import KyoukaiComponent", "kyoukai.asphalt"),
        ("web/a.py", "from kyoukai.backends.reference import x", "kyoukai.backends.reference"),
        ("web/a.py", "from kyoukai.testing import x", "kyoukai.testing"),
        ("web/a.py", "import socket", "socket"),
        ("server/listener.py", "from kyoukai.web import Kyoukai", "kyoukai.web"),
        ("server/listener.py", "import kyoukai.asphalt", "kyoukai.asphalt"),
        ("server/launch.py", "import kyoukai.asphalt", "kyoukai.asphalt"),
        ("server/signals.py", "import kyoukai.asphalt", "kyoukai.asphalt"),
        ("server/startup_log.py", "import kyoukai.cli", "kyoukai.cli"),
        ("asphalt.py", "import kyoukai.cli", "kyoukai.cli"),
        ("asphalt.py", "import kyoukai.backends.httptools_", "kyoukai.backends.httptools_"),
        ("cli.py", "import kyoukai.backends.httptools_", "kyoukai.backends.httptools_"),
        ("cli.py", "from kyoukai.testing import x", "kyoukai.testing"),
        ("__main__.py", "import kyoukai.asphalt", "kyoukai.asphalt"),
    ],
)
def test_an_arrow_that_runs_back_is_found(tmp_path: Path, file: str, code: str, target: str) -> None:
    found = wrong_imports(write(tmp_path, {file: code}))
    module = f"kyoukai.{file.removesuffix('.py').removesuffix('/__init__').replace('/', '.')}"
    assert len(found) == 1
    assert found[0].startswith(f"{module}:")
    assert found[0].endswith(f" imports {target}")


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("core/a.py", "import asyncio\nfrom werkzeug.wrappers import Request\nimport asphalt.core"),
        ("core/a.py", "from kyoukai.private_names import running_loop"),
        ("backends/reference/a.py", "from kyoukai import private_names"),
        ("core/a.py", "from . import policy\nfrom .policy import x\nimport kyoukai.core.policy"),
        ("core/b/__init__.py", "from ..policy import x\nfrom .. import policy"),
        ("backends/httptools_/a.py", "import httptools\nfrom kyoukai.core import policy\nfrom . import a"),
        (
            "backends/reference/a.py",
            "from ...core import policy\nfrom kyoukai.core.policy import x",
        ),
        ("web/a.py", "from kyoukai.core.policy import x\nfrom .route import Route"),
        ("asphalt.py", "import kyoukai.web\nimport kyoukai.core\nimport kyoukai.server.listener"),
        ("cli.py", "import kyoukai\nimport kyoukai.asphalt"),
        ("testing/a.py", "import kyoukai.backends.reference\nimport kyoukai\nimport h11"),
        ("__init__.py", "from kyoukai.web import Kyoukai\nfrom .core import policy"),
    ],
)
def test_other_imports_are_not(tmp_path: Path, file: str, code: str) -> None:
    assert wrong_imports(write(tmp_path, {file: code})) == []


@pytest.mark.parametrize("file", ["helper.py", "extra/__init__.py", "extra/a.py"])
def test_a_module_without_a_layer_is_found(tmp_path: Path, file: str) -> None:
    [found] = wrong_imports(write(tmp_path, {file: ""}))
    assert found.endswith("belongs to no layer")


def test_undocumented_name_is_found(tmp_path: Path) -> None:
    code = '''
class Public:
    def method(self): ...
    async def coroutine(self): ...
    @property
    def value(self): ...
    @value.setter
    def value(self, value): ...
    def __init__(self): ...
    def _private(self): ...
    class Inner:
        """Documented."""
        def method(self): ...
class _Private:
    def method(self): ...
def function():
    def inner(): ...
async def coroutine(): ...
def documented():
    """Documented."""
'''
    documented = '"""Documented."""\n'
    names = (
        "__init__.py",
        "core/__init__.py",
        "core/policy.py",
        "private_names.py",
        "web/__init__.py",
        "web/route.py",
    )
    root = write(tmp_path, {**dict.fromkeys(names, documented), "core/a.py": code, "core/b.py": documented})
    assert sorted(undocumented(root)) == [
        "kyoukai.core.a",
        "kyoukai.core.a:Public",
        "kyoukai.core.a:Public.Inner.method",
        "kyoukai.core.a:Public.coroutine",
        "kyoukai.core.a:Public.method",
        "kyoukai.core.a:Public.value",
        "kyoukai.core.a:coroutine",
        "kyoukai.core.a:function",
    ]


def test_a_module_that_is_too_long_is_found(tmp_path: Path) -> None:
    root = write(tmp_path, {"core/a.py": "\n" * 300, "core/b.py": "\n" * 301})
    assert too_long(root) == ["kyoukai.core.b has 301 lines"]


def test_an_assert_is_found(tmp_path: Path) -> None:
    root = write(tmp_path, {"core/a.py": "def f(x):\n    if x:\n        assert x > 5\n"})
    assert asserts(root) == ["kyoukai.core.a:3"]


@pytest.mark.parametrize(
    ("files", "members"),
    [
        ({"core/a.py": "from .policy import x", "core/policy.py": "import kyoukai.core.a"}, "a policy"),
        ({"core/a.py": "if TYPE_CHECKING:\n    from . import b", "core/b.py": "from .a import x"}, "a b"),
        ({"core/a.py": "def f():\n    from .b import x", "core/b.py": "from kyoukai.core import a"}, "a b"),
        (
            {
                "core/a.py": "from .b import x",
                "core/b.py": "from .c import x",
                "core/c.py": "from .a import x",
            },
            "a b c",
        ),
    ],
)
def test_a_circle_is_found(tmp_path: Path, files: dict[str, str], members: str) -> None:
    root = write(tmp_path, files)
    [found] = circles.wrong_circles(root, {})
    names = [f"kyoukai.core.{name}" for name in members.split()]
    assert found.startswith(f"a circle of {len(names)} modules: {names[0]} imports ")
    assert all(f"{name} imports" in found for name in names)
    assert circles.wrong_circles(root, {frozenset(names): "reason"}) == []


def test_two_circles_are_two(tmp_path: Path) -> None:
    code = {"a": "from .b import x", "b": "from .a import x", "c": "from .d import x\nfrom .a import x"}
    files = {f"core/{name}.py": text for name, text in {**code, "d": "from .c import x"}.items()}
    found = circles.wrong_circles(write(tmp_path, files), {})
    assert [line.partition(":")[0] for line in found] == ["a circle of 2 modules"] * 2


def test_shared_imports_are_not_a_cycle(tmp_path: Path) -> None:
    files = {
        "core/a.py": "from .b import x\nfrom .c import x",
        "core/b.py": "from .d import x",
        "core/c.py": "from .d import x\nfrom . import policy",
        "core/d.py": "from . import d\nfrom .policy import x",
    }
    assert circles.wrong_circles(write(tmp_path, files), {}) == []


def test_an_allowed_circle_that_is_gone_is_found(tmp_path: Path) -> None:
    gone = frozenset({"kyoukai.core.a", "kyoukai.core.policy"})
    root = write(tmp_path, {"core/a.py": "from .policy import x"})
    assert circles.wrong_circles(root, {gone: "reason"}) == [
        "no circle any more: kyoukai.core.a, kyoukai.core.policy"
    ]


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("def f(response):\n    return response._status", "2 has _status"),
        ("def f(ctx):\n    ctx._state = 1", "2 has _state"),
        ("def f(x):\n    return getattr(x, '_else', None)", "2 has _else"),
        ("def f(x):\n    return vars(x)['_else']", "2 has _else"),
        ("def f(x):\n    return '_else' in vars(x)", "2 has _else"),
        ("from asyncio import _else", "1 has _else"),
        ("import asyncio\nasyncio._else()", "2 has _else"),
        # Its own class binds no such name: the base must have it.
        ("class A(Base):\n    def f(self):\n        return self._else", "3 has _else"),
        ("class A(Base):\n    def f(self):\n        super()._else()", "3 has _else"),
        # Some class of ours has it, and so has a library.
        ("class A:\n    _state = 1\ndef f(x):\n    return x._state", "4 has _state"),
        ("class A:\n    __slots__ = ('_state',)\ndef f(x):\n    return getattr(x, '_state')", "4 has _state"),
    ],
)
def test_a_foreign_private_name_is_found(tmp_path: Path, code: str, names: str) -> None:
    root = write(tmp_path, {"core/a.py": code, "private_names.py": code})
    assert private_names.wrong_names(root, {"_state", "_status"}, {}) == [f"kyoukai.core.a:{names}"]
    name = names.rpartition(" ")[2]
    assert private_names.wrong_names(root, {"_state", "_status"}, {"kyoukai.core.a": frozenset({name})}) == []


@pytest.mark.parametrize(
    "code",
    [
        "class A:\n    def f(self):\n        self._state = 1\n    def g(self):\n        return self._state",
        "class A:\n    def _make(self): ...\n    def f(self, other):\n        return other._make()",
        "class A:\n    __slots__ = ('_own',)\ndef f(a):\n    return a._own, getattr(a, '_own')",
        "import os, sys\nos._exit(sys._getframe(1).f_lineno)",
        "def f(x):\n    return x.__dict__, x.name_, '__x__' in x, '_' in x, x.endswith('_timeout')",
        "from kyoukai.core.policy import _of_ours\nfrom .policy import _of_ours",
    ],
)
def test_names_of_ones_own_are_not(tmp_path: Path, code: str) -> None:
    assert private_names.wrong_names(write(tmp_path, {"core/a.py": code}), {"_state"}, {}) == []


def test_an_allowed_private_name_that_is_gone_is_found(tmp_path: Path) -> None:
    inline = {"kyoukai.core.policy": frozenset({"_list"})}
    assert private_names.wrong_names(write(tmp_path, {}), {"_list"}, inline) == [
        "kyoukai.core.policy does not need _list"
    ]


def test_an_overridden_private_name_is_found() -> None:
    class Reader(asyncio.StreamReader):
        def __init__(self) -> None:
            super().__init__()
            self._buffer = bytearray()
            self._mine = 1

    class Plain:
        _buffer = 1

    name = f"{__name__}.{Reader.__qualname__}"
    assert private_names.overridden_names([Reader, Plain]) == {name: frozenset({"_buffer"})}


class Rung:
    """A class of this package, as is the test."""

    constant = 1
    annotated: int
    __slots__ = ("slot",)

    def __init__(self) -> None:
        self.a, self.b = 1, 2
        self.annotated = 3
        self.slot: int = 4

    @property
    def value(self) -> int:
        return self.a

    @value.setter
    def value(self, value: int) -> None:
        self.a = value
        other = Rung()
        other.of_another = 1

    def grow(self) -> None:
        self.late += 1
        self.value = 2
        self.values = [self.a for self.each in (1,)]


class Upper(Rung, threading.Thread):
    """One with a base of its own, and one that is not the package's."""

    def run(self) -> None:
        self.a = 2
        self.upper = 3


def test_the_attributes_of_a_whole_ladder_are_counted() -> None:
    # constant, annotated, slot, a, b, late, values, each; the class above adds one.
    assert classes.size_of(Rung) == classes.Size(8, 1)
    assert classes.size_of(Upper) == classes.Size(9, 2)
    assert classes.size_of(NamedTuple("Two", [("one", int), ("two", int)])) == classes.Size(2, 1)
    assert classes.size_of(TypedDict("Keys", {"one": int})) == classes.Size(0, 1)
    assert classes.size_of(http.HTTPStatus).attributes == 0


@pytest.mark.parametrize(("attributes", "rungs"), [(15, 3), (16, 1), (1, 4)])
def test_a_class_that_is_too_large_is_found(tmp_path: Path, attributes: int, rungs: int) -> None:
    (tmp_path / "large.py").write_text(
        "class A0:\n    def f(self):\n"
        + "".join(f"        self.a{number} = 1\n" for number in range(attributes))
        + "".join(f"class A{number}(A{number - 1}):\n    pass\n" for number in range(1, rungs))
    )
    spec = importlib.util.spec_from_file_location("large", tmp_path / "large.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["large"] = module
    try:
        spec.loader.exec_module(module)
        last = getattr(module, f"A{rungs - 1}")
        size = classes.Size(attributes, rungs)
        name = f"large.A{rungs - 1}"
        expected = [] if (attributes, rungs) == (15, 3) else [f"{name} has {size}"]
        assert classes.too_large([last], {}) == expected
        larger = {name: (size, "reason")}
        assert classes.too_large([last], larger) == ([] if expected else [f"{name} needs no exception"])
        wrong = classes.Size(attributes + 1, rungs)
        assert classes.too_large([last], {name: (wrong, "reason")}) == [
            f"{name} has {size}, and is allowed {wrong}"
        ]
    finally:
        del sys.modules["large"]


def test_a_large_class_that_is_gone_is_found() -> None:
    assert classes.too_large([], {"kyoukai.Gone": (classes.Size(20, 1), "reason")}) == [
        "kyoukai.Gone is no class any more"
    ]

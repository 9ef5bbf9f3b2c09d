"""Private names of other libraries: one module has them, and nobody else.

A name that begins with one underscore is private to the module or the class that has it. Where one stands
after a dot, in a string or in an import, it must be the package's own. On ``self`` and ``cls`` it is,
where a class of the package binds it. Elsewhere it must not be in the table of
:mod:`kyoukai.private_names`, either: ``ctx._state`` is Asphalt's, whichever of our classes has a ``_state``.
What the rule cannot see, a class of ours that binds a name which its foreign base has, is looked up in the
classes themselves.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from .modules import Module, read_modules

HOME = "kyoukai.private_names"

DOCUMENTED = {
    "_asdict": "of every named tuple",
    "_current_frames": "of sys",
    "_exit": "of os",
    "_getframe": "of sys",
    "_value_": "of every member of an enumeration",
}
"""Names that are public in spite of the underscore: Python's documentation has them."""

INLINE: dict[str, frozenset[str]] = {
    # The path of every request, where one more function call is measured by the guard.
    "kyoukai.core.exchange.answer": frozenset({"_list", "_status"}),
    "kyoukai.core.exchange.closing": frozenset({"_on_close"}),
    "kyoukai.web.application": frozenset({"_state"}),
    "kyoukai.web.context": frozenset({"_loop"}),
    "kyoukai.web.wrappers": frozenset({"_cached_data", "_cached_json", "_list", "_parsed_content_type"}),
}
"""The modules that read such names themselves, and exactly which."""

OVERRIDDEN: dict[str, frozenset[str]] = {
    # Each stands in for a constructor that does more: see their first lines.
    "kyoukai.web.context.HTTPRequestContext": frozenset(
        {
            "_loop",
            "_parent",
            "_resource_factories",
            "_resource_factories_by_context_attr",
            "_resources",
            "_state",
            "_teardown_callbacks",
        }
    ),
    "kyoukai.web.wrappers.Request": frozenset({"_cached_data", "_cached_json", "_get_file_stream"}),
    "kyoukai.web.wrappers.Response": frozenset({"_on_close", "_status", "_status_code"}),
}
"""The classes that bind private names of the foreign classes that they extend, and exactly which."""

ENDINGS = ("endswith", "removesuffix")
"""Methods whose argument is the end of a name."""


def is_private(name: object) -> bool:
    """Return whether a name begins with an underscore, and is no magic name."""
    return isinstance(name, str) and name.isidentifier() and name[0] == "_" != name and name[-2:] != "__"


def bound_names(tree: ast.AST) -> set[str]:
    """Return the private names that the classes in ``tree`` bind: methods, attributes, slots."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            names |= {name for statement in node.body for name in _bound_by(statement)}
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and _is_own(node.value):
            names.add(node.attr)
    return {name for name in names if is_private(name)}


def _bound_by(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield statement.name
    elif isinstance(statement, ast.Assign | ast.AnnAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        yield from (target.id for target in targets if isinstance(target, ast.Name))
        if any(isinstance(target, ast.Name) and target.id == "__slots__" for target in targets):
            yield from (str(node.value) for node in ast.walk(statement) if isinstance(node, ast.Constant))


def _is_own(value: ast.expr) -> bool:
    return ast.unparse(value) in ("self", "cls", "super()")


def used_names(module: Module) -> Iterator[tuple[str, int, bool]]:
    """Yield each private name that a module has after a dot, in a string or from an import of another's.

    :return: the name, the line, and whether it is on ``self`` or ``cls``.
    """
    package = module.name.partition(".")[0]
    others: set[ast.AST] = set()
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ClassDef):
            slots = [statement for statement in node.body if "__slots__" in _bound_by(statement)]
            others |= {inner for statement in slots for inner in ast.walk(statement)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ENDINGS:
            others.update(node.args)
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            yield node.attr, node.lineno, _is_own(node.value)
        elif isinstance(node, ast.Constant) and is_private(node.value) and node not in others:
            yield str(node.value), node.lineno, False
        elif isinstance(node, ast.ImportFrom) and not node.level:
            is_foreign = (node.module or "").partition(".")[0] != package
            yield from (
                (name.name, node.lineno, False) for name in node.names if is_foreign and is_private(name.name)
            )


def wrong_names(root: Path, table: set[str], inline: Mapping[str, frozenset[str]]) -> list[str]:
    """Return the places with another library's private name, and what ``inline`` says too much.

    :param root: the package's directory.
    :param table: the names that libraries are known to have.
    :param inline: the names that a module may have itself.
    """
    modules = read_modules(root)
    own = {name for module in modules.values() for name in bound_names(module.tree)}
    found: list[str] = []
    unused = {f"{module} does not need {name}" for module, names in inline.items() for name in names}
    for module in modules.values():
        if module.name == HOME:
            continue
        for name, line, is_self in used_names(module):
            if name in DOCUMENTED or (name in own and (is_self or name not in table)):
                continue
            if name in inline.get(module.name, ()):
                unused.discard(f"{module.name} does not need {name}")
            else:
                found.append(f"{module.name}:{line} has {name}")
    return found + sorted(unused)


def overridden_names(classes: Iterable[type]) -> dict[str, frozenset[str]]:
    """Return by class which private names it binds that a base of another library has, too."""
    found = {}
    for kind in classes:
        package = kind.__module__.partition(".")[0]
        foreign: set[str] = set()
        for base in kind.__mro__:
            if base.__module__.partition(".")[0] != package:
                foreign |= {name for name in vars(base) if is_private(name)} | _bound_in_source(base)
        if names := _bound_in_source(kind) & foreign:
            found[f"{kind.__module__}.{kind.__qualname__}"] = frozenset(names)
    return found


def _bound_in_source(kind: type) -> set[str]:
    try:
        source = inspect.getsource(kind)
    except (OSError, TypeError):
        return set()  # A class written in C, or made by a function.
    return bound_names(ast.parse(textwrap.dedent(source)))

"""The modules of a package, read and not imported, and what each of them imports."""

import ast
import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Module(NamedTuple):
    """One module of the package, parsed."""

    name: str
    is_package: bool
    tree: ast.Module
    lines: int


def read_modules(root: Path) -> dict[str, Module]:
    """Return the modules of the package in the directory ``root``, by their full names."""
    modules = {}
    for path in sorted(root.rglob("*.py")):
        parts = [root.name, *path.relative_to(root).with_suffix("").parts]
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        text = path.read_text(encoding="utf-8")
        modules[name] = Module(name, is_package, ast.parse(text, str(path)), len(text.splitlines()))
    return modules


def imported(module: Module, known: dict[str, Module]) -> Iterator[tuple[str, int]]:
    """Yield the full name of everything that a module imports, and the line."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = absolute(module, node)
            for alias in node.names:
                # from package import module
                full = f"{base}.{alias.name}"
                yield (full if full in known else base), node.lineno
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = ast.unparse(node.func).rpartition(".")[2]
            name = node.args[0].value
            if function in ("import_module", "__import__") and isinstance(name, str):
                yield name, node.lineno


def absolute(module: Module, node: ast.ImportFrom) -> str:
    """Return the full name of what ``from ... import`` names."""
    if not node.level:
        return node.module or ""
    package = module.name.split(".")
    package = package[: len(package) - node.level + module.is_package]
    return ".".join([*package, node.module] if node.module else package)


def package_classes(root: Path) -> list[type]:
    """Return the classes that the modules of the package in ``root``, which can be imported, have."""
    found = []
    for name in read_modules(root):
        module = importlib.import_module(name)
        found += [
            kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == name
        ]
    return found

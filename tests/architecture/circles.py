"""Circles of imports: modules that cannot be read or tested one without the other.

Imports inside of functions and imports for annotations count: a reader follows them as well.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from .modules import imported, read_modules

ALLOWED: dict[frozenset[str], str] = {}
"""Circles that there may be, each with its reason. There is none: put what two modules share below both."""


def import_graph(root: Path) -> dict[str, set[str]]:
    """Return which modules of the package in ``root`` each of them imports."""
    modules = read_modules(root)
    graph: dict[str, set[str]] = {}
    for module in modules.values():
        targets = set()
        for name, _ in imported(module, modules):
            while name and name not in modules:  # The name of what is in the module.
                name = name.rpartition(".")[0]
            targets.add(name)
        graph[module.name] = targets - {module.name, ""}
    return graph


def circles(graph: Mapping[str, set[str]]) -> Iterator[frozenset[str]]:
    """Yield the sets of modules of which each leads to each other one (R. E. Tarjan, 1972)."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(name: str) -> Iterator[frozenset[str]]:
        order[name] = lowest[name] = len(order)
        path.append(name)
        for target in sorted(graph[name]):
            if target not in order:
                yield from visit(target)
                lowest[name] = min(lowest[name], lowest[target])
            elif target in path:
                lowest[name] = min(lowest[name], order[target])
        if lowest[name] == order[name]:
            start = path.index(name)
            members = frozenset(path[start:])
            del path[start:]
            if len(members) > 1:
                yield members

    for name in sorted(graph):
        if name not in order:
            yield from visit(name)


def wrong_circles(root: Path, allowed: Mapping[frozenset[str], str]) -> list[str]:
    """Return a line for each circle that is not allowed, and for each allowed one that is not there."""
    graph = import_graph(root)
    found = set(circles(graph))
    lines = []
    for members in found - set(allowed):
        imports = [f"{name} imports {', '.join(sorted(graph[name] & members))}" for name in sorted(members)]
        lines.append(f"a circle of {len(members)} modules: {'; '.join(imports)}")
    lines += [f"no circle any more: {', '.join(sorted(members))}" for members in set(allowed) - found]
    return sorted(lines)

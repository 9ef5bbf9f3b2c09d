"""How large classes are, counted over all that they inherit from classes of the package.

A class that is split into a ladder of bases is as large as before: what may change an attribute is every
rung. So the attributes of all rungs count, and the rungs.
"""

import ast
import enum
import inspect
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple, is_typeddict

MAX_ATTRIBUTES = 15

MAX_RUNGS = 3


class Size(NamedTuple):
    """The size of a class."""

    attributes: int
    """Attributes of its objects: assigned on ``self``, in slots, or in the class's body as data."""
    rungs: int
    """The class itself, and the classes of the package that it derives from."""


ERROR_TREE = "one tree of errors, from which a caller catches as much as it likes"

FACE = "a connection: its transport's side, and one attribute for each of its parts"

CORE: dict[str, tuple[Size, str]] = {
    "kyoukai.backends.h2_.connection.H2ServerConnection": (Size(33, 3), FACE),
    "kyoukai.backends.h2_.exchange.H2Exchange": (
        Size(32, 3),
        "nineteen of every exchange, and thirteen: the two halves of a stream",
    ),
    "kyoukai.backends.httptools_.protocol.KyoukaiProtocol": (Size(26, 3), FACE),
    "kyoukai.backends.reference.protocol.KyoukaiProtocol": (Size(26, 3), FACE),
    "kyoukai.core.connection.connection.Connection": (Size(21, 1), "its address, its transport, its end"),
    "kyoukai.core.connection.exchanges.ExchangeConnection": (Size(22, 2), "a connection, and its exchanges"),
    "kyoukai.core.exchange.exchange.Exchange": (Size(19, 2), "fifteen, and four that few exchanges have"),
    "kyoukai.core.http1.exchange.HTTP1Exchange": (Size(20, 3), "seventeen of every exchange"),
    "kyoukai.core.http1.protocol.HTTPProtocol": (Size(26, 2), FACE),
    "kyoukai.core.serving.server_state.Server": (Size(27, 1), "limits, clock, logs and connections in one"),
}

CALLED = "of every exchange, and what its server has called it with"

LARGER: dict[str, tuple[Size, str]] = CORE | {
    "kyoukai.asgi.export.called.CalledExchange": (Size(26, 3), CALLED),
    "kyoukai.asgi.export.exchange.ASGIExchange": (Size(28, 4), CALLED),
    "kyoukai.asgi.export.websocket.ASGIWebSocketExchange": (Size(28, 4), CALLED),
    "kyoukai.core.errors.BackendConflictError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.BackendListError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.BackendLoadError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.BackendOptionError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.BackendVersionError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.NotABackendError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.errors.UnknownBackendError": (Size(0, 4), ERROR_TREE),
    "kyoukai.core.http1.parser_errors.Disagreement": (Size(5, 4), ERROR_TREE),
    "kyoukai.web.application.Kyoukai": (
        Size(19, 3),
        "nine of a node in the tree of blueprints, and the eight public settings of an application",
    ),
    "kyoukai.web.mounted_exchange.MountedExchange": (Size(27, 3), CALLED),
    "kyoukai.web.route.Route": (
        Size(18, 1),
        "what a route declares, two that say which kind it is, and what observers leave",
    ),
    "kyoukai.web.websocket_route.WebSocketRoute": (Size(21, 2), "a route, and what WebSockets need of it"),
    "kyoukai.websocket.connection.WebSocketConnection": (
        Size(33, 2),
        "twenty-one of every connection, and twelve: its two directions, its end and their parts",
    ),
    "kyoukai.web.harness.TestKyoukai": (Size(22, 4), "an application as Kyoukai 2 had it: a subclass"),
}
"""The classes that are larger, each with its exact size and the reason, so that none can grow unseen."""


def rungs(kind: type) -> list[type]:
    """Return the classes of the same package in the ladder of a class, itself first."""
    package = kind.__module__.partition(".")[0]
    return [base for base in kind.__mro__ if base.__module__.partition(".")[0] == package]


def size_of(kind: type) -> Size:
    """Return the size of a class."""
    ladder = rungs(kind)
    names = {name for rung in ladder for name in _data_of(rung)}
    methods = {name for rung in ladder for name, value in vars(rung).items() if _is_code(value)}
    return Size(len(names - methods), len(ladder))


def _is_code(value: object) -> bool:
    # A property that is assigned to is no attribute besides the one that it keeps the value in.
    return isinstance(value, property | staticmethod | classmethod) or inspect.isroutine(value)


def _data_of(kind: type) -> Iterator[str]:
    """Yield the names of the attributes that one class alone has."""
    if issubclass(kind, enum.Enum) or is_typeddict(kind):
        return  # Members and keys: none is an attribute of an object.
    yield from getattr(kind, "_fields", ())
    try:
        [tree] = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    except (OSError, TypeError):
        return  # Made by a function: it has no text.
    for statement in tree.body if isinstance(tree, ast.ClassDef) else ():
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    yield from _slots_of(kind) if target.id == "__slots__" else (target.id,)
        elif isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from (
                node.attr
                for node in ast.walk(statement)
                if isinstance(node, ast.Attribute)
                and isinstance(node.ctx, ast.Store)
                and ast.unparse(node.value) == "self"
            )


def _slots_of(kind: type) -> Iterable[str]:
    slots: str | Iterable[str] = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else slots


def too_large(classes: Iterable[type], larger: Mapping[str, tuple[Size, str]]) -> list[str]:
    """Return a line for each class that is larger than it may be, and for each exception that is wrong."""
    found = []
    unused = set(larger)
    for kind in classes:
        name = f"{kind.__module__}.{kind.__qualname__}"
        size = size_of(kind)
        unused.discard(name)
        is_large = size.attributes > MAX_ATTRIBUTES or size.rungs > MAX_RUNGS
        if name in larger and larger[name][0] != size:
            found.append(f"{name} has {size}, and is allowed {larger[name][0]}")
        elif is_large and name not in larger:
            found.append(f"{name} has {size}")
        elif name in larger and not is_large:
            found.append(f"{name} needs no exception")
    return found + [f"{name} is no class any more" for name in sorted(unused)]

"""The pages of the reference: their names, the examples of these, and whose docstrings are printed.

A page in docs/reference/api has a directive of Sphinx for each name. The example of a name is a file of
examples/reference, printed after the name's docstring.
"""

import ast
import functools
import importlib
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PAGES: Final = ROOT / "docs" / "reference" / "api"
EXAMPLES: Final = ROOT / "examples" / "reference"

DIRECTIVE: Final = re.compile(r"(?m)^\.\. (?:auto(?:class|function|exception)|data):: (kyoukai\.\S+)$")

HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")

SHARED: Final = {
    "kyoukai.BackendError": "backend_option_error",
    "kyoukai.ConfigurationError": "kyoukai_error",
    "kyoukai.ExchangeConnection": "exchange",
    "kyoukai.HTTP1_FEATURES": "feature",
    "kyoukai.HTTPProtocol": "http1_backend",
    "kyoukai.Kyoukai": "application",
    "kyoukai.RequestParser": "http1_backend",
    "kyoukai.ServerComponent": "backend",
    "kyoukai.after_request": "request_hooks",
    "kyoukai.after_serving": "serving_hooks",
    "kyoukai.asphalt.ConnectionLostEvent": "connection_events",
    "kyoukai.asphalt.ConnectionMadeEvent": "connection_events",
    "kyoukai.asphalt.RouteCompletedEvent": "route_events",
    "kyoukai.asphalt.RouteInvokedEvent": "route_events",
    "kyoukai.asphalt.RouteMatchedEvent": "route_events",
    "kyoukai.backends.reference.RequestParser": "reference_parser",
    "kyoukai.before_request": "request_hooks",
    "kyoukai.before_serving": "serving_hooks",
    "kyoukai.last_event_id": "event_stream",
    "kyoukai.read_content": "exchange_application",
    "kyoukai.send_answer": "exchange_application",
    "kyoukai.start_answer": "answer_stream",
    "kyoukai.testing.Action": "cuttings",
    "kyoukai.testing.Answer": "read_answers",
    "kyoukai.testing.Case": "load_corpus",
    "kyoukai.testing.Cutting": "cuttings",
    "kyoukai.testing.Expected": "load_corpus",
    "kyoukai.testing.Outcome": "read_outcome",
    "kyoukai.testing.RecordingApplication": "converse_by_socket",
    "kyoukai.testing.Reply": "converse_by_socket",
    "kyoukai.testing.Report": "run_rules",
    "kyoukai.testing.Rule": "load_rules",
    "kyoukai.testing.RuleResult": "run_rules",
    "kyoukai.testing.Seen": "converse_by_socket",
    "kyoukai.testing.TestKyoukai": "kyoukai_2_tests",
    "kyoukai.testing.UnsayableError": "wire_adapter",
    "kyoukai.testing.WireAnswer": "wire_adapter",
    "kyoukai.testing.WireDifference": "wire_adapter",
    "kyoukai.testing.WireRequest": "wire_adapter",
    "kyoukai.testing.faults": "converse",
    "kyoukai.testing.serving": "converse",
    "kyoukai.web.Route": "route_class",
    "kyoukai.web.route_group.websocket": "websocket_method",
    "kyoukai.while_serving": "serving_hooks",
}
"""The examples that are not named like the one thing that they show."""

CONSTANTS: Final = {
    "kyoukai.API_VERSION": "The version of the contract that this release speaks.",
    "kyoukai.HTTP1_FEATURES": "The features of every backend that derives from `HTTPProtocol`.",
}
"""What has no docstring of its own."""


def names(page: Path) -> list[str]:
    """Return the full names on a page, in its order."""
    return DIRECTIVE.findall(page.read_text("utf-8"))


@functools.cache
def pages() -> dict[Path, list[str]]:
    """Return the pages of the reference, in the order of their table of contents, and their names."""
    contents = (PAGES.parent / "api.md").read_text("utf-8")
    listed = [PAGES / f"{stem}.md" for stem in re.findall(r"(?m)^api/(\S+)$", contents)]
    return {page: names(page) for page in listed}


def example_of(name: str) -> Path:
    """Return the file of the example of a name."""
    stem = SHARED.get(name) or HUMP.sub("_", name.rpartition(".")[2]).lower()
    return EXAMPLES / f"{stem}.py"


def shown_at(name: str) -> str:
    """Return the name after whose docstring the example of a name is printed: the first that shares it."""
    example = example_of(name)
    sharing = [other for listed in pages().values() for other in listed if example_of(other) == example]
    return next((other for other in sharing if other not in CONSTANTS), name)


def find(name: str) -> Any:
    """Return the object of a full name."""
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def summary(name: str) -> str:
    """Return the first sentence of a docstring, in Markdown."""
    if name in CONSTANTS:
        return CONSTANTS[name]
    first = re.split(r"\n\n|(?<=\.)\s", inspect.cleandoc(find(name).__doc__), maxsplit=1)[0]
    text = re.sub(r":\w+:`[~!]?(?:[^`<]*<)?(?:[^`]*\.)?(\w+)>?`", r"`\1`", re.sub(r"\s+", " ", first))
    return re.sub(r"``(.*?)``", r"`\1`", text).rstrip(":")


def link(name: str, *, short: bool = True) -> str:
    """Return a reference to a name, for MyST."""
    domain = "data" if name in CONSTANTS else "obj"
    return f"{{py:{domain}}}`{'~' if short else ''}{name}`"


def page_table(stem: str) -> tuple[tuple[str, ...], Iterable[Iterable[str]]]:
    """Return the table of a page: each name, and what it is."""
    return ("name", "what it is"), [(link(name), summary(name)) for name in names(PAGES / f"{stem}.md")]


def index_table() -> tuple[tuple[str, ...], Iterable[Iterable[str]]]:
    """Return the table of all pages, and the names on each."""
    rows = []
    for page, listed in pages().items():
        title = re.findall("(?m)^# (.*)$", page.read_text("utf-8"))[0]
        rows.append((f"[{title}](api/{page.name})", ", ".join(map(link, listed))))
    return ("page", "names"), rows


TABLES: Final = {
    "api": index_table,
    **{f"api-{page.stem}": functools.partial(page_table, page.stem) for page in sorted(PAGES.glob("*.md"))},
}


def docstrings(tree: ast.Module) -> Iterator[str]:
    """Yield each docstring of a module, those below assignments included."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        for statement in body if isinstance(body, list) else ():
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                text = statement.value.value
                if isinstance(text, str):
                    yield inspect.cleandoc(text).strip()


@functools.cache
def own_docstrings() -> frozenset[str]:
    """Return every docstring of the package."""
    trees = (ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "kyoukai").rglob("*.py")))
    return frozenset(text for tree in trees for text in docstrings(tree))


def is_own(text: str) -> bool:
    """Return whether a printed docstring is one of the package's; an empty one is."""
    text = inspect.cleandoc(text).strip()
    return not text or text in own_docstrings()


def print_example(name: str, lines: list[str]) -> None:
    """Append its example to the docstring of a name, or where that is."""
    place = shown_at(name)
    if place == name:
        example = example_of(name)
        code = [f"   {line}" for line in example.read_text("utf-8").splitlines()]
        caption = f"   :caption: {example.relative_to(ROOT)}"
        lines += ["", ".. code-block:: python", caption, "", *code, ""]
    else:
        lines += ["", f"For an example see :py:obj:`~{place}`.", ""]

"""The pytest plugin: a test client for applications, and a summary of backend tests.

pytest imports this module in every run where Kyoukai is installed. So the module imports nothing from
Kyoukai until a test asks for the fixture. The summary counts which rules of the contract each backend keeps.
It reads properties that :class:`kyoukai.testing.BackendSuite` attaches to its tests.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from kyoukai.test_client import BlockingClient

PROPERTY: Final = "kyoukai"
LEVELS: Final = ("required", "optional", "untestable")
RANK: Final = ("untestable", "inapplicable", "unchecked", "kept", "broken")
"""Outcomes from weakest to strongest: a rule with several tests gets the last one that any test had."""

Outcomes = dict[str, dict[str, tuple[str, str]]]


@pytest.fixture
def kyoukai_client() -> "Iterator[Callable[..., BlockingClient]]":
    """Return a function that starts an application and returns a client for it.

    ``kyoukai_client(app)`` calls the application in this process, and
    ``kyoukai_client(app, backend="httptools")`` starts a server and uses sockets. The options are those
    of :class:`kyoukai.test_client.BlockingClient`. The application is stopped when the test ends.
    """
    from kyoukai.test_client import BlockingClient

    with contextlib.ExitStack() as stack:

        def start(app: Any, **options: Any) -> BlockingClient:
            return stack.enter_context(BlockingClient(app, **options))

        yield start


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write a few lines for each backend whose tests ran."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    outcomes = _collect(reports)
    if not outcomes:
        return
    terminalreporter.section("Kyoukai backends")
    for backend in sorted(outcomes):
        for line in _lines(backend, outcomes[backend]):
            terminalreporter.write_line(line)


def _collect(reports: list[Any]) -> Outcomes:
    """Return the level and the outcome of each rule, by backend."""
    outcomes: Outcomes = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name != PROPERTY or report.when != "call":
                continue
            backend, rule, level, outcome = value
            found = outcomes.setdefault(backend, {})
            before = found.get(rule, (level, RANK[0]))[1]
            found[rule] = (level, max(before, outcome, key=RANK.index))
    return outcomes


def _lines(backend: str, rules: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Yield the summary lines of one backend."""
    for level in LEVELS:
        names = {rule: outcome for rule, (of, outcome) in rules.items() if of == level}
        if not names:
            continue
        counts = {kind: list(names.values()).count(kind) for kind in reversed(RANK)}
        text = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
        yield f"{backend}: {len(names)} {level} rules: {text}"
        broken = [rule for rule, outcome in names.items() if outcome == "broken"]
        if broken:
            yield f"{backend}: broken: {', '.join(sorted(broken))}"

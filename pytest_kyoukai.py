"""The plugin for pytest: a client for the tests of applications, and a summary for those of backends.

pytest imports it in every run of an environment with Kyoukai, so it imports nothing of that until a test
asks for it. What the summary counts, which rules of the contract each backend keeps, are properties that
:class:`kyoukai.testing.BackendSuite` has given to its tests.
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
"""A rule with several tests came to the last of these that one of them came to."""

Outcomes = dict[str, dict[str, tuple[str, str]]]


@pytest.fixture
def kyoukai_client() -> "Iterator[Callable[..., BlockingClient]]":
    """Return what starts an application and returns a client for it; the test's end stops it.

    ``kyoukai_client(app)`` calls it in the process, ``kyoukai_client(app, backend="httptools")`` asks a
    server by sockets. Further options are those of :class:`kyoukai.test_client.BlockingClient`.
    """
    from kyoukai.test_client import BlockingClient

    with contextlib.ExitStack() as stack:

        def start(app: Any, **options: Any) -> BlockingClient:
            return stack.enter_context(BlockingClient(app, **options))

        yield start


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Write a few lines for each backend, where the tests of one have run."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    outcomes = _collect(reports)
    if not outcomes:
        return
    terminalreporter.section("Kyoukai backends")
    for backend in sorted(outcomes):
        for line in _lines(backend, outcomes[backend]):
            terminalreporter.write_line(line)


def _collect(reports: list[Any]) -> Outcomes:
    """Return level and outcome of each rule of each backend."""
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
    """Return what is to be said of one backend."""
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

"""The summary of the corpus at the end of a run: one line for each backend.

Tests that run cases report them with ``record_property(PROPERTY, note(...))``, which pytest-xdist carries
from its workers. `tests/conftest.py` registers the hook by its name.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from kyoukai.testing.runner import summary

PROPERTY = "corpus"


def note(
    backend: str, levels: dict[str, str], conversations: int, not_kept: Sequence[str], *, by_socket: bool
) -> dict[str, Any]:
    """Return the report of one test on the cases that it ran.

    :param levels: the level of each case, by name.
    :param conversations: the number of conversations.
    :param not_kept: the names of the failed cases.
    """
    return {
        "backend": backend,
        "levels": levels,
        "conversations": conversations,
        "not_kept": list(not_kept),
        "by_socket": by_socket,
    }


def lines(notes: Iterable[dict[str, Any]]) -> list[str]:
    """Return the summary of the reports of all tests."""
    by_backend: dict[str, list[dict[str, Any]]] = {}
    for entry in notes:
        by_backend.setdefault(entry["backend"], []).append(entry)
    result = []
    for backend, entries in sorted(by_backend.items()):
        levels = {name: level for entry in entries for name, level in entry["levels"].items()}
        not_kept = sorted({name for entry in entries for name in entry["not_kept"]})
        counts = [
            sum(entry["conversations"] for entry in entries if entry["by_socket"] is by_socket)
            for by_socket in (False, True)
        ]
        words = f"{counts[0]:,} conversations" + (f" and {counts[1]:,} by socket" if counts[1] else "")
        result.append(summary(backend, list(levels.values()), words, not_kept))
    return result


def pytest_terminal_summary(terminalreporter: Any) -> None:
    notes = [
        value
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", None) == "call"
        for name, value in getattr(report, "user_properties", ())
        if name == PROPERTY
    ]
    for line in lines(notes):
        terminalreporter.write_line(line)

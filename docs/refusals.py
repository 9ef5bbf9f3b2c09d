"""What the pages say of refusals: the server's table, with the cases of the corpus for each, and its log."""

import logging
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

from kyoukai.core.refusals.entry import Refusal, flat
from kyoukai.core.refusals.table import GROUPS
from kyoukai.core.serving import refusal_log
from kyoukai.testing import load_corpus

MOST: Final = 8
"""Cases that are named of one refusal."""


def cases() -> dict[str, list[str]]:
    """Return the names of the cases that are refused for each identifier."""
    found = defaultdict(list)
    for case in load_corpus():
        if case.answers and case.answers[-1].refusal is not None:
            found[case.answers[-1].refusal].append(case.name)
    return found


def section(entry: Refusal, names: list[str]) -> Iterator[str]:
    """Yield the parts of the section of one refusal."""
    yield f"### {entry.identifier}"
    yield f"{entry.status or 'No answer'}: {entry.sentence}"
    for title, text in (
        ("Wrong", entry.wrong),
        ("Senders", entry.senders),
        ("Client", entry.client),
        ("Server", entry.server),
        ("Source", entry.source),
    ):
        if text:
            yield f"**{title}:** {flat(text)}"
    if names:
        more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
        listed = ", ".join(f"`{name}`" for name in names[:MOST])
        yield f"**Cases of [the corpus](corpus.md):** {listed}{more}"


def sections() -> str:
    """Return a section for each refusal, by group."""
    names = cases()
    parts = []
    for group in GROUPS:
        parts.append(f"## {group.title}")
        for entry in group.refusals:
            parts += section(entry, names[entry.identifier])
    return "\n\n".join(parts) + "\n"


def log_output() -> str:
    """Return the warnings about 38 refusals within a minute."""
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(  # type: ignore[method-assign]
        f"{record.levelname} {record.name}: {record.getMessage()}\n"
    )
    logger = refusal_log.logger
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        log = refusal_log.RefusalLog()
        for number in range(38):
            log.note("host-missing", "192.0.2.7", number)
        log.sweep(60)
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate
    return "".join(lines)

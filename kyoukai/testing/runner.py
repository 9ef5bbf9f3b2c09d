"""Run cases of the corpus against a backend, split in every way.

As a command: ``python -m kyoukai.testing.runner [--backend NAME] [--case SUBSTRING] [--whole]``. The exit
status is 1 if a case is not kept.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import click

from kyoukai.core.contract.registry import registrations

from .chunking import Cutting, cuttings, slow_cuttings, with_actions
from .conversation import PATIENCE, converse
from .corpus import LEVELS, Case, load_corpus
from .outcome import Outcome
from .servers import Servers
from .settings import SEED_VARIABLE, choose_seed
from .silence import silenced
from .subject import Subject
from .verdict import faults

__all__ = ("Result", "Stand", "faults", "run_case", "standing", "summary")

MAX_FAILURES: Final = 3
"""Failed conversations after which a case is given up; the rest would fail in the same way."""

LITTLE_PATIENCE: Final = 0.2
"""Timeout in seconds for an answer that did not arrive in an earlier conversation."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result of one case on one backend."""

    backend: str
    case: Case
    conversations: int
    failures: tuple[str, ...]
    """A text for each conversation in which the case was not kept."""


class Stand:
    """Runs the cases on one backend.

    :param backend: a registered name, or ``module:attribute``.
    """

    def __init__(self, backend: str, servers: Servers) -> None:
        self.backend = backend
        self.servers = servers

    async def play(self, case: Case, cutting: Cutting, *, patience: float = PATIENCE) -> Outcome:
        """Run one conversation."""
        component, ctx = await self.servers.get(self.backend, case.limits)
        return await converse(
            component,
            ctx,
            with_actions(cutting.pieces, case.pause_at, case.ending),
            reply=case.reply,
            turns=cutting.turns,
            answers=len(case.answers),
            closes=case.closed,
            patience=patience,
        )

    async def run(self, case: Case, seed: int, *, whole: bool = False) -> Result:
        """Run one case, split in every way; with ``whole``, in one piece only."""
        failures: list[str] = []
        count = 0
        tasks = asyncio.all_tasks()
        for cutting in case_cuttings(case, seed, whole=whole):
            self.servers.problems.clear()
            patience = LITTLE_PATIENCE if failures and not case.is_timed else PATIENCE
            outcome = await self.play(case, cutting, patience=patience)
            count += 1
            found = faults(case, outcome) + self.servers.problems
            if found:
                lines = [f"{case.name}, {self.backend}, {cutting.label} ({SEED_VARIABLE}={seed}):", *found]
                failures.append("\n    ".join([*lines, repr(outcome)]))
                if len(failures) == MAX_FAILURES:
                    break
        left = asyncio.all_tasks() - tasks
        if left:
            failures.append(f"{case.name}, {self.backend}: {len(left)} tasks are still running: {left}")
        return Result(self.backend, case, count, tuple(failures))


@asynccontextmanager
async def standing(backend: str) -> AsyncGenerator[Stand, None]:
    """Create a :class:`Stand`, and clean up at the end.

    :raises RuntimeError: if a component left a connection or a task behind.
    """
    tasks = asyncio.all_tasks()
    async with Servers() as servers:
        yield Stand(backend, servers)
    left = asyncio.all_tasks() - tasks
    if left:
        raise RuntimeError(f"the backend {backend!r} left tasks behind: {left}")


def case_cuttings(case: Case, seed: int, *, whole: bool = False) -> Iterator[Cutting]:
    """Yield the ways to send a case. The same seed splits the same case in the same ways."""
    generator = random.Random(f"{seed} {case.name}")  # noqa: S311 - not for security
    ways = (slow_cuttings if case.is_timed else cuttings)(case.data, generator)
    for cutting in ways:
        yield cutting
        if whole:
            return


def run_case(case: Case, backend: str, seed: int | None = None, *, whole: bool = False) -> Result:
    """Run one case in an event loop of its own; see :meth:`Stand.run`."""

    async def run() -> Result:
        async with standing(backend) as stand:
            return await stand.run(case, choose_seed() if seed is None else seed, whole=whole)

    return asyncio.run(run())


def summary(backend: str, levels: Sequence[str], conversations: str, not_kept: Sequence[str]) -> str:
    """Return a one-line summary of the cases on one backend.

    :param levels: the level of each case.
    :param conversations: how many conversations were run, as text.
    :param not_kept: the names of the cases that were not kept.
    """
    counts = Counter(levels)
    by_level = ", ".join(f"{counts[level]} {level}" for level in LEVELS)
    end = f"{len(not_kept)} not kept: {', '.join(not_kept)}" if not_kept else "all kept"
    return f"corpus, {backend}: {len(levels)} cases ({by_level}), {conversations}, {end}"


async def _run_all(backend: str, cases: Sequence[Case], seed: int, whole: bool) -> list[Result]:
    async with standing(backend) as stand:
        return [await stand.run(case, seed, whole=whole) for case in cases]


def _run_by_adapter(backend: str, cases: Sequence[Case], seed: int, whole: bool) -> bool:
    """Run the cases that a wire format other than HTTP/1 can carry; return whether some are not kept."""
    from .wire_runner import run_wire_corpus

    subject = Subject(backend)
    if subject.speechless is not None:
        click.echo(f"corpus, {backend}: {subject.speechless}")
        return True
    _ = subject.features
    report = asyncio.run(run_wire_corpus(subject, cases, seed, whole=whole))
    for case, failure in report.broken:
        click.echo(f"{failure}\n    why: {case.why}\n")
    levels = [case.level for case in cases if case.name not in report.untold]
    not_kept = [case.name for case, _ in report.broken]
    click.echo(summary(backend, levels, f"{report.conversations:,} conversations", not_kept))
    click.echo(f"    {len(report.untold)} concern HTTP/1 only")
    for what, names in report.differing.items():
        click.echo(f"    {len(names)} differ as declared by the adapter: {what}")
    return bool(not_kept)


@click.command()
@click.option(
    "--backend", "backends", multiple=True, help="Name of a backend to test; by default all installed ones."
)
@click.option("--case", "wanted", default="", help="Run only cases whose name contains this.")
@click.option("--whole", is_flag=True, help="Send each case in one piece only.")
@silenced()
def main(backends: tuple[str, ...], wanted: str, whole: bool) -> None:
    """Run the corpus, and print the cases that are not kept."""
    cases = [case for case in load_corpus() if wanted in case.name]
    seed = choose_seed()
    failed = False
    for backend in backends or [registration.name for registration in registrations()]:
        if not Subject(backend).is_http:
            failed = _run_by_adapter(backend, cases, seed, whole) or failed
            continue
        results = asyncio.run(_run_all(backend, cases, seed, whole))
        for result in results:
            for failure in result.failures:
                click.echo(f"{failure}\n    why: {result.case.why}\n")
        not_kept = [result.case.name for result in results if result.failures]
        count = sum(result.conversations for result in results)
        levels = [case.level for case in cases]
        click.echo(summary(backend, levels, f"{count:,} conversations", not_kept))
        failed = failed or bool(not_kept)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()

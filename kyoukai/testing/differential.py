"""Differential test: run generated conversations with every backend, and compare the outcomes.

The server itself decides where a message ends and whether it is refused; a parser has no say in it. This
test enforces that for every backend. :mod:`kyoukai.testing.comparison` describes what is compared. A
difference is a fault, unless :data:`DIFFERENCES` lists it with a reason.

As a command: ``python -m kyoukai.testing.differential --examples 200000 --seed 1 --jobs 2``. The command
uses a plain :class:`random.Random`, which is fast, and shrinks a difference by removing parts.
:mod:`kyoukai.testing.strategies` offers the same grammar to Hypothesis. Example ``n`` of a seed does not
depend on the other options. The exit status is 1 if anything differs.
"""

import asyncio
import logging
import multiprocessing
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, NamedTuple

import click

from kyoukai.core.contract.registry import registrations

from .comparison import SERVED, Comparison, Finding, Held, is_worded_alike
from .generation import cutting, example, whole
from .outcome import Outcome
from .servers import Servers
from .settings import choose_seed
from .silence import silenced
from .subject import Subject
from .wire_differential import run_wires

BATCH: Final = 500
"""Examples between two progress reports."""

MAX_SHRUNK: Final = 4
"""How many kinds of findings of a batch are shrunk, one example each; the others are only counted."""

MAX_SHOWN: Final = 20
"""How many findings are printed."""


class Difference(NamedTuple):
    """A known difference that is accepted."""

    pattern: re.Pattern[bytes]
    """Matches every conversation that shows this difference."""
    reason: str


DIFFERENCES: Final[tuple[Difference, ...]] = ()
"""Accepted differences. Currently none."""


@dataclass(slots=True)
class Tally:
    """Counts and findings for a number of examples."""

    examples: int = 0
    conversations: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    """How the conversations ended with the first backend, sent in one piece."""
    answers: Counter[str] = field(default_factory=Counter)
    """The answers' statuses, and the texts of refusals."""
    reworded: int = 0
    """Examples whose refusals differ in wording."""
    kept: Counter[str] = field(default_factory=Counter)
    """Accepted differences, by reason."""
    found: int = 0
    """All other differences."""
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    """One example of each kind of difference, shrunk, with the example's number."""

    def add(self, other: "Tally") -> None:
        """Add the counts and findings of other examples."""
        self.examples += other.examples
        self.conversations += other.conversations
        self.ends += other.ends
        self.answers += other.answers
        self.reworded += other.reworded
        self.kept += other.kept
        self.found += other.found
        for number, finding in other.findings:
            self.keep(number, finding)

    def keep(self, number: int, finding: Finding) -> None:
        """Keep a finding if it is the first or the smallest of its kind."""
        for place, (_, other) in enumerate(self.findings):
            if other.kind == finding.kind:
                if len(finding.conversation.data) < len(other.conversation.data):
                    self.findings[place] = (number, finding)
                return
        self.findings.append((number, finding))

    def note(self, held: Sequence[Held]) -> None:
        """Count one example."""
        outcome = held[0].outcome
        self.examples += 1
        self.ends[_end(outcome)] += 1
        for answer in outcome.answers:
            words = answer.content.partition(b"\n")[0].decode("latin-1")
            is_plain = answer.status != SERVED and words.startswith(str(answer.status))
            self.answers[words if is_plain else f"{answer.status}"] += 1
        self.reworded += not is_worded_alike(held)

    def lines(self) -> Iterator[str]:
        """Return the report, line by line."""
        yield f"{self.examples:,} examples, {self.conversations:,} conversations"
        for title, counter in (("conversations", self.ends), ("answers", self.answers), ("kept", self.kept)):
            yield from (f"  {title}: {count:>9,}  {name}" for name, count in counter.most_common())
        yield f"  refusals with different wording: {self.reworded:,}"
        yield f"  differences: {self.found:,}"


def kept_because(finding: Finding) -> str | None:
    """Return why a difference is accepted; ``None`` if it is a fault."""
    data = finding.conversation.data
    return next((known.reason for known in DIFFERENCES if known.pattern.search(data)), None)


def run(numbers: range, seed: int, backends: Sequence[str], *, strict: bool = False) -> Tally:
    """Run the conversations of these examples, in an event loop of its own.

    :param strict: also compare the texts of refusals.
    """
    return asyncio.run(_run(numbers, seed, backends, strict))


async def _run(numbers: range, seed: int, backends: Sequence[str], strict: bool) -> Tally:
    tally = Tally()
    kinds: set[object] = set()
    async with Servers() as servers:
        comparison = Comparison(backends, servers, strict=strict)
        for number in numbers:
            text, source = example(seed, number)
            held = await comparison.hold(text, [whole(text), cutting(source, text)])
            tally.note(held)
            finding = comparison.judge(text, held)
            if finding is None:
                continue
            reason = kept_because(finding)
            if reason is not None:
                tally.kept[reason] += 1
                continue
            tally.found += 1
            if finding.kind not in kinds and len(kinds) < MAX_SHRUNK:
                kinds.add(finding.kind)
                tally.keep(number, await comparison.shrink(finding))
        tally.conversations = comparison.count
    return tally


def _end(outcome: Outcome) -> str:
    statuses = [answer.status for answer in outcome.answers]
    served = statuses.count(SERVED)
    if not statuses:
        end = "nothing answered"
    elif served == len(statuses):
        end = "all served" if served == 1 else "several, all served"
    else:
        end = "some served, then refused" if served else "refused at once"
    return f"{end}, {'closed' if outcome.closed else 'open'}"


def _run_all(numbers: range, jobs: int, run_batch: "partial[Tally]") -> Iterator[Tally]:
    batches = [numbers[start : start + BATCH] for start in range(0, len(numbers), BATCH)]
    if jobs == 1:
        yield from map(run_batch, batches)
        return
    with multiprocessing.get_context("spawn").Pool(jobs, logging.disable) as pool:
        yield from pool.imap_unordered(run_batch, batches)


def _compare_wires(numbers: range, seed: int, wires: tuple[str, ...]) -> int:
    """Compare backends that do not speak HTTP/1 with the reference; return how many requests differ."""
    tally = run_wires(numbers, seed, wires)
    for finding in tally.findings[:MAX_SHOWN]:
        click.echo(f"\n{finding}")
    click.echo("\n".join(tally.lines()))
    return len(tally.findings)


@click.command()
@click.option("--examples", default=10_000, show_default=True, help="How many conversations to generate.")
@click.option("--seed", type=int, help="The random seed; by default a new one.")
@click.option("--first", default=0, show_default=True, help="Number of the first example.")
@click.option("--jobs", default=1, show_default=True, help="Number of processes.")
@click.option("--backend", "names", multiple=True, help="A backend to compare; by default all installed.")
@click.option("--strict", is_flag=True, help="Also compare the texts of refusals.")
@silenced()
def main(
    examples: int, seed: int | None, first: int, jobs: int, names: tuple[str, ...], strict: bool
) -> None:
    """Run generated conversations with every backend, and print what differs."""
    named = names or tuple(registration.name for registration in registrations())
    backends = tuple(name for name in named if Subject(name).is_http)
    wires = tuple(name for name in named if name not in backends)
    seed = choose_seed() if seed is None else seed
    click.echo(f"seed {seed}, examples {first} to {first + examples - 1}, backends {', '.join(named)}")
    numbers = range(first, first + examples)
    total = Tally()
    began = shown = time.monotonic()
    run_batch = partial(run, seed=seed, backends=backends, strict=strict)
    for tally in _run_all(numbers, jobs, run_batch) if backends else ():
        total.add(tally)
        now = time.monotonic()
        if now - shown >= 10:
            shown = now
            click.echo(f"{total.examples:,} examples, {now - began:.0f} s, {total.found} differences")
    for number, finding in total.findings[:MAX_SHOWN]:
        click.echo(f"\nexample {number}, shrunk:\n    {finding}")
    click.echo(f"\nseed {seed}, {time.monotonic() - began:.0f} s: " + "\n".join(total.lines()))
    differing = _compare_wires(numbers, seed, wires) if wires else 0
    sys.exit(1 if total.found + differing else 0)


if __name__ == "__main__":
    main()

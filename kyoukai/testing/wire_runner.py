"""Running the corpus by an adapter: which cases a wire can say, and whether they are kept."""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from asphalt.core import Context

from kyoukai.asphalt import KyoukaiComponent
from kyoukai.core.features import Feature

from .adapter import UnsayableError, WireDifference
from .corpus import Case
from .servers import Servers
from .settings import SEED_VARIABLE
from .subject import Subject
from .telling import UntoldError
from .wire_conversation import AT_ONCE, Way, WireOutcome, tell
from .wire_corpus import Telling, difference_faults, difference_of, tellings, wire_faults

__all__ = ("WireReport", "WireStand", "run_wire_corpus", "ways")

RANDOM_WAYS: Final = 1


@dataclass(slots=True)
class WireReport:
    """What came of the corpus on one wire."""

    kept: list[str] = field(default_factory=list)
    """The names of the cases that are."""
    untold: dict[str, str] = field(default_factory=dict)
    """Those that the wire cannot say, and what they are about."""
    differing: dict[str, list[str]] = field(default_factory=dict)
    """What a difference is about, and the names of the cases that end otherwise by it."""
    broken: list[tuple[Case, str]] = field(default_factory=list)
    """The cases that are not kept, and the first conversation of each that says so."""
    unshown: list[str] = field(default_factory=list)
    """What the differences are about that the adapter declares, and that no case shows."""
    conversations: int = 0


class WireStand:
    """Where the corpus runs on one wire.

    :param subject: the backend; its adapter is known.
    """

    def __init__(self, subject: Subject, servers: Servers) -> None:
        adapter = subject.adapter
        if adapter is None:
            raise RuntimeError(f"the wire of {subject.name!r} is not known")
        self.adapter = adapter
        self.name = subject.name
        self.chunked = Feature.TRAILERS in subject.features
        self.continues = Feature.EXPECT_CONTINUE in subject.features
        self.servers = servers

    async def served(self, limits: Mapping[str, Any]) -> tuple[KyoukaiComponent, Context]:
        """Return what serves with these limits."""
        return await self.servers.get(self.name, limits)

    async def run(self, case: Case, seed: int, report: WireReport, *, whole: bool = False) -> None:
        """Tell the requests of one case, in several ways."""
        try:
            told = tellings(case, chunked=self.chunked)
            if not self.continues:
                told = [replace(telling, continued=None) for telling in told]
            outcomes = [
                (telling, way, await self._tell(case, telling, way))
                for telling in told
                for way in ways(f"{seed} {case.name}", whole=whole or case.is_timed)
            ]
        except (UntoldError, UnsayableError) as reason:
            report.untold[case.name] = str(reason)
            return
        report.conversations += len(outcomes)
        failures = []
        is_kept = True
        for telling, way, outcome in outcomes:
            difference = difference_of(self.adapter, telling.request)
            if difference is not None:
                faults = difference_faults(difference, outcome)
                if wire_faults(telling, outcome):
                    is_kept = False
                    _note(report, difference, case)
            else:
                faults = wire_faults(telling, outcome)
            if faults:
                lines = [f"{case.name}, {self.name}, {way.label} ({SEED_VARIABLE}={seed}):", *faults]
                failures.append("\n    ".join([*lines, str(telling.request)[:1000], str(outcome)]))
        if failures:
            report.broken.append((case, failures[0]))
        elif is_kept:
            report.kept.append(case.name)

    async def _tell(self, case: Case, telling: Telling, way: Way) -> WireOutcome:
        component, ctx = await self.served(case.limits)
        self.servers.problems.clear()
        outcome = await tell(
            component,
            ctx,
            self.adapter,
            telling.request,
            way=way,
            reply=case.reply,
            waits=telling.expected is not None,
        )
        if self.servers.problems:
            raise RuntimeError(f"{case.name}, {way.label}: {self.servers.problems[0]}")
        return outcome


def _note(report: WireReport, difference: WireDifference, case: Case) -> None:
    cases = report.differing.setdefault(difference.what, [])
    if case.name not in cases:
        cases.append(case.name)


def ways(seed: str, *, whole: bool = False) -> Iterator[Way]:
    """Yield the ways to tell a request. The same seed cuts the same request in the same ways.

    :param whole: whether it is cut in none.
    """
    yield AT_ONCE
    if whole:
        return
    yield Way("byte by byte", single=True)
    for number in range(RANDOM_WAYS):
        yield Way(f"random {number + 1}", random.Random(f"{seed} {number}"))  # noqa: S311 - nothing is secret


async def run_wire_corpus(
    subject: Subject, cases: Sequence[Case], seed: int, *, whole: bool = False
) -> WireReport:
    """Run cases by the subject's adapter.

    :param whole: whether each request is told at once only.
    """
    report = WireReport()
    async with Servers() as servers:
        stand = WireStand(subject, servers)
        for case in cases:
            await stand.run(case, seed, report, whole=whole)
        declared = [known.what for known in stand.adapter.differences]
    report.unshown = [what for what in declared if what not in report.differing]
    return report

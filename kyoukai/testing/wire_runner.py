"""Run the corpus through an adapter: find the cases that a wire format can carry, and check them."""

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
    """The result of the corpus on one wire format."""

    kept: list[str] = field(default_factory=list)
    """Names of the cases that are kept."""
    untold: dict[str, str] = field(default_factory=dict)
    """Cases that the wire format cannot carry, with what they are about."""
    differing: dict[str, list[str]] = field(default_factory=dict)
    """For each declared difference, the names of the cases whose outcome it changes."""
    broken: list[tuple[Case, str]] = field(default_factory=list)
    """Cases that are not kept, with the first failing conversation of each."""
    unshown: list[str] = field(default_factory=list)
    """Declared differences that no case shows."""
    conversations: int = 0


class WireStand:
    """Runs the corpus on one wire format.

    :param subject: the backend, whose adapter must be known.
    """

    def __init__(self, subject: Subject, servers: Servers) -> None:
        adapter = subject.adapter
        if adapter is None:
            raise RuntimeError(f"no adapter is known for the wire format of {subject.name!r}")
        self.adapter = adapter
        self.name = subject.name
        self.chunked = Feature.TRAILERS in subject.features
        self.continues = Feature.EXPECT_CONTINUE in subject.features
        self.servers = servers

    async def served(self, limits: Mapping[str, Any]) -> tuple[KyoukaiComponent, Context]:
        """Return a component and context that serve with these limits."""
        return await self.servers.get(self.name, limits)

    async def run(self, case: Case, seed: int, report: WireReport, *, whole: bool = False) -> None:
        """Send the requests of one case in several ways."""
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
    """Yield the ways to send a request. The same seed splits the same request in the same ways.

    :param whole: yield only the unsplit way.
    """
    yield AT_ONCE
    if whole:
        return
    yield Way("byte by byte", single=True)
    for number in range(RANDOM_WAYS):
        yield Way(f"random {number + 1}", random.Random(f"{seed} {number}"))  # noqa: S311 - not for security


async def run_wire_corpus(
    subject: Subject, cases: Sequence[Case], seed: int, *, whole: bool = False
) -> WireReport:
    """Run cases through the subject's adapter.

    :param whole: send each request at once only.
    """
    report = WireReport()
    async with Servers() as servers:
        stand = WireStand(subject, servers)
        for case in cases:
            await stand.run(case, seed, report, whole=whole)
        declared = [known.what for known in stand.adapter.differences]
    report.unshown = [what for what in declared if what not in report.differing]
    return report

"""Running the corpus by an adapter: which cases a wire can say, and whether they are kept."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from kyoukai.core.features import Feature

from .adapter import UnsayableError, WireDifference
from .conversation import serving
from .corpus import Case
from .settings import SEED_VARIABLE
from .subject import Subject
from .telling import UntoldError
from .wire_conversation import AT_ONCE, Way, WireOutcome, tell
from .wire_corpus import Telling, difference_faults, difference_of, tellings, wire_faults

__all__ = ("WireReport", "WireStand", "run_wire_corpus", "wire_standing", "ways")

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
    """Where the corpus runs on one wire: a component for each set of limits, made once and kept.

    :param subject: the backend; its adapter is known.
    :param stack: what ends the components.
    """

    def __init__(self, subject: Subject, stack: AsyncExitStack) -> None:
        adapter = subject.adapter
        if adapter is None:
            raise RuntimeError(f"the wire of {subject.name!r} is not known")
        self.adapter = adapter
        self.name = subject.name
        self.chunked = Feature.TRAILERS in subject.features
        self.continues = Feature.EXPECT_CONTINUE in subject.features
        self.problems: list[str] = []
        self._stack = stack
        self._components: dict[tuple[tuple[str, Any], ...], Any] = {}

    async def served(self, limits: Sequence[tuple[str, Any]]) -> Any:
        """Return what serves with these limits."""
        key = tuple(sorted(limits))
        if key not in self._components:
            serve = serving(self.name, dict(limits))
            self._components[key] = await self._stack.enter_async_context(serve)
        return self._components[key]

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
        component, ctx = await self.served([*case.limits.items()])
        self.problems.clear()
        outcome = await tell(
            component,
            ctx,
            self.adapter,
            telling.request,
            way=way,
            reply=case.reply,
            waits=telling.expected is not None,
        )
        if self.problems:
            raise RuntimeError(f"{case.name}, {way.label}: {self.problems[0]}")
        return outcome

    def note_problem(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what the event loop would have logged."""
        self.problems.append(
            f"the event loop was told: {context.get('message')}: {context.get('exception')!r}"
        )


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


@asynccontextmanager
async def wire_standing(subject: Subject) -> AsyncGenerator[WireStand, None]:
    """Make a :class:`WireStand`, and let go of all of it at the end."""
    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    async with AsyncExitStack() as stack:
        stand = WireStand(subject, stack)
        loop.set_exception_handler(stand.note_problem)
        stack.callback(loop.set_exception_handler, handler)
        yield stand


async def run_wire_corpus(
    subject: Subject, cases: Sequence[Case], seed: int, *, whole: bool = False
) -> WireReport:
    """Run cases by the subject's adapter.

    :param whole: whether each request is told at once only.
    """
    report = WireReport()
    async with wire_standing(subject) as stand:
        for case in cases:
            await stand.run(case, seed, report, whole=whole)
        declared = [known.what for known in stand.adapter.differences]
    report.unshown = [what for what in declared if what not in report.differing]
    return report

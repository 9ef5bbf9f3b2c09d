"""K9: the corpus on HTTP/1 and on other wire formats, and the comparison with the backend ``reference``."""

import asyncio
from typing import Final

from ..comparison import Comparison
from ..corpus import Case, load_corpus
from ..differential import kept_because
from ..generation import cutting, example, whole
from ..runner import standing
from ..servers import Servers
from ..settings import choose_seed, example_count
from ..subject import Subject
from ..wire_runner import run_wire_corpus
from . import NotApplicable, RuleBroken, check

REFERENCE: Final = "reference"

FEATURES: Final = {
    "Chunked": "chunked",
    "Expect": "expect-continue",
    "Pipelining": "pipelining",
    "Trailers": "trailers",
}
"""Groups of cases that need a feature."""


def why_case_skipped(subject: Subject, case: Case) -> str | None:
    """Return why a case does not apply to this backend; ``None`` if it does."""
    feature = FEATURES.get(case.group)
    if feature is not None and feature not in subject.features:
        return f"the backend does not claim the feature {feature!r}"
    return None


async def _run(subject: Subject, level: str) -> None:
    """Run all cases of one level."""
    seed = choose_seed()
    broken = []
    cases = [
        case for case in load_corpus() if case.level == level and why_case_skipped(subject, case) is None
    ]
    async with standing(subject.name) as stand:
        for case in cases:
            result = await stand.run(case, seed, whole=subject.whole)
            if result.failures:
                broken.append((case, result.failures[0]))
            await asyncio.sleep(0)
    if broken:
        case, failure = broken[0]
        names = ", ".join(case.name for case, _ in broken)
        message = f"{len(broken)} of {len(cases)} cases are not kept: {names}\n{failure}"
        raise RuleBroken(message, case.data, case.why)


@check("K9.1")
async def must(subject: Subject) -> None:
    """Run the cases that RFC 9110 and RFC 9112 require."""
    await _run(subject, "MUST")


@check("K9.2")
async def hardening(subject: Subject) -> None:
    """Run the cases that go beyond the RFCs."""
    await _run(subject, "HARDENING")


@check("K9.3")
async def should(subject: Subject) -> None:
    """Run the cases that the RFCs recommend."""
    await _run(subject, "SHOULD")


@check("K9.4")
async def as_reference(subject: Subject) -> None:
    """Generate conversations, and compare their outcomes with those of the reference."""
    if subject.name == REFERENCE:
        raise NotApplicable("the backend is the reference itself")
    seed = choose_seed()
    async with Servers() as servers:
        comparison = Comparison((REFERENCE, subject.name), servers)
        for number in range(example_count()):
            text, source = example(seed, number)
            finding = await comparison.find(text, [whole(text), cutting(source, text)])
            if finding is not None and kept_because(finding) is None:
                smallest = await comparison.shrink(finding)
                raise RuleBroken(
                    f"example {number} of seed {seed}: {smallest}",
                    smallest.conversation.data,
                    "the same outcome as with the reference",
                )


@check("K9.5")
async def by_adapter(subject: Subject) -> None:
    """Send the requests of the corpus through the backend's adapter."""
    if subject.is_http:
        raise NotApplicable("its connections derive from HTTPProtocol, so K9.1 to K9.3 run the whole corpus")
    cases = load_corpus()
    report = await run_wire_corpus(subject, cases, choose_seed(), whole=subject.whole)
    if report.broken:
        case, failure = report.broken[0]
        names = ", ".join(case.name for case, _ in report.broken)
        message = f"{len(report.broken)} of {len(cases)} cases are not kept: {names}\n{failure}"
        raise RuleBroken(message, case.data, case.why)
    if report.unshown:
        raise RuleBroken(f"the adapter declares differences that no case shows: {', '.join(report.unshown)}")

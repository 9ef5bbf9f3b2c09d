"""Differential test across wire formats: send generated requests through adapters, and compare.

The conversations are those of :mod:`kyoukai.testing.differential`. Of each, the first request is sent, if any
wire format can carry it. The outcome must be the same as with the backend ``reference`` over HTTP/1.1, except
for the differences that the adapters declare. ``python -m kyoukai.testing.differential`` runs this for the
given backends that do not speak HTTP/1.
"""

import asyncio
import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from .adapter import UnsayableError
from .comparison import PATIENT, SERVED
from .generation import Conversation, Limit, example
from .servers import Servers
from .shrinking import shrink
from .subject import Subject
from .telling import REQUEST_LINE, UntoldError, WireRequest, read_request
from .wire_conversation import AT_ONCE, Way, WireOutcome, tell
from .wire_corpus import FRAMING_FIELDS, difference_faults, difference_of, without_case
from .wire_runner import WireStand

__all__ = ("WireComparison", "WireTally", "request_of", "run_wires")

REFERENCE: Final = "reference"

COUNTED: Final = {"max_fields": 1000, "max_head_size": 1024 * 1024}
"""Limits set so high that no request reaches them."""

FEW_FIELDS: Final = 32
"""A head with at most this many fields is not far too large, whatever a wire format counts for each."""

NO_TARGET: Final = frozenset(map(chr, (*range(0x21), *range(0x7F, 0x100))))
"""Characters that no target contains."""

WORDED: Final = frozenset({"content-type", "content-length"})
"""Fields of a refusal that depend on its text, which is for humans."""


@dataclass(slots=True)
class WireTally:
    """Counts and findings for a number of examples."""

    examples: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    """What the requests are about that only HTTP/1 can express."""
    gets: Counter[str] = field(default_factory=Counter)
    """What requests got over HTTP/1.1."""
    declared: Counter[str] = field(default_factory=Counter)
    """How often each declared difference was met."""
    findings: list[str] = field(default_factory=list)
    """The differences found, shrunk, one text each."""

    def lines(self) -> list[str]:
        """Return the report, line by line."""
        counters = (("answers", self.gets), ("declared", self.declared), ("HTTP/1's own", self.untold))
        return [
            f"{self.examples:,} examples by several wires, {len(self.findings)} differences",
            *(f"  {title}: {n:>9,}  {name}" for title, found in counters for name, n in found.most_common()),
        ]


def request_of(text: Conversation) -> WireRequest:
    """Return the first request of a conversation.

    :raises UntoldError: if the request is about HTTP/1's own syntax.
    """
    request, rest = read_request(text.data)
    if not NO_TARGET.isdisjoint(request.target):
        # HTTP/1 refuses this before it knows the method.
        raise UntoldError(REQUEST_LINE)
    if not request.is_whole:
        raise UntoldError("an incomplete body")
    return request if rest else dataclasses.replace(request, ending=text.ending)


def limits_of(text: Conversation, request: WireRequest) -> Sequence[Limit]:
    """Return the limits for a request, without those that a wire format must count in another way.

    Content-Length and Transfer-Encoding are fields in HTTP/1, but not in every wire format. A wire format may
    end a connection whose head is far too large, and may count more for each field (RFC 9113 section 6.5.2).
    """
    uncounted = dict(COUNTED)
    if request.size == 0:
        uncounted.pop("max_fields")
        if len(request.fields) <= FEW_FIELDS:
            return text.limits
    return [*(limit for limit in text.limits if limit[0] not in uncounted), *uncounted.items()]


class WireComparison:
    """Sends requests in several wire formats. Create and use it in one event loop.

    :param subjects: the backends; the others are compared with the first.
    """

    def __init__(self, subjects: Sequence[Subject], servers: Servers) -> None:
        self.stands = [WireStand(subject, servers) for subject in subjects]
        self._servers = servers

    async def judge(
        self, request: WireRequest, limits: Sequence[Limit], ways: Sequence[Way], tally: WireTally
    ) -> str | None:
        """Return what differs or is wrong in the outcomes of a request; ``None`` if nothing."""
        first, *others = self.stands
        expected = await self._tell(first, request, limits, AT_ONCE)
        tally.gets[expected.gets] += 1
        found = [f"{first.name}: {fault}" for fault in expected.faults]
        for stand in others:
            difference = difference_of(stand.adapter, request)
            if difference is not None:
                tally.declared[difference.what] += 1
            for way in ways:
                try:
                    outcome = await self._tell(stand, request, limits, way)
                except UnsayableError as reason:
                    tally.untold[str(reason)] += 1
                    break
                if _essence(outcome, stand.continues) == _essence(expected, stand.continues):
                    # A declared difference need not show: the request was refused earlier, for its head.
                    faults = [*outcome.faults]
                elif difference is not None:
                    faults = difference_faults(difference, outcome)
                else:
                    faults = [*outcome.faults, f"it differs from {first.name}: {expected}"]
                found += [f"{stand.name}, {way.label}: {fault}; {outcome}" for fault in faults]
        return "\n    ".join([str(request), f"limits {dict(limits)}", *found]) if found else None

    async def shrink(self, request: WireRequest, limits: Sequence[Limit], ways: Sequence[Way]) -> str:
        """Return the difference for a minimal request: fewest fields, bytes, trailers and limits."""
        last = ""

        async def fails(elements: Sequence[tuple[str, Any]]) -> bool:
            nonlocal last
            parts = {kind: tuple(part for found, part in elements if found == kind) for kind in KINDS}
            body = bytes(parts["body"])
            smaller = dataclasses.replace(
                request,
                fields=parts["fields"],
                trailers=parts["trailers"],
                body=body,
                size=None if request.size is None else len(body),
            )
            found = await self.judge(smaller, parts["limits"], ways, WireTally())
            last = found or last
            return found is not None

        elements = [("limits", limit) for limit in limits]
        elements += [(kind, part) for kind in KINDS[1:] for part in getattr(request, kind)]
        if await fails(elements):
            await shrink(elements, fails)
        return last

    async def _tell(
        self, stand: WireStand, request: WireRequest, limits: Sequence[Limit], way: Way
    ) -> WireOutcome:
        component, ctx = await stand.served({**PATIENT, **dict(limits)})
        self._servers.problems.clear()
        outcome = await tell(component, ctx, stand.adapter, request, way=way)
        return dataclasses.replace(outcome, faults=(*outcome.faults, *self._servers.problems))


KINDS: Final = ("limits", "fields", "trailers", "body")


def _essence(outcome: WireOutcome, continues: bool) -> object:
    """Return what must be the same in every wire format.

    :param continues: whether the server sends 100 Continue.
    """
    answer = outcome.answer
    seen = tuple(
        dataclasses.replace(
            request,
            version="",
            fields={name: value for name, value in request.fields.items() if name not in FRAMING_FIELDS},
            trailers=without_case(request.trailers),
        )
        for request in outcome.seen
    )
    if answer is None:
        return outcome.gets, seen
    served = answer.status == SERVED
    left = FRAMING_FIELDS | {"date"} | (frozenset() if served else WORDED)
    fields = {name.lower(): value for name, value in answer.fields if name.lower() not in left}
    continued = continues and outcome.continued
    return outcome.gets, continued, seen, fields, answer.content if served else b"", answer.is_whole


def run_wires(numbers: range, seed: int, backends: Sequence[str]) -> WireTally:
    """Send the requests of these examples with the backends, in an event loop of its own.

    :param backends: the backends to compare with ``reference``.
    """
    subjects = [Subject(name) for name in (REFERENCE, *backends)]
    for subject in subjects:
        # Compute both outside of an event loop.
        _ = subject.adapter, subject.features
    return asyncio.run(_run(numbers, seed, subjects))


async def _run(numbers: range, seed: int, subjects: Sequence[Subject]) -> WireTally:
    tally = WireTally()
    async with Servers() as servers:
        comparison = WireComparison(subjects, servers)
        for number in numbers:
            text, _ = example(seed, number)
            tally.examples += 1
            try:
                request = request_of(text)
            except UntoldError as reason:
                tally.untold[str(reason)] += 1
                continue
            source = random.Random(f"{seed} {number} wires")  # noqa: S311 - not for security
            ways = (AT_ONCE, Way("in pieces", source))
            limits = limits_of(text, request)
            if await comparison.judge(request, limits, ways, tally) is not None:
                smallest = await comparison.shrink(request, limits, ways)
                tally.findings.append(f"example {number}: {smallest}")
    return tally

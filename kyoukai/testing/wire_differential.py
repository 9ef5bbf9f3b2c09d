"""One request by every wire, one outcome: requests that are made up, told by adapters and compared.

The conversations are those of :mod:`kyoukai.testing.differential`; of each the first request is told that
any wire can carry. What comes of it by the backend ``reference`` and HTTP/1.1 must come of it by the others,
but for the differences that their adapters declare. ``python -m kyoukai.testing.differential`` runs it for
the backends that it is given and that do not speak HTTP/1.
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
"""Limits that no request reaches."""

FEW_FIELDS: Final = 32
"""So many fields are no head that is many times too large, whatever is counted for each."""

NO_TARGET: Final = frozenset(map(chr, (*range(0x21), *range(0x7F, 0x100))))
"""Characters that are in no target."""

WORDED: Final = frozenset({"content-type", "content-length"})
"""Fields of a refusal that follow from its words, which are for a human."""


@dataclass(slots=True)
class WireTally:
    """What came of some examples."""

    examples: int = 0
    untold: Counter[str] = field(default_factory=Counter)
    """What those are about that are HTTP/1's own."""
    gets: Counter[str] = field(default_factory=Counter)
    """What requests got by HTTP/1.1."""
    declared: Counter[str] = field(default_factory=Counter)
    """How often each difference was met."""
    findings: list[str] = field(default_factory=list)
    """What differs, one text each, shrunk."""

    def lines(self) -> list[str]:
        """Return the report, line by line."""
        counters = (("answers", self.gets), ("declared", self.declared), ("HTTP/1's own", self.untold))
        return [
            f"{self.examples:,} examples by several wires, {len(self.findings)} differences",
            *(f"  {title}: {n:>9,}  {name}" for title, found in counters for name, n in found.most_common()),
        ]


def request_of(text: Conversation) -> WireRequest:
    """Return the first request of a conversation.

    :raises UntoldError: if what it says is about HTTP/1's own bytes.
    """
    request, rest = read_request(text.data)
    if not NO_TARGET.isdisjoint(request.target):
        # By HTTP/1 that is refused before the method is known.
        raise UntoldError(REQUEST_LINE)
    if not request.is_whole:
        raise UntoldError("a body that is not whole")
    return request if rest else dataclasses.replace(request, ending=text.ending)


def limits_of(text: Conversation, request: WireRequest) -> Sequence[Limit]:
    """Return the limits to tell a request with, without those that a wire must count otherwise.

    Content-Length and Transfer-Encoding are fields by HTTP/1, and need be none by another. A wire may end a
    connection whose head is many times too large, and may count more for each field (RFC 9113 section 6.5.2).
    """
    uncounted = dict(COUNTED)
    if request.size == 0:
        uncounted.pop("max_fields")
        if len(request.fields) <= FEW_FIELDS:
            return text.limits
    return [*(limit for limit in text.limits if limit[0] not in uncounted), *uncounted.items()]


class WireComparison:
    """Tells requests by several wires. It is made, used and ended in one event loop.

    :param subjects: the backends; the first is what the others are compared with.
    """

    def __init__(self, subjects: Sequence[Subject], servers: Servers) -> None:
        self.stands = [WireStand(subject, servers) for subject in subjects]
        self._servers = servers

    async def judge(
        self, request: WireRequest, limits: Sequence[Limit], ways: Sequence[Way], tally: WireTally
    ) -> str | None:
        """Return what is different or wrong in what comes of a request; ``None``: nothing."""
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
                    # What is declared may come too late: the request was refused for its head.
                    faults = [*outcome.faults]
                elif difference is not None:
                    faults = difference_faults(difference, outcome)
                else:
                    faults = [*outcome.faults, f"it is not as {first.name}: {expected}"]
                found += [f"{stand.name}, {way.label}: {fault}; {outcome}" for fault in faults]
        return "\n    ".join([str(request), f"limits {dict(limits)}", *found]) if found else None

    async def shrink(self, request: WireRequest, limits: Sequence[Limit], ways: Sequence[Way]) -> str:
        """Return what differs of a request that is as small as can be: of fields, bytes, trailers, limits."""
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
    """Return what must be the same by every wire.

    :param continues: whether 100 Continue is the server's to send.
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
    """Tell the requests of these examples by the backends' wires, in an event loop of its own.

    :param backends: those that are compared with ``reference``.
    """
    subjects = [Subject(name) for name in (REFERENCE, *backends)]
    for subject in subjects:
        # Both are found out outside of a loop.
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
            source = random.Random(f"{seed} {number} wires")  # noqa: S311 - nothing is kept secret by it
            ways = (AT_ONCE, Way("in pieces", source))
            limits = limits_of(text, request)
            if await comparison.judge(request, limits, ways, tally) is not None:
                smallest = await comparison.shrink(request, limits, ways)
                tally.findings.append(f"example {number}: {smallest}")
    return tally

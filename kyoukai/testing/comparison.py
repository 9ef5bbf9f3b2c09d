"""Compare one conversation across several backends and several ways of splitting it.

The client must receive the same, and the application must get the same calls, each time. Three things may
vary:

1. ``100 Continue`` need not be sent once a part of the body has arrived (RFC 9110 section 10.1.1). So it
   depends on the split whether it is sent, but not on the backend.
2. An answer says ``Connection: close`` if the client's end of file has arrived by then. This also depends on
   the split.
3. The text of a refusal and its format are for humans; see :func:`is_worded_alike`.
"""

import dataclasses
import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from .answers import Answer
from .chunking import Action, Cutting, Piece
from .conversation import converse
from .generation import Conversation, whole
from .outcome import Outcome
from .servers import Servers
from .shrinking import shrink

PATIENT: Final = dict.fromkeys(
    ("head_timeout", "keep_alive_timeout", "body_timeout", "linger_timeout"), 3600.0
)
"""Timeouts so long that no outcome depends on the speed of the machine."""


SERVED: Final = 200
"""The status that the application answers with; refusals have other ones."""


class Held(NamedTuple):
    """One conversation that was run, with its outcome."""

    backend: str
    cutting: Cutting
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A conversation whose outcome differs between backends, or is wrong."""

    conversation: Conversation
    held: tuple[Held, ...]
    lines: tuple[str, ...]
    """What differs or is wrong, one line each."""

    @property
    def kind(self) -> tuple[object, ...]:
        """A key that findings of one kind share: what differs, and the last answers."""
        statuses = (tuple(answer.status for answer in held.outcome.answers)[-1:] for held in self.held)
        return (self.lines, *statuses)

    def __str__(self) -> str:
        text = self.conversation
        heads = [*self.lines, f"limits {dict(text.limits)}, at the end {text.ending}"]
        ways = {held.cutting: None for held in self.held}
        heads += [f"{way.label}, {way.turns} turns: {_short(way.pieces)}" for way in ways]
        return "\n    ".join(
            [*heads, *(f"{held.backend}, {held.cutting.label}: {held.outcome}" for held in self.held)]
        )


def _short(pieces: tuple[Piece, ...]) -> str:
    text = repr(pieces)
    return text if len(text) <= 3000 else f"{text[:2500]}... {text[-400:]}"


def differences(held: Sequence[Held], *, strict: bool = False) -> list[str]:
    """Return what differs or is wrong in one conversation that was run in several ways.

    :param strict: also compare the texts of refusals.
    """
    found = []
    first = held[0]
    by_cutting: dict[Cutting, Held] = {}
    for one in held:
        label = f"{one.backend}, {one.cutting.label}"
        found += [f"{label}: {fault}" for fault in one.outcome.faults]
        if any(answer.status == 500 for answer in one.outcome.answers):
            found.append(f"{label}: the server answered with 500")
        other = by_cutting.setdefault(one.cutting, one)
        if _essence(one.outcome) != _essence(other.outcome):
            found.append(f"{label} differs from {other.backend}, {other.cutting.label}")
        elif _essence(one.outcome, any_cutting=True) != _essence(first.outcome, any_cutting=True):
            found.append(f"{label} differs from {first.backend}, {first.cutting.label}")
    if strict and not found and not is_worded_alike(held):
        found.append("a refusal has a different text")
    return found


def is_worded_alike(held: Iterable[Held]) -> bool:
    """Return whether all refusals have exactly the same text."""
    return len({tuple(_words(answer) for answer in one.outcome.answers) for one in held}) == 1


def _words(answer: Answer) -> tuple[int, bytes] | None:
    return None if answer.status == SERVED else (answer.status, answer.content)


def _essence(outcome: Outcome, *, any_cutting: bool = False) -> Outcome:
    """Return an outcome without what may vary.

    :param any_cutting: also remove what may vary between splits.
    """
    answers = []
    for answer in outcome.answers:
        fields = dict(answer.fields)
        if any_cutting:
            fields.pop("connection", None)
        if answer.status != SERVED:
            fields.pop("content-type", None)
            fields.pop("content-length", None)
            answer = dataclasses.replace(answer, content=b"")
        answers.append(dataclasses.replace(answer, fields=fields))
    continued = 0 if any_cutting else outcome.continued
    return dataclasses.replace(outcome, answers=tuple(answers), continued=continued)


class Comparison:
    """Runs conversations with several backends. Create and use it in one event loop.

    :param backends: registered names, or ``module:attribute``.
    :param strict: also compare the texts of refusals.
    """

    def __init__(self, backends: Iterable[str], servers: Servers, *, strict: bool = False) -> None:
        self.strict = strict
        self.backends = tuple(backends)
        self.count = 0
        """Number of conversations that were run."""
        self._servers = servers

    async def hold(self, text: Conversation, cuttings: Sequence[Cutting]) -> tuple[Held, ...]:
        """Run one conversation with every backend, split in each of these ways."""
        return tuple(
            [
                Held(backend, cutting, await self._hold(backend, text, cutting))
                for cutting in cuttings
                for backend in self.backends
            ]
        )

    async def find(self, text: Conversation, cuttings: Sequence[Cutting]) -> Finding | None:
        """Run one conversation in every way; return a finding if anything differs or is wrong."""
        return self.judge(text, await self.hold(text, cuttings))

    def judge(self, text: Conversation, held: tuple[Held, ...]) -> Finding | None:
        """Return a finding if anything differs or is wrong in a conversation that was run."""
        lines = differences(held, strict=self.strict)
        return Finding(text, held, tuple(lines)) if lines else None

    async def shrink(self, finding: Finding) -> Finding:
        """Return the finding made as small as possible: fewer bytes, splits and limits."""
        last = finding.held[-1].cutting
        is_cut = any(held.cutting != finding.held[0].cutting for held in finding.held)
        smallest = finding

        async def fails(elements: Sequence[object], turns: int = last.turns) -> bool:
            nonlocal smallest
            text, way = _assemble(elements, turns)
            ways = [whole(text), way] if is_cut else [whole(text)]
            found = await self.find(text, ways)
            if found is not None:
                smallest = found
            return found is not None

        async def lines_fail(lines: Sequence[Sequence[object]]) -> bool:
            return await fails([*itertools.chain.from_iterable(lines)])

        elements: Sequence[object] = _take_apart(finding.conversation, last.pieces)
        if not await fails(elements):
            # It cannot be reproduced, so report it as it was found.
            return finding
        # Remove whole lines before and after single bytes: two related lines must go together.
        for _ in range(2):
            lines: Sequence[Sequence[object]] = await shrink(_lines(elements), lines_fail)
            elements = await shrink([*itertools.chain.from_iterable(lines)], fails)
        return smallest

    async def _hold(self, backend: str, text: Conversation, cutting: Cutting) -> Outcome:
        component, ctx = await self._servers.get(backend, {**PATIENT, **dict(text.limits)})
        self.count += 1
        outcome = await converse(component, ctx, cutting.pieces, turns=cutting.turns)
        if problems := self._servers.problems:
            outcome = dataclasses.replace(outcome, faults=(*outcome.faults, *problems))
            problems.clear()
        return outcome


CUT: Final = "cut"
"""Marks a split among the elements of an example."""


def _take_apart(text: Conversation, pieces: Iterable[Piece]) -> list[object]:
    """Return the parts of an example that can be removed: limits, bytes, splits, pauses, its ending."""
    elements: list[object] = [*text.limits]
    for piece in pieces:
        if isinstance(piece, bytes):
            elements += [CUT, *(bytes((byte,)) for byte in piece)]
        else:
            elements.append(piece)
    return elements


def _lines(elements: Iterable[object]) -> Sequence[Sequence[object]]:
    """Return the elements in groups: each line, each limit, each split."""
    lines: list[list[object]] = [[]]
    for element in elements:
        lines[-1].append(element)
        if element == b"\n" or not isinstance(element, bytes):
            lines.append([])
    return lines


def _assemble(elements: Iterable[object], turns: int) -> tuple[Conversation, Cutting]:
    """Return the example made of these elements."""
    limits: list[Any] = []
    pieces: list[Piece] = []
    piece = bytearray()
    for element in [*elements, CUT]:
        if isinstance(element, bytes):
            piece += element
        elif isinstance(element, tuple):
            limits.append(element)
        else:
            if piece:
                pieces.append(bytes(piece))
                piece.clear()
            if isinstance(element, Action):
                pieces.append(element)
    data = b"".join(piece for piece in pieces if isinstance(piece, bytes))
    ending = Action.END if Action.END in pieces else None
    return Conversation(data, tuple(limits), ending), Cutting("in pieces", tuple(pieces), turns)

"""One conversation, held with several backends and cut in several ways: what is different, or wrong.

What a client can tell, and what the application is called with, must be the same each time. What
may be otherwise:

1. ``100 Continue`` need not be sent once a part of the body has come (RFC 9110 section 10.1.1), so
   whether it is depends on the cutting; but not on the backend.
2. An answer says ``Connection: close`` if the client's end is known by then, which depends on the
   cutting too.
3. The words of a refusal, and their format, are for a human; see :func:`is_worded_alike`.
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
"""No outcome may depend on how fast the machine is."""


SERVED: Final = 200
"""The status of what the application answers; it has no part in a refusal."""


class Held(NamedTuple):
    """One conversation as it was held."""

    backend: str
    cutting: Cutting
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finding:
    """A conversation that is not the same on all backends, or that went wrong."""

    conversation: Conversation
    held: tuple[Held, ...]
    lines: tuple[str, ...]
    """What is different or wrong."""

    @property
    def kind(self) -> tuple[object, ...]:
        """What findings of one kind have alike: what is different, and the last answers."""
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
    """Return what is different, or wrong, in one conversation held in several ways.

    :param strict: whether the words of refusals are compared too.
    """
    found = []
    first = held[0]
    by_cutting: dict[Cutting, Held] = {}
    for one in held:
        label = f"{one.backend}, {one.cutting.label}"
        found += [f"{label}: {fault}" for fault in one.outcome.faults]
        if any(answer.status == 500 for answer in one.outcome.answers):
            found.append(f"{label}: the server failed")
        other = by_cutting.setdefault(one.cutting, one)
        if _essence(one.outcome) != _essence(other.outcome):
            found.append(f"{label} is not as {other.backend}, {other.cutting.label}")
        elif _essence(one.outcome, any_cutting=True) != _essence(first.outcome, any_cutting=True):
            found.append(f"{label} is not as {first.backend}, {first.cutting.label}")
    if strict and not found and not is_worded_alike(held):
        found.append("a refusal is worded otherwise")
    return found


def is_worded_alike(held: Iterable[Held]) -> bool:
    """Return whether refusals say the same, to the letter."""
    return len({tuple(_words(answer) for answer in one.outcome.answers) for one in held}) == 1


def _words(answer: Answer) -> tuple[int, bytes] | None:
    return None if answer.status == SERVED else (answer.status, answer.content)


def _essence(outcome: Outcome, *, any_cutting: bool = False) -> Outcome:
    """Return an outcome without what may be otherwise.

    :param any_cutting: whether it is compared with one of another cutting.
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
    """Holds conversations with several backends. It is made, used and ended in one event loop.

    :param backends: their names, or ``module:attribute``.
    :param strict: whether the words of refusals are compared too.
    """

    def __init__(self, backends: Iterable[str], servers: Servers, *, strict: bool = False) -> None:
        self.strict = strict
        self.backends = tuple(backends)
        self.count = 0
        """Conversations held."""
        self._servers = servers

    async def hold(self, text: Conversation, cuttings: Sequence[Cutting]) -> tuple[Held, ...]:
        """Hold one conversation with every backend, in every one of these ways."""
        return tuple(
            [
                Held(backend, cutting, await self._hold(backend, text, cutting))
                for cutting in cuttings
                for backend in self.backends
            ]
        )

    async def find(self, text: Conversation, cuttings: Sequence[Cutting]) -> Finding | None:
        """Hold one conversation in every way; return what is different or wrong, if anything is."""
        return self.judge(text, await self.hold(text, cuttings))

    def judge(self, text: Conversation, held: tuple[Held, ...]) -> Finding | None:
        """Return what is different or wrong in a conversation that was held, if anything is."""
        lines = differences(held, strict=self.strict)
        return Finding(text, held, tuple(lines)) if lines else None

    async def shrink(self, finding: Finding) -> Finding:
        """Return a finding that is as small as can be: of bytes, of cuts, of limits."""
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
            # It does not come again; it is told as it was found.
            return finding
        # Whole lines first and last: of two that belong together no byte can go alone.
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
"""Among the elements of an example, where it is cut."""


def _take_apart(text: Conversation, pieces: Iterable[Piece]) -> list[object]:
    """Return what can be left out of an example: limits, bytes, cuts, pauses, its end."""
    elements: list[object] = [*text.limits]
    for piece in pieces:
        if isinstance(piece, bytes):
            elements += [CUT, *(bytes((byte,)) for byte in piece)]
        else:
            elements.append(piece)
    return elements


def _lines(elements: Iterable[object]) -> Sequence[Sequence[object]]:
    """Return these elements in groups: each line, each limit, each cut."""
    lines: list[list[object]] = [[]]
    for element in elements:
        lines[-1].append(element)
        if element == b"\n" or not isinstance(element, bytes):
            lines.append([])
    return lines


def _assemble(elements: Iterable[object], turns: int) -> tuple[Conversation, Cutting]:
    """Return the example that these elements make."""
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

"""Run the corpus on any wire format: an adapter sends the requests of a case, each on its own connection.

Only requests that must be answered are sent. Only what every wire format has is compared; see
:func:`wire_faults`. If the adapter declares a difference for a request, the declared answer is expected.
"""

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .adapter import WireAdapter, WireAnswer, WireDifference
from .corpus import Case, Expected
from .named_refusals import refusal_faults
from .telling import CHUNKS, UNFINISHED, UntoldError, WireRequest, read_request
from .verdict import brief, request_faults
from .wire_conversation import WireOutcome

__all__ = ("Telling", "difference_of", "tellings", "wire_faults")

CONNECTION: Final = "when a connection ends"
NO_SIZE: Final = "a body whose size is not announced"

FRAMING_FIELDS: Final = frozenset({"connection", "keep-alive", "transfer-encoding", "upgrade"})
"""Fields that only HTTP/1 has, about the connection and the framing."""

NOT_COMPARED: Final = frozenset({"version"})
"""Attributes of a request that depend on the wire format."""


@dataclass(frozen=True, slots=True)
class Telling:
    """One request of a case, and the expected outcome."""

    request: WireRequest
    expected: Expected | None
    """``None``: no answer."""
    continued: bool | None
    """Whether ``100 Continue`` must be sent or must not be; ``None``: either."""


def tellings(case: Case, *, chunked: bool = True) -> Sequence[Telling]:
    """Return the requests of a case that any wire format can carry, at least one.

    :param chunked: whether the wire format has trailers and bodies whose size is unknown until they end.
        Otherwise the size is announced.
    :raises UntoldError: if there is none, because the case is about HTTP/1 itself.
    """
    told: list[Telling] = []
    data = case.data
    while data and (len(told) < len(case.answers) or not told):
        try:
            request, data = read_request(data)
            if not data:
                request = dataclasses.replace(request, ending=case.ending)
            if request.size is None:
                request = _unchunked(request) if not chunked else _chunked(request, case.is_timed)
        except UntoldError:
            if told:
                break
            raise
        expected = case.answers[len(told)] if case.answers else None
        told.append(Telling(request, expected, case.continued if request.values("expect") else None))
    if not told:
        raise UntoldError(UNFINISHED)
    if not case.answers and told[0].request.ending is None:
        raise UntoldError(CONNECTION)
    return told


def _chunked(request: WireRequest, is_timed: bool) -> WireRequest:
    """Return a request with a body whose size is not announced.

    :raises UntoldError: if the position where the body stops means nothing without chunks.
    """
    if not request.is_whole and not is_timed and request.ending is None:
        raise UntoldError(CHUNKS)
    return request


def _unchunked(request: WireRequest) -> WireRequest:
    """Return a request with a body whose size is announced.

    :raises UntoldError: if the size is unknown, or there are trailers.
    """
    if not request.is_whole or request.trailers:
        raise UntoldError(NO_SIZE)
    return dataclasses.replace(request, size=len(request.body))


def difference_of(adapter: type[WireAdapter], request: WireRequest) -> WireDifference | None:
    """Return the difference that an adapter declares for a request, if any."""
    return next((known for known in adapter.differences if known.holds(request)), None)


def wire_faults(telling: Telling, outcome: WireOutcome) -> list[str]:
    """Return what is wrong with the outcome of a request, one line each; empty if the case is kept.

    The request that the application saw is compared except for the version. The answer is compared except for
    fields about HTTP/1 connections. Whether the connection ends is not compared.
    """
    expected, found = telling.expected, list(outcome.faults)
    wanted = "nothing" if expected is None else str(expected.status)
    if outcome.gets != wanted:
        found.append(f"the client got {outcome.gets}, expected {wanted}")
    calls = int(expected is not None and expected.application)
    if len(outcome.seen) != calls:
        found.append(f"the application was called {len(outcome.seen)} times, expected {calls}")
    if expected is None or outcome.answer is None:
        return found
    seen = {name: without_case(value) for name, value in expected.seen.items() if name not in NOT_COMPARED}
    fields = {name: value for name, value in expected.fields.items() if name not in FRAMING_FIELDS}
    compared = dataclasses.replace(expected, seen=seen, fields=fields)
    for request in outcome.seen[:calls]:
        request = dataclasses.replace(request, trailers=without_case(request.trailers))
        found += [f"the request: {fault}" for fault in request_faults(compared, request)]
    found += [f"the answer: {fault}" for fault in _answer_faults(expected, outcome.answer, outcome.broken)]
    if telling.continued is not None and telling.continued != outcome.continued:
        found.append("100 Continue was sent" if outcome.continued else "100 Continue was not sent")
    return found


def without_case(value: Any) -> Any:
    """Return trailers with names in lower case; case has no meaning in them (RFC 9110 section 5.1)."""
    return tuple((name.lower(), text) for name, text in value) if isinstance(value, tuple) else value


def difference_faults(difference: WireDifference, outcome: WireOutcome) -> list[str]:
    """Return what is wrong with the outcome of a request for which a difference is declared."""
    found = list(outcome.faults)
    if outcome.gets != difference.gets:
        found.append(f"the client got {outcome.gets}, declared {difference.gets} for {difference.what}")
    served = difference.gets.startswith("2")
    if bool(outcome.seen) != served:
        found.append(f"the application was called {len(outcome.seen)} times, expected {int(served)}")
    return found


def _answer_faults(wanted: Expected, answer: WireAnswer, broken: bool) -> Iterator[str]:
    # Content beyond Content-Length is the application's fault; all that was announced has arrived.
    has_all = answer.is_whole or answer.values("content-length") == [str(len(answer.content))]
    if has_all == wanted.cut or (wanted.cut and not broken):
        yield "it is complete, expected it to break off" if has_all else "it is not complete"
    for name, text in wanted.has.items():
        value = ", ".join(answer.values(name))
        if name not in FRAMING_FIELDS and value != text:
            yield f"its field {name} is {brief(value)}, expected {brief(text)}"
    yield from (f"it must not have the field {name}" for name in wanted.lacks if answer.values(name))
    if wanted.content is not None and answer.content != wanted.content:
        yield f"its content is {brief(answer.content)}, expected {brief(wanted.content)}"
    yield from refusal_faults(wanted, answer.content)

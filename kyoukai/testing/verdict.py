"""Compare an outcome with what its case expects. All functions here are pure."""

from .answers import Answer
from .corpus import Case, Expected
from .named_refusals import refusal_faults
from .outcome import Outcome
from .recorder import Seen


def faults(case: Case, outcome: Outcome, *, named: bool = False) -> list[str]:
    """Return the differences between an ``outcome`` and its ``case``, one line each; none if it passes.

    :param named: whether each refusal must have exactly its own identifier; see :func:`refusal_faults`.
    """
    found = list(outcome.faults)
    statuses = [answer.status for answer in outcome.answers]
    expected = [answer.status for answer in case.answers]
    if statuses != expected:
        found.append(f"the answers are {statuses or 'none'}, expected {expected or 'none'}")
    calls = [answer for answer in case.answers if answer.application]
    if len(outcome.seen) != len(calls):
        seen = [f"{request.method} {request.target[:80]}" for request in outcome.seen]
        found.append(f"the application was called {len(seen)} times, expected {len(calls)}: {seen}")
    for number, (request, wanted) in enumerate(zip(outcome.seen, calls, strict=False), 1):
        found += [f"request {number}: {fault}" for fault in request_faults(wanted, request)]
    for number, (answer, wanted) in enumerate(zip(outcome.answers, case.answers, strict=False), 1):
        wrong = [*_answer_faults(wanted, answer), *refusal_faults(wanted, answer.content, exactly=named)]
        found += [f"answer {number}: {fault}" for fault in wrong]
    if case.continued is not None and case.continued != bool(outcome.continued):
        found.append(f"100 Continue was sent {outcome.continued} times")
    if outcome.closed != case.closed:
        found.append(f"the connection is {'closed, not open' if outcome.closed else 'open, not closed'}")
    if outcome.answers and outcome.answers[-1].closes and not outcome.closed:
        # RFC 9112 section 9.6: after sending close, a server MUST NOT process more requests, and closes.
        found.append("the last answer says close, but the connection is open")
    return found


def request_faults(wanted: Expected, request: Seen) -> list[str]:
    """Return how the request that the application saw differs from the expected one."""
    found = []
    for name, value in wanted.seen.items():
        actual = getattr(request, name)
        if actual != value:
            found.append(f"its {name} is {brief(actual)}, expected {brief(value)}")
    if wanted.body_size is not None and len(request.body) != wanted.body_size:
        found.append(f"its body has {len(request.body)} bytes, expected {wanted.body_size}")
    for name, text in wanted.fields.items():
        if request.fields.get(name) != text:
            found.append(f"its field {name} is {brief(request.fields.get(name))}, expected {brief(text)}")
    found += [f"it must not have the field {name}" for name in wanted.absent if name in request.fields]
    return found


def _answer_faults(wanted: Expected, answer: Answer) -> list[str]:
    """Return how an answer differs from the expected one."""
    found = []
    if answer.complete == wanted.cut:
        found.append("it is complete, expected it to break off" if answer.complete else "it is not complete")
    for name, text in wanted.has.items():
        if answer.get(name) != text:
            found.append(f"its field {name} is {brief(answer.get(name))}, expected {brief(text)}")
    found += [f"it must not have the field {name}" for name in wanted.lacks if answer.get(name) is not None]
    if wanted.content is not None and answer.content != wanted.content:
        found.append(f"its content is {brief(answer.content)}, expected {brief(wanted.content)}")
    if not wanted.application and answer.complete and not answer.closes:
        # After a refused request, it is ambiguous where the next one starts.
        found.append("it refuses the request but does not say close")
    return found


def brief(value: object) -> str:
    """Return the ``repr`` of a value, shortened to fit on a line."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:160]}... ({len(text)} characters)"

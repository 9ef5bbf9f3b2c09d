"""What is wrong with an outcome, by what its case expects. Everything here is pure."""

from .answers import Answer
from .corpus import Case, Expected
from .named_refusals import refusal_faults
from .outcome import Outcome
from .recorder import Seen


def faults(case: Case, outcome: Outcome, *, named: bool = False) -> list[str]:
    """Return what is wrong with the outcome of a case: one line a fault, none where it was kept.

    :param named: whether each refusal must carry its own identifier: see :func:`refusal_faults`.
    """
    found = list(outcome.faults)
    statuses = [answer.status for answer in outcome.answers]
    expected = [answer.status for answer in case.answers]
    if statuses != expected:
        found.append(f"it was answered with {statuses or 'nothing'}, and not {expected or 'with nothing'}")
    calls = [answer for answer in case.answers if answer.application]
    if len(outcome.seen) != len(calls):
        seen = [f"{request.method} {request.target[:80]}" for request in outcome.seen]
        found.append(f"the application was called {len(seen)} times, and not {len(calls)}: {seen}")
    for number, (request, wanted) in enumerate(zip(outcome.seen, calls, strict=False), 1):
        found += [f"request {number}: {fault}" for fault in request_faults(wanted, request)]
    for number, (answer, wanted) in enumerate(zip(outcome.answers, case.answers, strict=False), 1):
        wrong = [*_answer_faults(wanted, answer), *refusal_faults(wanted, answer.content, exactly=named)]
        found += [f"answer {number}: {fault}" for fault in wrong]
    if case.continued is not None and case.continued != bool(outcome.continued):
        found.append(f"100 Continue came {outcome.continued} times")
    if outcome.closed != case.closed:
        found.append(f"the connection is {'closed' if outcome.closed else 'open'}")
    if outcome.answers and outcome.answers[-1].closes and not outcome.closed:
        # RFC 9112 section 9.6: MUST NOT process any further requests, and closes.
        found.append("the last answer says close, and the connection is open")
    return found


def request_faults(wanted: Expected, request: Seen) -> list[str]:
    """Return what the application saw otherwise than it must."""
    found = []
    for name, value in wanted.seen.items():
        actual = getattr(request, name)
        if actual != value:
            found.append(f"its {name} is {brief(actual)}, and not {brief(value)}")
    if wanted.body_size is not None and len(request.body) != wanted.body_size:
        found.append(f"its body has {len(request.body)} bytes, and not {wanted.body_size}")
    for name, text in wanted.fields.items():
        if request.fields.get(name) != text:
            found.append(f"its field {name} is {brief(request.fields.get(name))}, and not {brief(text)}")
    found += [f"it has the field {name}" for name in wanted.absent if name in request.fields]
    return found


def _answer_faults(wanted: Expected, answer: Answer) -> list[str]:
    """Return what is otherwise in an answer than it must be."""
    found = []
    if answer.complete == wanted.cut:
        found.append("it is complete" if answer.complete else "it is cut")
    for name, text in wanted.has.items():
        if answer.get(name) != text:
            found.append(f"its field {name} is {brief(answer.get(name))}, and not {brief(text)}")
    found += [f"it has the field {name}" for name in wanted.lacks if answer.get(name) is not None]
    if wanted.content is not None and answer.content != wanted.content:
        found.append(f"its content is {brief(answer.content)}, and not {brief(wanted.content)}")
    if not wanted.application and answer.complete and not answer.closes:
        # What a client sends after a request that cannot be served may be read in two ways.
        found.append("it refuses the request, and does not say close")
    return found


def brief(value: object) -> str:
    """Return a value in a line."""
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:160]}... ({len(text)} characters)"

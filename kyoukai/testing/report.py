"""The results of checking a backend against the rules.

:func:`run_rules` runs every check. ``kyoukai check`` uses it, and the pytest suite uses its parts.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from .adapter import WireAdapter
from .checks import NotApplicable, RuleBroken, load_checks
from .rules import LEVELS, Rule, load_rules
from .subject import Subject
from .watchdog import STUCK_TIMEOUT, watching

OUTCOMES: Final = ("kept", "broken", "inapplicable", "unchecked", "untestable")
"""The possible outcomes of a rule. ``inapplicable``: the rule does not apply to this backend. ``unchecked``:
the rule applies but was not checked in this run. ``untestable``: no check can show whether it is kept."""

CHECK_TIMEOUT: Final = 30.0
"""Time limit of the check of one rule, in seconds."""

CORPUS_TIMEOUT: Final = 1800.0
"""Time limit of a run of the whole corpus, split in every way, in seconds."""

SHAPE_RULE: Final = "K2.2"
"""The rule that a parser has the methods that the server calls."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The result of one rule."""

    rule: Rule
    outcome: str
    """One of :data:`OUTCOMES`."""
    message: str = ""
    """What was found, or why nothing was checked; empty if the rule is kept."""
    data: bytes = b""
    """The first bytes sent to the server that show it."""
    expected: str = ""
    """What should have been found."""
    cause: str = ""
    """The broken rule that explains why this one is broken; empty if none is known."""
    root: str = ""
    """The underlying exception as text, if any; rules with the same one share a cause."""

    def to_json(self) -> dict[str, Any]:
        """Return a dict that :mod:`json` can write; each byte of ``data`` becomes one character."""
        return {
            "rule": self.rule.id,
            "group": self.rule.group,
            "level": self.rule.level,
            "title": self.rule.title,
            "outcome": self.outcome,
            "message": self.message,
            "data": self.data.decode("latin-1"),
            "expected": self.expected,
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The results of all rules, in the order of the rules."""

    backend: str
    results: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Whether every required rule that was checked is kept."""
        return not any(
            result.outcome == "broken" and result.rule.level == "required" for result in self.results
        )

    def count(self, outcome: str, level: str | None = None) -> int:
        """Return how many rules have an ``outcome``, among those of a ``level`` or among all."""
        return sum(
            result.outcome == outcome and level in (None, result.rule.level) for result in self.results
        )

    def to_json(self) -> dict[str, Any]:
        """Return a dict that :mod:`json` can write."""
        return {
            "backend": self.backend,
            "passed": self.passed,
            "counts": {
                level: {outcome: self.count(outcome, level) for outcome in OUTCOMES} for level in LEVELS
            },
            "results": [result.to_json() for result in self.results],
        }


def run_rules(
    backend: str,
    *,
    progress: Callable[[int, int], None] | None = None,
    corpus: bool = True,
    adapter: str | type[WireAdapter] | None = None,
) -> Report:
    """Run every check against a backend, each in an event loop of its own.

    :param backend: a registered name, or ``module:attribute``.
    :param progress: called with the number of finished rules and of all rules: at the start and after each.
    :param corpus: whether to check the rules that run the whole corpus, which takes minutes.
    :param adapter: the adapter for the backend's wire format; see :class:`~.subject.Subject`.
    """
    results = _results(Subject(backend, adapter=adapter), progress, corpus)
    return Report(backend, tuple(find_causes(list(results))))


def _results(
    subject: Subject, progress: Callable[[int, int], None] | None, corpus: bool
) -> Iterable[RuleResult]:
    rules = load_rules()
    for number, rule in enumerate(rules):
        if progress is not None:
            progress(number, len(rules))
        if is_long(rule) and not corpus:
            reason = subject.why_inapplicable(rule)
            outcome = "unchecked" if reason is None else "inapplicable"
            yield RuleResult(rule, outcome, reason or "the corpus is not run")
        else:
            yield run_rule(rule, subject)
    if progress is not None:
        progress(len(rules), len(rules))


def is_long(rule: Rule) -> bool:
    """Return whether the check of a rule runs the corpus, which takes minutes."""
    return rule.id.startswith("K9.")


def run_rule(rule: Rule, subject: Subject) -> RuleResult:
    """Check one rule, in an event loop of its own."""
    if rule.level == "untestable":
        return RuleResult(rule, "untestable", "no test can show whether it is kept")
    reason = why_not(rule, subject)
    if reason is not None:
        return reason
    seconds = (CORPUS_TIMEOUT if is_long(rule) else CHECK_TIMEOUT) * subject.scale

    async def run() -> None:
        watch.beat()
        async with asyncio.timeout(seconds):
            await load_checks()[rule.id](subject)

    with watching(STUCK_TIMEOUT * subject.scale) as watch:
        result = _result_of(rule, run(), seconds)
    if watch.place is not None:
        message = f"the event loop was blocked for {watch.seconds:g} seconds, in {watch.place}"
        return RuleResult(rule, "broken", message)
    return result


def why_not(rule: Rule, subject: Subject) -> RuleResult | None:
    """Return the result of a rule that is not checked; ``None`` if it is to be checked."""
    if (reason := subject.why_inapplicable(rule)) is not None:
        return RuleResult(rule, "inapplicable", reason)
    if (reason := subject.why_unchecked(rule)) is not None:
        return RuleResult(rule, "unchecked", reason)
    return None


def find_causes(results: Sequence[RuleResult]) -> Iterable[RuleResult]:
    """Yield the results; each broken rule names the broken rule that causes it.

    Rules that met the same exception share a cause: the first of them, preferably a rule of the parser (K3).
    Otherwise the cause is the first broken rule in ``after``. If the parser lacks a method, that is the cause
    of everything: no request can be served.
    """
    broken = {result.rule.id: result for result in results if result.outcome == "broken"}
    met: dict[str, str] = {}
    for result in sorted(broken.values(), key=lambda result: not result.rule.id.startswith("K3.")):
        if result.root:
            met.setdefault(result.root, result.rule.id)
    causes: dict[str, str] = {}
    for name, result in broken.items():
        if SHAPE_RULE in broken and name != SHAPE_RULE and (result.root or result.rule.storey != "Backend"):
            causes[name] = SHAPE_RULE
            continue
        cause = met.get(result.root, name)
        if cause == name:
            cause = next((before for before in result.rule.after if before in broken), "")
        causes[name] = cause
    for result in results:
        name = result.rule.id
        seen = {name}
        # Name the first rule in the chain of causes.
        while (further := causes.get(name, "")) and further not in seen:
            seen.add(further)
            name = further
        yield result if name == result.rule.id else replace(result, cause=name)


def _result_of(rule: Rule, check: Coroutine[Any, Any, None], seconds: float) -> RuleResult:
    try:
        asyncio.run(check)
    except NotApplicable as reason_not:
        return RuleResult(rule, "inapplicable", str(reason_not))
    except RuleBroken as broken:
        return RuleResult(rule, "broken", broken.message, broken.data, broken.expected, root=broken.root)
    except TimeoutError:
        return RuleResult(rule, "broken", f"the check did not finish within {seconds:g} seconds")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A SystemExit from the backend would end the run with status 0, as if every rule were kept.
        return RuleResult(rule, "broken", f"the check raised {type(error).__name__}: {error}")
    return RuleResult(rule, "kept")

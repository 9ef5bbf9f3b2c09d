"""What came of the rules on one backend.

:func:`run_rules` runs every check; it is what ``kyoukai check`` and the tests' suite are made of.
"""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from typing import Any, Final

from .checks import NotApplicable, RuleBroken, load_checks
from .rules import LEVELS, Rule, load_rules
from .subject import Subject
from .watchdog import STUCK_TIMEOUT, watching

OUTCOMES: Final = ("kept", "broken", "skipped", "untestable")

CHECK_TIMEOUT: Final = 30.0
"""Seconds that the check of one rule may take."""

CORPUS_TIMEOUT: Final = 1800.0
"""Seconds that a whole corpus may take, with every cutting."""


@dataclass(frozen=True, slots=True)
class RuleResult:
    """What came of one rule."""

    rule: Rule
    outcome: str
    """One of :data:`OUTCOMES`."""
    message: str = ""
    """What was found, or why it was skipped; empty where the rule is kept."""
    data: bytes = b""
    """The first bytes that show it."""
    expected: str = ""
    """What should have been found."""

    def to_json(self) -> dict[str, Any]:
        """Return it as what :mod:`json` writes; each byte of ``data`` is one character."""
        return {
            "rule": self.rule.id,
            "group": self.rule.group,
            "level": self.rule.level,
            "title": self.rule.title,
            "outcome": self.outcome,
            "message": self.message,
            "data": self.data.decode("latin-1"),
            "expected": self.expected,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What came of all rules, in their order."""

    backend: str
    results: tuple[RuleResult, ...]

    @property
    def passed(self) -> bool:
        """Whether no required rule is broken."""
        return not any(
            result.outcome == "broken" and result.rule.level == "required" for result in self.results
        )

    def count(self, outcome: str, level: str | None = None) -> int:
        """Return how many rules, of one level or of all, came to an outcome."""
        return sum(
            result.outcome == outcome and level in (None, result.rule.level) for result in self.results
        )

    def to_json(self) -> dict[str, Any]:
        """Return it as what :mod:`json` writes."""
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
) -> Report:
    """Run every check against a backend, each in an event loop of its own.

    :param backend: its name, or ``module:attribute``.
    :param progress: called with the number of rules done and of all, before the first and after each.
    :param corpus: whether the rules that run the whole corpus are checked; they take minutes.
    """
    return Report(backend, tuple(_results(Subject(backend), progress, corpus)))


def _results(
    subject: Subject, progress: Callable[[int, int], None] | None, corpus: bool
) -> Iterable[RuleResult]:
    rules = load_rules()
    for number, rule in enumerate(rules):
        if progress is not None:
            progress(number, len(rules))
        if is_long(rule) and not corpus:
            yield RuleResult(rule, "skipped", "the corpus is not run")
        else:
            yield run_rule(rule, subject)
    if progress is not None:
        progress(len(rules), len(rules))


def is_long(rule: Rule) -> bool:
    """Return whether the check of a rule runs a corpus, which takes minutes."""
    return rule.id.startswith("K9.")


def run_rule(rule: Rule, subject: Subject) -> RuleResult:
    """Check one rule, in an event loop of its own."""
    if rule.level == "untestable":
        return RuleResult(rule, "untestable", "no test can show whether it is kept")
    reason = subject.why_skipped(rule)
    if reason is not None:
        return RuleResult(rule, "skipped", reason)
    seconds = (CORPUS_TIMEOUT if is_long(rule) else CHECK_TIMEOUT) * subject.scale

    async def run() -> None:
        watch.beat()
        async with asyncio.timeout(seconds):
            await load_checks()[rule.id](subject)

    with watching(STUCK_TIMEOUT * subject.scale) as watch:
        result = _result_of(rule, run(), seconds)
    if watch.place is not None:
        message = f"the event loop was kept for {watch.seconds:g} seconds, in {watch.place}"
        return RuleResult(rule, "broken", message)
    return result


def _result_of(rule: Rule, check: Coroutine[Any, Any, None], seconds: float) -> RuleResult:
    try:
        asyncio.run(check)
    except NotApplicable as reason_not:
        return RuleResult(rule, "skipped", str(reason_not))
    except RuleBroken as broken:
        return RuleResult(rule, "broken", broken.message, broken.data, broken.expected)
    except TimeoutError:
        return RuleResult(rule, "broken", f"its check did not end within {seconds:g} seconds")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # A SystemExit of the backend's would end the run, and with 0 as if every rule were kept.
        return RuleResult(rule, "broken", f"its check met {type(error).__name__}: {error}")
    return RuleResult(rule, "kept")

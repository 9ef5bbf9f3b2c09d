"""One check for each rule that can be tested, by the rule's id.

A check is a coroutine function that is given a :class:`~kyoukai.testing.subject.Subject`. It raises
:class:`RuleBroken` where the rule is not kept, :class:`NotApplicable` where there is nothing to check,
and returns otherwise. Anything else that it raises breaks the rule too.
"""

import functools
import importlib
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final

from ..rule_errors import NotApplicable, RuleBroken

if TYPE_CHECKING:
    from ..subject import Subject

__all__ = ("MODULES", "Check", "NotApplicable", "RuleBroken", "check", "load_checks")

Check = Callable[["Subject"], Awaitable[None]]

MODULES: Final = (
    "backend",
    "protocol",
    "parser",
    "errors",
    "replace",
    "shutdown",
    "sharing",
    "flow",
    "corpus",
    "requests",
    "answers",
    "bodies",
    "refusals",
    "tunnels",
    "tunnel_ends",
)
"""One a group of rules, in their order; the last two groups have several."""

_checks: dict[str, Check] = {}


def check(rule: str) -> Callable[[Check], Check]:
    """Register the check of the rule with this id.

    :raises ValueError: if it has one already.
    """

    def register(function: Check) -> Check:
        if rule in _checks:
            raise ValueError(f"{rule} has a check already")
        _checks[rule] = function
        return function

    return register


@functools.cache
def load_checks() -> Mapping[str, Check]:
    """Return the check of each rule."""
    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}")
    return _checks

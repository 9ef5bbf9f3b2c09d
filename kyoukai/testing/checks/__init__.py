"""The checks: one for each testable rule, registered by the rule's id.

A check is a coroutine function that takes a :class:`~kyoukai.testing.subject.Subject`. It raises
:class:`RuleBroken` if the rule is broken, and :class:`NotApplicable` if there is nothing to check. Otherwise
it returns. Any other exception also means that the rule is broken.
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
"""One module for each group of rules, in order; the last two groups have several."""

_checks: dict[str, Check] = {}


def check(rule: str) -> Callable[[Check], Check]:
    """Register the check of the rule with this id.

    :raises ValueError: if the rule already has a check.
    """

    def register(function: Check) -> Check:
        if rule in _checks:
            raise ValueError(f"{rule} already has a check")
        _checks[rule] = function
        return function

    return register


@functools.cache
def load_checks() -> Mapping[str, Check]:
    """Return all checks by the id of the rule."""
    for module in MODULES:
        importlib.import_module(f"{__name__}.{module}")
    return _checks

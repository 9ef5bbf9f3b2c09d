import asyncio
from typing import Any

from kyoukai import Backend
from kyoukai.testing import Report, RuleResult, run_rules


class BadBackend(Backend):
    """A backend that breaks rules: each connection raises."""

    api_version = 1

    def create_protocol(self, *arguments: Any) -> asyncio.Protocol:
        raise RuntimeError("no more clients")


report: Report = run_rules(f"{__name__}:BadBackend", corpus=False)
first: RuleResult = next(result for result in report.results if result.outcome == "broken")
print(report.passed, report.count("broken") > 0)  # False True
print(first.rule.id, "no more clients" in first.message)  # K1.6 True

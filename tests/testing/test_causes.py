"""What a report says first where many rules are broken: why."""

from typing import Any

import pytest

from kyoukai.backends.reference import KyoukaiProtocol, RequestParser
from kyoukai.testing import run_rules, stage
from kyoukai.testing.report import Report, RuleResult, find_causes
from kyoukai.testing.rules import Rule

from .mutants import lower
from .mutants.parsers import Calls, by_calls


class ParseError(Exception):
    """What the parsers below raise."""


class Fussy(RequestParser):
    """It takes no request."""

    def feed_data(self, data: bytes, /) -> None:
        raise ParseError("I do not like it")


class Faulty(RequestParser):
    """It has a bug."""

    def feed_data(self, data: bytes, /) -> None:
        data.no_such_method()  # type: ignore[attr-defined]


class FussyProtocol(KyoukaiProtocol):
    parser_errors = (ParseError,)

    def make_parser(self) -> Any:
        return Fussy(self)


class FaultyProtocol(KyoukaiProtocol):
    def make_parser(self) -> Any:
        return Faulty(self)


class FussyBackend(lower.Sound):
    """Its parser takes no request."""

    protocol_class = FussyProtocol


class FaultyBackend(lower.Sound):
    """Its parser has a bug."""

    protocol_class = FaultyProtocol


class Longer(Calls):
    """Each target is longer than it was sent."""

    def on_url(self, url: bytes) -> None:
        self.protocol.on_url(url + b"x")


LongerBackend = by_calls(Longer)


def broken(report: Report) -> dict[str, RuleResult]:
    return {result.rule.id: result for result in report.results if result.outcome == "broken"}


@pytest.mark.parametrize(
    ("backend", "raised"),
    [
        (FussyBackend, "ParseError('I do not like it')"),
        (FaultyBackend, """AttributeError("'bytes' object has no attribute 'no_such_method'")"""),
    ],
)
def test_a_parser_that_raises_is_said_first_and_named_once(
    monkeypatch: pytest.MonkeyPatch, backend: Any, raised: str
) -> None:
    # Nothing is waited for on a connection that has ended by it.
    monkeypatch.setattr(stage, "PATIENCE", 3600.0)
    results = broken(run_rules(f"{__name__}:{backend.__name__}", corpus=False))
    first = f"the request was refused: the parser raised {raised}; "
    for number in (1, 2, 3, 4, 6, 7, 8, 9, 11):
        assert results[f"K3.{number}"].message.startswith(first), number
    for rule in ("K1.7", "K1.8", "K2.7", "K10.1", "K10.2"):
        assert results[rule].message.startswith(first), rule
    assert results.pop("K3.1").cause == ""
    causes = {result.cause for rule, result in results.items() if rule.startswith(("K1.", "K3."))}
    assert causes == {"K3.1"}


def test_a_disagreement_is_said_first_and_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "PATIENCE", 3600.0)
    results = broken(run_rules(f"{__name__}:LongerBackend", corpus=False))
    assert len(results) > 30
    first = "the request was refused: the server has read one head, and the parser has read another target"
    assert [rule for rule, result in results.items() if not result.message.startswith(first)] == []
    assert {rule for rule, result in results.items() if not result.cause} == {"K3.1"}


def result(
    name: str, *, after: tuple[str, ...] = (), root: str = "", outcome: str = "broken", storey: str = ""
) -> RuleResult:
    storey = storey or ("HTTPProtocol" if name.startswith("K3.") else "Exchange")
    rule = Rule(name, "group", "required", "t", "s", "x", storey=storey, after=after)
    return RuleResult(rule, outcome, root=root)


def causes(*results: RuleResult) -> list[str]:
    return [result.cause for result in find_causes(results)]


def test_the_first_of_a_row_is_the_cause() -> None:
    assert causes(
        result("K10.1"), result("K10.2", after=("K10.1",)), result("K10.3", after=("K10.2",)), result("K10.4")
    ) == ["", "K10.1", "K10.1", ""]


def test_missing_parser_method_is_the_single_cause() -> None:
    assert causes(
        result("K1.7", storey="Backend"),
        result("K1.8", storey="Backend", root="x"),
        result("K2.2"),
        result("K3.1", root="x"),
        result("K10.1"),
    ) == ["", "K2.2", "", "K2.2", "K2.2"]


def test_a_rule_that_is_kept_is_no_cause() -> None:
    assert causes(result("K10.1", outcome="kept"), result("K10.2", after=("K10.1",))) == ["", ""]


def test_one_exception_is_one_cause_with_the_parser_first() -> None:
    assert causes(result("K10.1", root="x"), result("K3.1", root="x"), result("K10.2", root="y")) == [
        "K3.1",
        "",
        "",
    ]


def test_rules_that_are_after_each_other_have_a_cause() -> None:
    # Whichever of the two: it ends.
    assert causes(result("K10.1", after=("K10.2",)), result("K10.2", after=("K10.1",))) == ["K10.2", "K10.1"]

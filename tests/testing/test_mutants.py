"""Each required rule is broken by a backend of its own, and that breaks no other.

A rule that nothing can break is no rule. :data:`MUTANTS` is the table of rule against backend; the
rules of the group K9 are beside it, for what breaks another rule may well break cases of the corpus.
"""

from collections.abc import Iterator
from types import ModuleType

import pytest

from kyoukai.testing.checks import load_checks
from kyoukai.testing.report import is_long, run_rule, run_rules
from kyoukai.testing.rules import load_rules
from kyoukai.testing.silence import silenced
from kyoukai.testing.subject import Subject

from .mutants import http, lower, parsers, upper

MUTANTS = {
    "K1.1": (lower, "NeedsAnOption"),
    "K1.2": (lower, "OfALaterVersion"),
    "K1.3": (lower, "ClaimsWhatNobodyKnows"),
    "K1.4": (lower, "OffersOneString"),
    "K1.5": (lower, "TakesEveryOption"),
    "K1.6": (lower, "HandsOutOneTwice"),
    "K1.7": (lower, "KnowsNoUnixSocket"),
    "K1.8": (lower, "ServesForTheFirst"),
    "K1.9": (lower, "Silent"),
    "K2.1": (upper, "MakesOneParser"),
    "K2.2": (parsers, "HasNoUpgrade"),
    "K2.3": (upper, "OverridesACallback"),
    "K2.4": (upper, "IsLostTwice"),
    "K2.5": (upper, "HidesItself"),
    "K2.7": (upper, "KeepsHints"),
    "K2.8": (upper, "DropsTrailers"),
    "K3.1": (parsers, "TellsTheTargetLast"),
    "K3.2": (parsers, "DecodesTheTarget"),
    "K3.3": (parsers, "JoinsFields"),
    "K3.4": (parsers, "DropsTheLastChunk"),
    "K3.5": (parsers, "SendsAnEmptyPiece"),
    "K3.6": (parsers, "MergesTrailers"),
    "K3.7": (parsers, "KnowsOneVersion"),
    "K3.8": (parsers, "WaitsForTheBody"),
    "K3.9": (parsers, "CompletesLate"),
    "K3.10": (parsers, "LendsItsBuffer"),
    "K3.11": (parsers, "HoldsTheBody"),
    "K3.12": (parsers, "LosesASingleByte"),
    "K4.1": (upper, "RaisesInTranslate"),
    "K4.2": (parsers, "HidesRefusals"),
    "K4.3": (parsers, "GoesOn"),
    "K4.4": (upper, "SaysNothing"),
    "K4.5": (upper, "Complains"),
    "K4.6": (upper, "TakesBugsForBadInput"),
    "K4.7": (parsers, "HidesBugs"),
    "K5.1": (upper, "LosesUnreadBytes"),
    "K5.2": (upper, "StaysTheProtocol"),
    "K5.3": (upper, "AnswersAfterReplace"),
    "K6.1": (upper, "StaysOpen"),
    "K6.2": (upper, "CutsOffAtOnce"),
    "K6.3": (upper, "LetsHandlersRun"),
    "K7.1": (upper, "SharesABody"),
    "K7.2": (upper, "AnswersOutOfOrder"),
    "K7.3": (upper, "SharesContext"),
    "K8.1": (upper, "IgnoresFullQueue"),
    "K8.2": (upper, "IgnoresPause"),
    "K8.3": (upper, "LeaksOnReset"),
    "K8.4": (upper, "RemembersConnections"),
}

HTTP_MUTANTS = {
    "K9.1": (http, "NeverContinues"),
    "K9.2": (http, "TakesUnderscores"),
    "K9.4": (http, "AddsAField"),
}

RULES = {rule.id: rule for rule in load_rules()}
SHORT = [rule for rule in load_rules() if not is_long(rule)]


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    with silenced():
        yield


@pytest.fixture(autouse=True)
def same_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is made up must be the same each time."""
    monkeypatch.setenv("KYOUKAI_SEED", "1")
    monkeypatch.setenv("KYOUKAI_EXAMPLES", "20")


def reference(mutant: tuple[ModuleType, str]) -> str:
    module, name = mutant
    return f"{module.__name__}:{name}"


def test_each_required_rule_has_a_mutant() -> None:
    required = {rule.id for rule in load_rules() if rule.level == "required"}
    assert required <= {*MUTANTS, *HTTP_MUTANTS} <= set(load_checks())
    assert len(set(MUTANTS.values())) == len(MUTANTS)


@pytest.mark.parametrize(("rule", "mutant"), MUTANTS.items(), ids=[name for _, name in MUTANTS.values()])
def test_a_mutant_breaks_its_rule_and_no_other(rule: str, mutant: tuple[ModuleType, str]) -> None:
    report = run_rules(reference(mutant), corpus=False)
    broken = [result.rule.id for result in report.results if result.outcome == "broken"]
    assert broken == [rule]
    assert report.passed == (RULES[rule].level == "optional")
    [result] = [result for result in report.results if result.rule.id == rule]
    assert result.message
    assert "its check met" not in result.message


@pytest.mark.parametrize(
    ("rule", "mutant"), HTTP_MUTANTS.items(), ids=[name for _, name in HTTP_MUTANTS.values()]
)
def test_a_mutant_breaks_its_rule_of_http(rule: str, mutant: tuple[ModuleType, str]) -> None:
    subject = Subject(reference(mutant), whole=True)
    result = run_rule(RULES[rule], subject)
    assert result.outcome == "broken"
    assert result.message
    # Nothing but the corpus and the comparison sees it.
    broken = [other.id for other in SHORT if run_rule(other, subject).outcome == "broken"]
    assert broken == []


@pytest.mark.parametrize(
    "name", ["httptools", "reference", f"{lower.__name__}:Sound", f"{upper.__name__}:SaysBadRequest"]
)
def test_sound_backends_keep_every_rule(name: str) -> None:
    subject = Subject(name, whole=True)
    outcomes = {rule.id: run_rule(rule, subject) for rule in load_rules()}
    assert [result for result in outcomes.values() if result.outcome == "broken"] == []
    skipped = [rule for rule, result in outcomes.items() if result.outcome == "skipped"]
    # There is nothing to compare the reference with.
    assert skipped == (["K9.4"] if name == "reference" else [])

"""Each required rule is broken by a backend of its own, and that breaks no other.

A rule that nothing can break is no rule. :data:`MUTANTS` is the table of rule against backend; the
rules of the group K9 are beside it, for what breaks another rule may well break cases of the corpus.
"""

from collections.abc import Iterator
from types import ModuleType

import pytest

from kyoukai.testing.checks import load_checks
from kyoukai.testing.report import Report, is_long, run_rule, run_rules
from kyoukai.testing.rules import load_rules
from kyoukai.testing.silence import silenced
from kyoukai.testing.subject import Subject

from .mutants import http, lower, parsers, upper, wire

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
    "K1.12": (lower, "BeginsAsHTTP"),
    "K2.1": (upper, "MakesOneParser"),
    "K2.2": (parsers, "HasNoKeepAlive"),
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
    "K10.1": (wire, "LosesTheQuery"),
    "K10.2": (wire, "TellsTheEndAtOnce"),
    "K10.3": (wire, "ReadsText"),
    "K10.4": (wire, "HoldsStreams"),
    "K10.5": (wire, "DropsTheirTrailers"),
    "K10.6": (wire, "TakesTheEndForTheBodys"),
    "K10.7": (wire, "AnswersTwice"),
    "K10.8": (wire, "JoinsTheirFields"),
    "K10.9": (wire, "NeverEnds"),
    "K10.10": (wire, "FillsHeads"),
    "K10.11": (wire, "HoldsAnswers"),
    "K10.12": (wire, "ForgetsTheReset"),
    "K10.13": (wire, "NeverPauses"),
    "K10.14": (wire, "NeverResumes"),
    "K10.15": (wire, "LetsHandlersRun"),
    "K10.16": (wire, "ClosesForARefusal"),
    "K10.17": (wire, "TakesEverySize"),
    "K10.18": (wire, "ClosesAtOnce"),
    "K10.19": (wire, "NeverSweeps"),
    "K10.20": (wire, "LogsByItself"),
    "K11.1": (wire, "DropsTheFieldsOfTunnels"),
    "K11.2": (wire, "OpensWhatIsNotOffered"),
    "K11.3": (wire, "DropsWhatComesEarly"),
    "K11.4": (wire, "ChangesBytesOfTunnels"),
    "K11.5": (wire, "HoldsWhatTunnelsWrite"),
    "K11.6": (wire, "NeverPausesTunnels"),
    "K11.7": (wire, "NeverResumesTunnels"),
    "K11.8": (wire, "WritesOnInTunnels"),
    "K11.9": (wire, "ForgetsTheirEnd"),
    "K11.10": (wire, "ForgetsTunnels"),
    "K11.11": (wire, "EndsTunnelsWithoutASign"),
    "K11.12": (wire, "ClosesTunnelsAtAStop"),
    "K11.13": (wire, "LeavesTunnelsOpen"),
    "K11.14": (wire, "ClosesIdleTunnels"),
    "K11.15": (wire, "HidesTheClient"),
}

FAULTS = {
    (lower, "BeginsWithAText"): "K1.12",
    (lower, "BeginsOtherwise"): "K1.12",
    (wire, "LosesTheEnd"): "K10.2",
    (wire, "HandlesTwice"): "K10.7",
    (wire, "EndsForAReset"): "K10.12",
    (wire, "ForgetsTheClient"): "K8.3",
    (wire, "WritesOn"): "K8.2",
    (wire, "DropsATrailer"): "K2.8",
    (wire, "DropsHints"): "K2.7",
    (wire, "CutsOffAtOnce"): "K6.2",
    (wire, "BeginsTunnelsBeforeTheirHeads"): "K11.1",
    (wire, "EndsTunnelsTwice"): "K11.10",
    (upper, "ResumesWhoWasPaused"): "K11.6",
}
"""What else an author may get wrong, and the rule that names it."""

HTTP_MUTANTS = {
    "K9.1": (http, "NeverContinues"),
    "K9.2": (http, "TakesUnderscores"),
    "K9.4": (http, "AddsAField"),
    "K9.5": (wire, "TakesUnderscores"),
}

pytestmark = pytest.mark.usefixtures("little_patience")

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
    assert broken_rules(report) == [rule]
    assert report.passed == (RULES[rule].level == "optional")
    [result] = [result for result in report.results if result.rule.id == rule]
    assert result.message
    assert "the check raised" not in result.message


def broken_rules(report: Report) -> list[str]:
    """Return the broken rules. One that another is the cause of names that, and is none of its own."""
    broken = [result for result in report.results if result.outcome == "broken"]
    rules = [result.rule.id for result in broken if not result.cause]
    assert {result.cause for result in broken} <= {"", *rules}
    return rules


@pytest.mark.parametrize(("fault", "rule"), FAULTS.items(), ids=[name for _, name in FAULTS])
def test_a_fault_is_named_by_one_rule(fault: tuple[ModuleType, str], rule: str) -> None:
    assert broken_rules(run_rules(reference(fault), corpus=False)) == [rule]


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
    left = [rule for rule, result in outcomes.items() if result.outcome in ("inapplicable", "unchecked")]
    # There is nothing to compare the reference with, and none of them needs an adapter.
    assert left == (["K9.4"] if name == "reference" else []) + ["K9.5"]


def test_a_sound_wire_keeps_every_rule_of_its_storeys() -> None:
    subject = Subject(f"{wire.__name__}:Sound")
    results = [run_rule(rule, subject) for rule in load_rules()]
    assert [result for result in results if result.outcome in ("broken", "unchecked")] == []
    kept = {result.rule.id for result in results if result.outcome == "kept"}
    storeys = ("Backend", "Exchange")
    testable = [rule for rule in load_rules() if rule.level != "untestable"]
    assert kept == {rule.id for rule in testable if rule.storey in storeys}

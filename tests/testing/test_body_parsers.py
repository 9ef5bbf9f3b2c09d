"""The rules of a parser that takes heads from the server: those of bodies hold, and those of heads do not."""

import pytest

from kyoukai.testing import Report, run_rules
from kyoukai.testing.subject import Subject

from .mutants import body_parsers, parsers

HEADS = ["K3.2", "K3.3", "K3.7", "K3.8"]

pytestmark = pytest.mark.usefixtures("little_patience")


def report(name: str) -> Report:
    return run_rules(f"{body_parsers.__name__}:{name}", corpus=False)


def rules(found: Report, outcome: str) -> list[str]:
    return [result.rule.id for result in found.results if result.outcome == outcome and not result.cause]


def test_the_rules_of_heads_do_not_apply() -> None:
    assert Subject(body_parsers.TakesHeads).takes_heads
    assert not Subject("reference").takes_heads
    found = report("TakesHeads")
    assert rules(found, "broken") == []
    assert rules(found, "inapplicable") == HEADS
    reasons = {result.message for result in found.results if result.outcome == "inapplicable"}
    assert reasons == {"the server reads the heads for this parser (it has begin_message)"}


@pytest.mark.parametrize(
    ("name", "rule"), [("TellsOfHeads", "K3.1"), ("DropsAChunk", "K3.4"), ("CompletesEarly", "K3.9")]
)
def test_the_rules_of_bodies_are_checked(name: str, rule: str) -> None:
    assert rules(report(name), "broken") == [rule]


def test_a_disagreement_names_both_ends() -> None:
    [broken] = [result for result in report("DropsAChunk").results if result.outcome == "broken"]
    assert broken.message.startswith(
        "the request was refused: the server read its last chunk after 14 bytes of content, "
        "and the parser ends it after 9; on_body got"
    )


def test_consequences_of_a_disagreement_name_one_cause() -> None:
    results = run_rules(f"{parsers.__name__}:AddsToTheTarget", corpus=False).results
    found = [result for result in results if result.outcome == "broken"]
    assert len(found) > 30
    first = "the request was refused: the server has read one head, and the parser has read another target"
    assert [result.rule.id for result in found if not result.message.startswith(first)] == []

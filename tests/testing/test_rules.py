"""The rules as data, and that each one has a check where it can have one."""

from typing import Any

import pytest

from kyoukai import Feature
from kyoukai.testing.checks import check, load_checks
from kyoukai.testing.checks.backend import BEGUN_REQUEST
from kyoukai.testing.rules import RulesError, load_rules, parse_rules

ENTRY = {"id": "K1.1", "level": "required", "title": "t", "statement": "s", "source": "x"}


def test_each_testable_rule_has_a_check_and_no_other() -> None:
    testable = {rule.id for rule in load_rules() if rule.level != "untestable"}
    assert set(load_checks()) == testable


def test_the_groups_are_numbered_without_gaps() -> None:
    numbers: dict[str, list[int]] = {}
    for rule in load_rules():
        group, _, number = rule.id.partition(".")
        numbers.setdefault(group, []).append(int(number))
    assert list(numbers) == [f"K{number}" for number in range(1, 12)]
    assert all(found == list(range(1, len(found) + 1)) for found in numbers.values())


def test_features_are_known() -> None:
    assert {rule.feature for rule in load_rules()} <= {None, *Feature}


def test_rule_order_has_no_cycle() -> None:
    rules = {rule.id: rule for rule in load_rules()}

    def before(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, (*seen, name)
        for earlier in rules[name].after:
            before(earlier, (*seen, name))

    for name in rules:
        before(name)


def test_statements_are_sentences() -> None:
    assert [rule.id for rule in load_rules() if not rule.statement.endswith(".")] == []


def test_a_rule_has_one_check() -> None:
    load_checks()
    with pytest.raises(ValueError, match=r"K1\.1 already has a check"):
        check("K1.1")(load_checks()["K1.1"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "K2.1"}, "K2.1 is not an id of the group K1"),
        ({"id": "K1"}, "K1 is not an id"),
        ({"id": "K1.01"}, "K1.01 is not an id"),
        ({"level": "nice"}, "unknown level or storey"),
        ({"storey": "Attic"}, "unknown level or storey"),
        ({"after": ["K7.7"]}, r"K1.1 is after unknown rules: \['K7.7'\]"),
        ({"colour": "red"}, r"unknown keys \['colour'\]"),
    ],
)
def test_invalid_rule_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(RulesError, match=message):
        parse_rules({"K1": {"title": "Backend", "rules": [ENTRY | change]}})


def test_a_missing_key_is_refused() -> None:
    entry = {key: value for key, value in ENTRY.items() if key != "source"}
    with pytest.raises(RulesError, match=r"missing keys \['source'\]"):
        parse_rules({"K1": {"title": "Backend", "rules": [entry]}})


def test_an_id_that_comes_twice_is_refused() -> None:
    with pytest.raises(RulesError, match=r"K1\.1 is used twice"):
        parse_rules({"K1": {"title": "Backend", "rules": [ENTRY, ENTRY]}})


@pytest.mark.parametrize(
    ("data", "is_begun"),
    [
        (b"G", True),
        (b"GET", True),
        (b"GET /a HTTP/1.1\r\nHost: a", True),
        (b"PRI * HTTP/", True),
        (b"\r\nGET /", True),
        (b"\r", True),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", False),
        (b"PRI * HTTP/2", False),
        (b"LINES\r\n", False),
        (b"\x16\x03\x01", False),
        (b" GET /", False),
        (b"GET  /", False),
    ],
)
def test_allowed_first_bytes_of_http_1(data: bytes, is_begun: bool) -> None:
    assert bool(BEGUN_REQUEST.fullmatch(data)) is is_begun

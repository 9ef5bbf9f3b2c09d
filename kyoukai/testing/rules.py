"""The rules of a backend's contract, as data: ``rules.toml`` has them, and this reads it.

The documentation, the names of the tests and the report are made from the same file.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

LEVELS: Final = ("required", "optional", "untestable")
"""How binding a rule is; an untestable one is owed like a required one, and no check can show it."""

IDENTIFIER: Final = re.compile(r"(K[1-9][0-9]?)\.[1-9][0-9]?")

KEYS: Final = frozenset(
    {"id", "level", "title", "statement", "source", "feature", "storey", "after", "heads"}
)

STOREYS: Final = ("Backend", "Exchange", "HTTPProtocol")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the contract."""

    id: str
    """Such as ``K1.3``; it is never given to another rule."""
    group: str
    """The title of its group."""
    level: str
    """One of :data:`LEVELS`."""
    title: str
    """A few words."""
    statement: str
    """What is owed."""
    source: str
    """Where the contract says so: a page of the documentation, or an RFC's section."""
    feature: str | None = None
    """The feature that a backend must claim for the rule to hold; ``None``: it always does."""
    storey: str = "HTTPProtocol"
    """Whom it holds for. ``Backend``: every backend; ``Exchange``: every one whose connections carry
    requests, checked by an adapter; ``HTTPProtocol``: those whose connections derive from that."""
    heads: bool = False
    """Whether it is about the heads that a parser reads, and does not hold for one with ``begin_message``."""
    after: tuple[str, ...] = ()
    """Rules that, where they are broken, are why this one is."""


class RulesError(Exception):
    """The rules are not written as they must be; the message says which."""


@functools.cache
def load_rules() -> tuple[Rule, ...]:
    """Return all rules, in the order of the file.

    :raises RulesError: if one of them is no rule.
    """
    text = resources.files("kyoukai.testing").joinpath("rules.toml").read_text("utf-8")
    return parse_rules(tomllib.loads(text))


def parse_rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a document.

    :raises RulesError: if a key is unknown or missing, a level or an id is none, an id comes twice, or a rule
        is after one that there is not.
    """
    found: dict[str, Rule] = {}
    for prefix, group in document.items():
        for entry in group["rules"]:
            rule = _parse(prefix, group["title"], entry)
            if rule.id in found:
                raise RulesError(f"{rule.id} comes twice")
            found[rule.id] = rule
    for rule in found.values():
        if missing := set(rule.after) - set(found):
            raise RulesError(f"{rule.id} is after {sorted(missing)}, which are no rules")
    return tuple(found.values())


def _parse(prefix: str, title: str, entry: Mapping[str, Any]) -> Rule:
    unknown = set(entry) - KEYS
    missing = {"id", "level", "title", "statement", "source"} - set(entry)
    if unknown or missing:
        raise RulesError(f"{entry.get('id')}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    match = IDENTIFIER.fullmatch(entry["id"])
    if match is None or match[1] != prefix:
        raise RulesError(f"{entry['id']} is no id of the group {prefix}")
    if entry["level"] not in LEVELS or entry.get("storey", "Backend") not in STOREYS:
        raise RulesError(f"{entry['id']}: its level or its storey is none")
    return Rule(group=title, **{**entry, "after": tuple(entry.get("after", ()))})

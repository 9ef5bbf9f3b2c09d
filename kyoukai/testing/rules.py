"""Load the rules of the backend contract from ``rules.toml``.

The documentation, the test names and the report are generated from the same file.
"""

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final

LEVELS: Final = ("required", "optional", "untestable")
"""How binding a rule is. An untestable rule is required too, but no check can show whether it is kept."""

IDENTIFIER: Final = re.compile(r"(K[1-9][0-9]?)\.[1-9][0-9]?")

KEYS: Final = frozenset(
    {"id", "level", "title", "statement", "source", "feature", "storey", "after", "heads"}
)

STOREYS: Final = ("Backend", "Exchange", "HTTPProtocol")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of the contract."""

    id: str
    """The identifier, such as ``K1.3``; never reused for another rule."""
    group: str
    """The title of its group."""
    level: str
    """One of :data:`LEVELS`."""
    title: str
    """A few words that name the rule."""
    statement: str
    """What the rule requires."""
    source: str
    """Where the rule comes from: a page of the documentation, or a section of an RFC."""
    feature: str | None = None
    """The rule applies only to backends that claim this feature; ``None``: to all."""
    storey: str = "HTTPProtocol"
    """What the rule applies to. ``Backend``: every backend. ``Exchange``: every backend whose connections
    carry requests, checked through an adapter. ``HTTPProtocol``: backends whose connections derive from that
    class."""
    heads: bool = False
    """Whether the rule is about heads that the parser reads; not applicable if it has ``begin_message``."""
    after: tuple[str, ...] = ()
    """Rules that explain this one: if one of them is broken, this rule is probably broken because of it."""


class RulesError(Exception):
    """``rules.toml`` is invalid; the message names the rule."""


@functools.cache
def load_rules() -> tuple[Rule, ...]:
    """Return all rules, in the order of the file.

    :raises RulesError: if a rule is invalid.
    """
    text = resources.files("kyoukai.testing").joinpath("rules.toml").read_text("utf-8")
    return parse_rules(tomllib.loads(text))


def parse_rules(document: Mapping[str, Any]) -> tuple[Rule, ...]:
    """Return the rules of a parsed TOML document.

    :raises RulesError: if a key is unknown or missing, a level, storey or id is invalid, an id is used twice,
        or ``after`` names an unknown rule.
    """
    found: dict[str, Rule] = {}
    for prefix, group in document.items():
        for entry in group["rules"]:
            rule = _parse(prefix, group["title"], entry)
            if rule.id in found:
                raise RulesError(f"{rule.id} is used twice")
            found[rule.id] = rule
    for rule in found.values():
        if missing := set(rule.after) - set(found):
            raise RulesError(f"{rule.id} is after unknown rules: {sorted(missing)}")
    return tuple(found.values())


def _parse(prefix: str, title: str, entry: Mapping[str, Any]) -> Rule:
    unknown = set(entry) - KEYS
    missing = {"id", "level", "title", "statement", "source"} - set(entry)
    if unknown or missing:
        raise RulesError(f"{entry.get('id')}: unknown keys {sorted(unknown)}, missing keys {sorted(missing)}")
    match = IDENTIFIER.fullmatch(entry["id"])
    if match is None or match[1] != prefix:
        raise RulesError(f"{entry['id']} is not an id of the group {prefix}")
    if entry["level"] not in LEVELS or entry.get("storey", "Backend") not in STOREYS:
        raise RulesError(f"{entry['id']}: unknown level or storey")
    return Rule(group=title, **{**entry, "after": tuple(entry.get("after", ()))})

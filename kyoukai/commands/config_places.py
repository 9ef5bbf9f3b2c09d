"""Where in a configuration file something is: its keys, and the line that they stand on."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

MOST_DEEP: Final = 20
"""Mappings within mappings: a mapping of YAML may have itself as one of its values."""


def find_lines(node: Node | None) -> dict[str, int]:
    """Return the lines of all keys of a file, from 1; keys below others are joined to them by dots."""
    return dict(_lines("", node, MOST_DEEP)) if node is not None else {}


def _lines(above: str, node: Node, depth: int) -> Iterator[tuple[str, int]]:
    if isinstance(node, MappingNode) and depth:
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                name = f"{above}.{key.value}" if above else str(key.value)
                yield name, key.start_mark.line + 1
                yield from _lines(name, value, depth - 1)


@dataclasses.dataclass(frozen=True)
class Place:
    """A mapping in a file. As a text it is what a message about it begins with."""

    path: str
    lines: Mapping[str, int]
    keys: str = ""
    """The keys that lead to it, joined by dots; empty: all of the file."""
    service: str = ""
    """The keys of the service in a file of several: its settings stand there, or at the top for all."""

    def __str__(self) -> str:
        return f"{self.line(self.keys)}: {self.keys}" if self.keys else self.path

    def below(self, name: Any) -> "Place":
        """Return the place of one of its values."""
        return dataclasses.replace(self, keys=self._join(name))

    def beside(self, name: Any) -> str:
        """Return what a message about one of its own keys begins with: that key's line."""
        line = self.line(self._join(name))
        return f"{line}: {self.keys}" if self.keys else line

    def has(self, name: str) -> bool:
        """Return whether one of its own keys stands in the file."""
        keys = self._join(name)
        return any(known in self.lines for known in (f"{self.service}.{keys}", keys))

    def line(self, keys: str) -> str:
        """Return the file and the line of a key, or of the nearest above that stands in the file."""
        while keys:
            for known in (f"{self.service}.{keys}", keys):
                if known in self.lines:
                    return f"{self.path}:{self.lines[known]}"
            keys = keys.rpartition(".")[0]
        return self.path

    def _join(self, name: Any) -> str:
        return f"{self.keys}.{name}" if self.keys else str(name)

"""Places in a configuration file: keys and their lines, for messages."""

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

MOST_DEEP: Final = 20
"""The most levels of mappings to look into: a YAML mapping may contain itself."""


def find_lines(node: Node | None) -> dict[str, int]:
    """Return the lines of all keys of a file, from 1. Dots join nested keys."""
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
    """A mapping in a file. Its text is the beginning of a message about it."""

    path: str
    lines: Mapping[str, int]
    keys: str = ""
    """The keys that lead to it, joined by dots; empty: the top of the file."""
    service: str = ""
    """The keys of the service, in a file with several. A setting is there, or at the top for all."""

    def __str__(self) -> str:
        return f"{self.line(self.keys)}: {self.keys}" if self.keys else self.path

    def below(self, name: Any) -> "Place":
        """Return the place of the value below ``name``."""
        return dataclasses.replace(self, keys=self._join(name))

    def beside(self, name: Any) -> str:
        """Return the beginning of a message about one of its own keys: file and line."""
        line = self.line(self._join(name))
        return f"{line}: {self.keys}" if self.keys else line

    def has(self, name: str) -> bool:
        """Return whether the key ``name`` of this mapping is in the file."""
        keys = self._join(name)
        return any(known in self.lines for known in (f"{self.service}.{keys}", keys))

    def line(self, keys: str) -> str:
        """Return the file and the line of a key, or of its nearest parent in the file."""
        while keys:
            for known in (f"{self.service}.{keys}", keys):
                if known in self.lines:
                    return f"{self.path}:{self.lines[known]}"
            keys = keys.rpartition(".")[0]
        return self.path

    def _join(self, name: Any) -> str:
        return f"{self.keys}.{name}" if self.keys else str(name)

"""The kinds of values that options take: how a text is read as one, and which other values are one.

A text comes from the command line or from the environment, any other value from a configuration file or
from a program. All are held to the same words.
"""

import contextlib
import dataclasses
import os
import shlex
from collections.abc import Callable, Mapping
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import MOST

TRUE: Final = ("true", "1", "yes", "on")
FALSE: Final = ("false", "0", "no", "off")


@dataclasses.dataclass(frozen=True, slots=True)
class Kind:
    """A kind of value."""

    must: str
    """What a value must be, for a message: ``it must be ...``."""
    read: Callable[[str], Any]
    """Returns the value that a text stands for; raises :exc:`ValueError` if it stands for none."""
    accepts: Callable[[Any], bool]
    """Returns whether a value that is no text, or that has been read, is of this kind."""
    metavar: str = ""
    """What stands for the value in the help."""
    choices: tuple[str, ...] = ()
    """The values, where they can be listed."""
    many: bool = False
    """Whether the flag may be given several times, each with a part of the value: the value is a list."""
    separate: Callable[[str], list[str]] | None = None
    """Returns the parts of an environment variable, where there may be many."""
    switch: bool = False
    """Whether the flag stands for the value, with ``--no-`` before its name for its opposite."""

    def parse(self, source: str, text: str) -> Any:
        """Return the value that ``text`` stands for.

        :param source: the flag or the environment variable that has it, for the message.
        :raises ConfigurationError: if it stands for none.
        """
        with contextlib.suppress(ValueError):
            value = self.read(text)
            if self.accepts([value] if self.many else value):
                return value
        raise ConfigurationError(f"{source} is {text!r}; it must be {self.must}")

    def check(self, source: str, value: Any) -> None:
        """Check a value of a configuration file or a program; ``None`` is not set.

        :raises ConfigurationError: if it is not of this kind.
        """
        if value is not None and not self.accepts(value):
            raise ConfigurationError(f"{source} is {value!r}; it must be {self.must}")


def text(metavar: str, must: str = "a text that is not empty") -> Kind:
    """Return the kind of texts, any but the empty one."""
    return Kind(must, str, lambda value: isinstance(value, str) and value != "", metavar)


def folder(metavar: str = "FOLDER") -> Kind:
    """Return the kind of paths of folders that are there."""
    return Kind(
        "a folder that is there", str, lambda value: isinstance(value, str) and os.path.isdir(value), metavar
    )


def any_text(metavar: str) -> Kind:
    """Return the kind of texts, the empty one too. No variable stands for that: empty it says nothing."""
    return Kind("a text", str, lambda value: isinstance(value, str), metavar)


def whole(metavar: str, least: int = 0, most: int = MOST, unit: str = "") -> Kind:
    """Return the kind of whole numbers from ``least`` to ``most``."""

    def accepts(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    return Kind(f"a whole number{_of(unit)}{_range(least, most)}", int, accepts, metavar)


def number(metavar: str, least: float = 0, unit: str = "seconds") -> Kind:
    """Return the kind of numbers from ``least`` up, with fractions or without."""

    def accepts(value: Any) -> bool:
        # Neither infinity nor NaN is as much or less.
        return type(value) in (int, float) and least <= value <= MOST

    return Kind(f"a number{_of(unit)}{_range(least)}", _read_number, accepts, metavar)


def switch() -> Kind:
    """Return the kind of what is on or off."""

    def read(text: str) -> bool:
        if text.lower() in TRUE:
            return True
        if text.lower() in FALSE:
            return False
        raise ValueError

    return Kind(
        f"true or false ({', '.join(TRUE[1:])} or {', '.join(FALSE[1:])})",
        read,
        lambda value: isinstance(value, bool),
        switch=True,
    )


def choice(*names: str) -> Kind:
    """Return the kind of one of several names, in any case."""
    known = {name.lower(): name for name in names}

    def read(text: str) -> str:
        try:
            return known[text.lower()]
        except KeyError:
            raise ValueError from None

    return Kind(
        f"one of {', '.join(names)}",
        read,
        lambda value: isinstance(value, str) and value.lower() in known,
        choices=names,
    )


def addresses() -> Kind:
    """Return the kind of what a server listens on; a file may have a mapping, which has settings besides."""

    def accepts(value: Any) -> bool:
        return (isinstance(value, str) and value != "") or isinstance(value, Mapping)

    return Kind("HOST:PORT, unix:PATH, fd:NUMBER or fd:NAME", str, accepts, "ADDRESS")


def several(kind: Kind) -> Kind:
    """Return the kind of lists of a kind: in a variable, its members are separated by commas."""

    def accepts(value: Any) -> bool:
        # A program or a file may have one without a list around it.
        return all(map(kind.accepts, value)) if isinstance(value, list | tuple) else kind.accepts(value)

    def separate(text: str) -> list[str]:
        return [part.strip() for part in text.split(",")]

    must = f"{kind.must}, or several, separated by commas in a variable and a list elsewhere"
    return dataclasses.replace(kind, must=must, accepts=accepts, many=True, separate=separate)


def pairs() -> Kind:
    """Return the kind of mappings, as ``K=V``, ``V`` read as YAML; spaces separate them in a variable."""

    def accepts(value: Any) -> bool:
        if isinstance(value, list):
            return all(isinstance(part, tuple) for part in value)
        return isinstance(value, dict) and all(isinstance(name, str) for name in value)

    must = "NAME=VALUE, VALUE in YAML; a variable has several by spaces, quoted as in a shell"
    return Kind(must, _read_pair, accepts, "K=V", many=True, separate=shlex.split)


def _read_pair(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise ValueError
    # What reads YAML takes 3 MiB of a process's memory, and is imported where there is some.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return name, YAML(typ="safe").load(value)
    except YAMLError as error:
        raise ValueError from error


def _read_number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _of(unit: str) -> str:
    return f" of {unit}" if unit else ""


def _range(least: float, most: float = MOST) -> str:
    return f", at least {least:g}" if most == MOST else f" from {least:g} to {most:g}"

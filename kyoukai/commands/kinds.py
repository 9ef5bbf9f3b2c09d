"""The kinds of values that options take: how each is parsed from a text, and how other values are checked.

Texts come from the command line and the environment, other values from a configuration file or a program.
Both get the same error messages.
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
    """The end of an error message: ``it must be ...``."""
    read: Callable[[str], Any]
    """Parses a text; raises :exc:`ValueError` if it is not valid."""
    accepts: Callable[[Any], bool]
    """Returns whether a parsed value, or a value from a file or a program, is of this kind."""
    metavar: str = ""
    """The placeholder for the value in the help."""
    choices: tuple[str, ...] = ()
    """All values, if there is a fixed set of them."""
    many: bool = False
    """Whether the flag may be repeated. The value is then a list, and each flag gives one element."""
    separate: Callable[[str], list[str]] | None = None
    """Splits an environment variable into elements, if the value is a list."""
    switch: bool = False
    """Whether it is a flag without a value, which ``--no-`` before its name turns off."""

    def parse(self, source: str, text: str) -> Any:
        """Return the value of ``text``.

        :param source: the flag or the environment variable, for the message.
        :raises ConfigurationError: if it is not valid.
        """
        with contextlib.suppress(ValueError):
            value = self.read(text)
            if self.accepts([value] if self.many else value):
                return value
        raise ConfigurationError(f"{source} is {text!r}; it must be {self.must}")

    def check(self, source: str, value: Any, *, secret: bool = False) -> None:
        """Check a value of a configuration file or a program. ``None`` means that it is not set.

        :param secret: whether the message must not quote the value.
        :raises ConfigurationError: if it is not of this kind.
        """
        if value is not None and not self.accepts(value):
            shown = f"of the type {type(value).__name__}" if secret else repr(value)
            raise ConfigurationError(f"{source} is {shown}; it must be {self.must}")


def text(metavar: str, must: str = "a text that is not empty") -> Kind:
    """Return the kind of non-empty texts."""
    return Kind(must, str, lambda value: isinstance(value, str) and value != "", metavar)


def folder(metavar: str = "FOLDER") -> Kind:
    """Return the kind of paths of existing folders."""
    return Kind(
        "a folder that is there", str, lambda value: isinstance(value, str) and os.path.isdir(value), metavar
    )


def any_text(metavar: str) -> Kind:
    """Return the kind of texts, including the empty one. An empty variable sets nothing, though."""
    return Kind("a text", str, lambda value: isinstance(value, str), metavar)


def whole(metavar: str, least: int = 0, most: int = MOST, unit: str = "") -> Kind:
    """Return the kind of whole numbers from ``least`` to ``most``."""

    def accepts(value: Any) -> bool:
        return type(value) is int and least <= value <= most

    return Kind(f"a whole number{_of(unit)}{_range(least, most)}", int, accepts, metavar)


def number(metavar: str, least: float = 0, unit: str = "seconds") -> Kind:
    """Return the kind of numbers from ``least`` up, whole or not."""

    def accepts(value: Any) -> bool:
        # Infinity and NaN fail this comparison.
        return type(value) in (int, float) and least <= value <= MOST

    return Kind(f"a number{_of(unit)}{_range(least)}", _read_number, accepts, metavar)


def switch() -> Kind:
    """Return the kind of switches: on or off."""

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
    """Return the kind of a fixed set of names, in upper or lower case."""
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
    """Return the kind of listening addresses. A file may have a mapping with further settings."""

    def accepts(value: Any) -> bool:
        return (isinstance(value, str) and value != "") or isinstance(value, Mapping)

    return Kind("HOST:PORT, unix:PATH, fd:NUMBER or fd:NAME", str, accepts, "ADDRESS")


def several(kind: Kind) -> Kind:
    """Return the kind of lists whose elements are of ``kind``. In a variable, commas separate them."""

    def accepts(value: Any) -> bool:
        # A program or a file may give a single element without a list.
        return all(map(kind.accepts, value)) if isinstance(value, list | tuple) else kind.accepts(value)

    def separate(text: str) -> list[str]:
        return [part.strip() for part in text.split(",")]

    must = f"{kind.must}, or several, separated by commas in a variable and a list elsewhere"
    return dataclasses.replace(kind, must=must, accepts=accepts, many=True, separate=separate)


def pairs() -> Kind:
    """Return the kind of mappings, each ``K=V`` with ``V`` in YAML. Spaces separate them in a variable."""

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
    # The YAML parser takes 3 MiB of memory: import it only if there is YAML to parse.
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

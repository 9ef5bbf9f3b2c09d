"""A TOML table that is read key by key; keys left unread are an error."""

from typing import Any, Final, TypeVar, overload

T = TypeVar("T")
D = TypeVar("D")

REQUIRED: Final = object()


class CorpusError(ValueError):
    """A corpus file is invalid; the message says where and why."""


class Table:
    """One TOML table. Reading a key removes it.

    :param value: the value that TOML has there.
    :param where: the name of the place, for error messages.
    :raises CorpusError: if the value is not a table.
    """

    def __init__(self, value: object, where: str) -> None:
        self.where = where
        if not isinstance(value, dict):
            raise self.error(f"{value!r} must be a table")
        self._entries: dict[str, Any] = dict(value)

    def error(self, message: str) -> CorpusError:
        """Return an error that names the place."""
        return CorpusError(f"{self.where}: {message}")

    def has(self, key: str) -> bool:
        """Return whether a key is present and unread."""
        return key in self._entries

    def end(self) -> None:
        """Check that every key was read.

        :raises CorpusError: if a key is left.
        """
        if self._entries:
            raise self.error(f"unknown keys: {', '.join(sorted(self._entries))}")

    def value(self, key: str, default: Any = REQUIRED) -> Any:
        """Take a value of any type.

        :raises CorpusError: if the key is missing and there is no default.
        """
        value = self._entries.pop(key, default)
        if value is REQUIRED:
            raise self.error(f"{key} is missing")
        return value

    @overload
    def take(self, key: str, kind: type[T]) -> T: ...
    @overload
    def take(self, key: str, kind: type[T], default: D) -> T | D: ...
    def take(self, key: str, kind: type[T], default: Any = REQUIRED) -> Any:
        """Take a value of a type.

        :raises CorpusError: if it has another type, or is missing and there is no default.
        """
        if default is not REQUIRED and not self.has(key):
            return default
        value = self.value(key)
        if type(value) is not kind:
            raise self.error(f"{key} is {value!r}; it must be of the type {kind.__name__}")
        if isinstance(value, int) and value < 0:
            raise self.error(f"{key} is {value!r}; it must not be negative")
        return value

    def text(self, key: str) -> str:
        """Take a non-empty text."""
        text = self.take(key, str)
        if not text.strip():
            raise self.error(f"{key} is empty")
        return text

    def choice(self, key: str, choices: tuple[str, ...]) -> str:
        """Take one of several words."""
        word = self.take(key, str)
        if word not in choices:
            raise self.error(f"{key} is {word!r}; it must be one of {', '.join(choices)}")
        return word

    def latin1(self, key: str, text: object) -> bytes:
        """Return the bytes that a text stands for."""
        if not isinstance(text, str):
            raise self.error(f"{key} has {text!r}, which is not a string")
        try:
            return text.encode("latin-1")
        except UnicodeEncodeError:
            raise self.error(f"{key} has a character above U+00FF, which stands for no byte") from None

    def table(self, key: str) -> "Table":
        """Take a table; empty if missing."""
        return Table(self.value(key, {}), f"{self.where}, {key}")

    def tables(self, key: str) -> list["Table"]:
        """Take a list of tables."""
        return [Table(entry, self.where) for entry in self.take(key, list)]

    def strings(self, key: str) -> tuple[str, ...]:
        """Take a list of field names, in lower case; empty if missing."""
        strings = self.take(key, list, [])
        if not all(isinstance(entry, str) for entry in strings):
            raise self.error(f"{key} is {strings!r}; it must be a list of strings")
        return tuple(entry.lower() for entry in strings)

    def names(self, key: str) -> dict[str, str]:
        """Take a table of strings; its keys are field names, in lower case."""
        table = self.take(key, dict, {})
        if not all(isinstance(entry, str) for entry in table.values()):
            raise self.error(f"{key} is {table!r}; it must be a table of strings")
        return {name.lower(): entry for name, entry in table.items()}

    def pairs(self, key: str) -> tuple[tuple[str, str], ...] | None:
        """Take a list of names and values; ``None`` if missing."""
        pairs = self.take(key, list, None)
        if pairs is None:
            return None
        for pair in pairs:
            if not (
                isinstance(pair, list) and len(pair) == 2 and all(isinstance(part, str) for part in pair)
            ):
                raise self.error(f"{key} has {pair!r}, which is not a name and a value")
        return tuple((pair[0], pair[1]) for pair in pairs)


def latin1(table: Table, key: str) -> bytes:
    """Take a required text, and return the bytes that it stands for."""
    return table.latin1(key, table.take(key, str))

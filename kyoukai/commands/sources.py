"""Where each setting comes from: the default, a configuration file, the environment or the command line.

The names of the sources are merged as the values are, by :func:`~kyoukai.commands.ranks.override`. So a value
and its source cannot differ.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from kyoukai.commands.option import Option
from kyoukai.commands.options import OPTIONS
from kyoukai.commands.ranks import from_environment, nested, override

if TYPE_CHECKING:
    from kyoukai.commands.config_places import Place

Kind: TypeAlias = Literal["default", "file", "environment", "command line"]

BY_PATH: Final = {option.path: option for option in OPTIONS}


class Source(NamedTuple):
    """A source of a value."""

    kind: Kind
    where: str
    """``config.yaml:7``, the variable or the flag; empty for a default."""

    def __str__(self) -> str:
        return self.where or self.kind


DEFAULT: Final = Source("default", "")


def outranking_sources(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sources of the settings that outrank a configuration, each where its setting is.

    :param given: the values that the command line gives, by the options' names.
    :raises ConfigurationError: if a variable cannot be used.
    """
    environment = _name_each(nested(from_environment()), _variable)
    return override(environment, _name_each(nested(given), _flag))


def sources_of(
    settings: Mapping[str, Any], place: "Place | None", outranks: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the sources of all settings, each where its setting is.

    :param settings: what the file has for a server and its process.
    :param place: where that is in the file.
    :param outranks: what :func:`outranking_sources` returns.
    """
    if place is None:
        return dict(outranks)

    def line(path: tuple[str, ...], value: Any) -> Source:
        return Source("file", place.line(".".join([*filter(None, [place.keys]), *path])))

    return override(_name_each(settings, line), outranks)


def find(tree: Any, path: tuple[str, ...]) -> Any:
    """Return what is in nested mappings at a path; ``None``: nothing."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree


def source_at(sources: Mapping[str, Any], path: tuple[str, ...]) -> Source:
    """Return the source of the setting at a path."""
    found = find(sources, path)
    while isinstance(found, Mapping):
        # One setting, whose value is a mapping.
        found = next(iter(found.values()), None)
    return found if found is not None else DEFAULT


def _name_each(
    tree: Mapping[str, Any], name: Callable[[tuple[str, ...], Any], Source], above: tuple[str, ...] = ()
) -> dict[str, Any]:
    return {
        key: _name_each(value, name, (*above, key))
        if isinstance(value, Mapping) and value
        else name((*above, key), value)
        for key, value in tree.items()
    }


def _option(path: tuple[str, ...]) -> Option:
    """Return the option of a setting, or of the mapping that a value is in."""
    while path not in BY_PATH:
        path = path[:-1]
    return BY_PATH[path]


def _variable(path: tuple[str, ...], value: Any) -> Source:
    return Source("environment", _option(path).variable)


def _flag(path: tuple[str, ...], value: Any) -> Source:
    flag = _option(path).flag
    return Source("command line", f"--no-{flag[2:]}" if value is False else flag)

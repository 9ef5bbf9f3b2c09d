"""The servers in a configuration file: what each is told, and what the process that they are in is told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kyoukai.commands.options import BY_NAME, COMPONENT_SETTINGS, OPTIONS, PROCESS_SETTINGS
from kyoukai.commands.ranks import override
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import suggest

if TYPE_CHECKING:
    # It imports what reads YAML, which takes memory in a process that needs none.
    from kyoukai.commands.config_places import Place

KYOUKAI: Final = "kyoukai"


def check_server(place: "Place", config: Mapping[str, Any]) -> None:
    """Check the names of a server's settings, those in its mappings too, and the kinds of the values.

    :param place: where it is.
    :raises ConfigurationError: if one is unknown, or its value no good.
    """
    known = {*COMPONENT_SETTINGS, *PROCESS_SETTINGS}
    _check_names(place, {name for name in config if name != "type"}, known)
    for parent in sorted({option.path[0] for option in OPTIONS if len(option.path) > 1}):
        settings = config.get(parent)
        if isinstance(settings, Mapping):
            below = {
                option.path[1] for option in OPTIONS if len(option.path) > 1 and option.path[0] == parent
            }
            _check_names(place.below(parent), settings, below)
    for option in OPTIONS:
        value: Any = config
        for part in option.path:
            value = value.get(part) if isinstance(value, Mapping) else None
        option.kind.check(str(place.below(".".join(option.path))), value)


def _check_names(place: "Place", names: Any, known: set[str]) -> None:
    for name in names:
        if name in known:
            continue
        option = BY_NAME.get(name)
        hint = suggest(str(name), sorted(known))
        if option is not None:
            # It is the name in the flag, and the key is another, or is in a mapping.
            hint = f"did you mean {'.'.join(option.path)}?"
        raise ConfigurationError(f"{place.beside(name)}: unknown setting {name!r}; {hint}")


def take_process_settings(path: str, root: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take what the servers of a file say of their process out of their settings.

    :return: the root component without, and those settings.
    :raises ConfigurationError: if two servers do not say the same.
    """
    taken: dict[str, Any] = {}

    def take(server: Mapping[str, Any]) -> dict[str, Any]:
        for name in PROCESS_SETTINGS:
            value = server.get(name)
            if value is None:
                continue
            if taken.setdefault(name, value) != value:
                raise ConfigurationError(
                    f"{path}: one server has {name}: {taken[name]!r}, another {value!r}; it is one process"
                )
        return {name: value for name, value in server.items() if name not in PROCESS_SETTINGS}

    if root.get("type") == KYOUKAI:
        return take(root), taken
    servers = servers_of(root)
    if not servers:
        return dict(root), taken
    changed = {name: take(child) for name, child in servers.items()}
    return {**root, "components": {**root["components"], **changed}}, taken


def change_server(path: str, root: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return a root component with settings in place of those of its server, which may be a component of it.

    :raises ConfigurationError: if it has none, or several.
    """
    if root.get("type") == KYOUKAI:
        return override(root, settings)
    what = f"the command line or the environment has settings of a server, {', '.join(sorted(settings))}, and"
    name, server = _only(root, f"{what} {path}", " to set them for")
    return {**root, "components": {**root["components"], name: override(server, settings)}}


def only_server(path: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a root component's only server: workers share the sockets of one.

    :raises ConfigurationError: if it has none, or several.
    """
    return _only(root, f"workers are to serve, and {path}", "; they can share one's sockets")[1]


def _only(root: Mapping[str, Any], what: str, end: str) -> tuple[str, Mapping[str, Any]]:
    servers = list(servers_of(root).items())
    if len(servers) != 1:
        raise ConfigurationError(f"{what} has {len(servers) or 'no'} components of the type {KYOUKAI}{end}")
    return servers[0]


def servers_of(root: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Return the servers among the components of a component, by name."""
    children = root.get("components")
    return {
        name: child or {}
        for name, child in (children if isinstance(children, Mapping) else {}).items()
        if (child or {}).get("type", name) == KYOUKAI
    }

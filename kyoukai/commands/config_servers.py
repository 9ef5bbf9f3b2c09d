"""The servers in a configuration file: the settings of each, and those of their process."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kyoukai.commands.options import BY_NAME, COMPONENT_SETTINGS, OPTIONS, PROCESS_SETTINGS
from kyoukai.commands.ranks import override
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import suggest

if TYPE_CHECKING:
    # It imports the YAML parser, which takes 3 MiB of memory.
    from kyoukai.commands.config_places import Place

KYOUKAI: Final = "kyoukai"


def check_server(place: "Place", config: Mapping[str, Any]) -> None:
    """Check the names and values of a server's settings, nested ones included.

    :param place: the server's place in the file.
    :raises ConfigurationError: if a name is unknown, or a value cannot be used.
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
        option.kind.check(str(place.below(".".join(option.path))), value, secret=option.secret)


def _check_names(place: "Place", names: Any, known: set[str]) -> None:
    for name in names:
        if name in known:
            continue
        option = BY_NAME.get(name)
        hint = suggest(str(name), sorted(known))
        if option is not None:
            # It is the name of the flag. The key differs, or is in a mapping.
            hint = f"did you mean {'.'.join(option.path)}?"
        raise ConfigurationError(f"{place.beside(name)}: unknown setting {name!r}; {hint}")


def take_process_settings(path: str, root: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Take the settings of the process out of those of the servers.

    :return: the root component without them, and the settings of the process.
    :raises ConfigurationError: if two servers differ in one.
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
    """Return a root component whose only server has ``settings`` in place of its own.

    :raises ConfigurationError: if it has no server, or several.
    """
    if root.get("type") == KYOUKAI:
        return override(root, settings)
    what = f"the command line or the environment has settings of a server, {', '.join(sorted(settings))}, and"
    name, server = _only(root, f"{what} {path}", " to set them for")
    return {**root, "components": {**root["components"], name: override(server, settings)}}


def only_server(path: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a root component's only server, whose sockets the workers share.

    :raises ConfigurationError: if it has no server, or several.
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

"""The settings that ``kyoukai run`` starts with, of all sources: ``run`` serves by them, others show them."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from kyoukai.commands.config_servers import KYOUKAI, change_server, servers_of, take_process_settings
from kyoukai.commands.ranks import Ranked, divide
from kyoukai.core.errors import ConfigurationError

if TYPE_CHECKING:
    # It takes memory: see below.
    from kyoukai.commands.config_places import Place

DEFAULT_ATTRIBUTES: Final = "app,application"


class Effective(NamedTuple):
    """What a process and its servers are told."""

    root: dict[str, Any]
    """The root component: a server, with its ``type``, or the component that has servers."""
    ranked: Ranked
    """The settings of the process. Those of the server are in ``root``."""
    file: Mapping[str, Any] | None
    """What a configuration file has for Asphalt's runner; ``None``: there is no such file."""
    place: "Place | None"
    """Where the root component is in that file."""
    app_dir: str | None
    """The folder that modules are looked for in first; ``None``: the current one."""

    @property
    def is_server(self) -> bool:
        """Whether the root component is a server."""
        return bool(self.root["type"] == KYOUKAI)

    def servers(self) -> dict[str, dict[str, Any]]:
        """Return the settings of each server, by its name; of the root component it is empty."""
        found = {"": self.root} if self.is_server else servers_of(self.root)
        return {
            name: {key: value for key, value in server.items() if key != "type"}
            for name, server in found.items()
        }

    def place_of(self, server: str) -> "Place | None":
        """Return where a server is in the file."""
        if self.place is None or not server:
            return self.place
        return self.place.below("components").below(server)


def is_file(target: str) -> bool:
    """Return whether TARGET on the command line is a configuration file."""
    return Path(target).suffix in (".yaml", ".yml")


def read_effective(target: str | None, outranks: Mapping[str, Any]) -> Effective:
    """Return the settings for TARGET on the command line, and have its modules found.

    :param target: an application or a configuration file; ``None``: neither.
    :param outranks: settings that the command line and the environment have. The folder of ``app_dir`` is put
        first on Python's path.
    :raises ConfigurationError: if the file or a setting cannot be used, or the file does not have one server
        that a setting is for.
    """
    outranks = dict(outranks)
    app_dir = outranks.pop("app_dir", None)
    sys.path.insert(0, os.path.abspath(app_dir or "."))
    if target is not None and is_file(target):
        return _read_file(target, outranks, app_dir)
    if target is not None:
        default = "create_app" if outranks.get("factory") else DEFAULT_ATTRIBUTES
        outranks = {"app": application_reference(target, default), **outranks}
    ranked = divide(outranks)
    return Effective({"type": KYOUKAI, **ranked.component}, ranked, None, None, app_dir)


def _read_file(path: str, outranks: Mapping[str, Any], app_dir: str | None) -> Effective:
    # What reads YAML takes 3 MiB of a process's memory, and is imported where there is some.
    from kyoukai.commands.config_file import read_with_places

    (root, file), place = read_with_places(path)
    component = divide(outranks).component
    root, configured = take_process_settings(path, root)
    ranked = divide({**configured, **{name: outranks[name] for name in outranks if name not in component}})
    configured_dir = ranked.process.pop("app_dir", None)
    if app_dir is None and configured_dir is not None:
        app_dir = configured_dir
        sys.path.insert(0, os.path.abspath(configured_dir))
    if component:
        root = change_server(path, root, component)
    return Effective(root, ranked, file, place.below("component"), app_dir)


def application_reference(target: str, default: str = DEFAULT_ATTRIBUTES) -> str:
    """Return what the component takes as ``app`` for TARGET on the command line.

    :param default: the attributes to try, separated by commas, where TARGET names none.
    :raises ConfigurationError: if TARGET is a file that does not exist.
    """
    path, _, attribute = target.partition(":")
    if path.endswith(".py") and not Path(path).is_file():
        raise ConfigurationError(f"there is no file {path!r}")
    return target if attribute else f"{path}:{default}"

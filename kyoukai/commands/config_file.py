"""Configuration files in Asphalt's format, as ``kyoukai run`` reads them.

A valid file means the same as to Asphalt's own command. A mistake is one line with its place, where Asphalt's
command shows a traceback.
"""

import dataclasses
import inspect
import logging.config
import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final, NamedTuple

from asphalt.core import Component, ContainerComponent, merge_config
from asphalt.core.cli import binary_file_constructor, env_constructor, text_file_constructor
from asphalt.core.component import component_types
from asphalt.core.runner import policies
from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from kyoukai.commands.config_places import Place, find_lines
from kyoukai.commands.config_servers import KYOUKAI, check_server
from kyoukai.commands.output import one_line
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import outline, suggest

RUNNER_SETTINGS: Final = ["component", "event_loop_policy", "logging", "max_threads", "start_timeout"]
"""The settings of Asphalt's runner: keys at the top of a file, and of each of its services."""


class Configuration(NamedTuple):
    """The contents of a file."""

    component: dict[str, Any]
    """The root component, with its ``type``."""
    runner: dict[str, Any]
    """The other settings of Asphalt's runner that the file has."""


class Constructor(SafeConstructor):
    """Constructs objects from YAML, with Asphalt's tags, and records the lines of keys."""

    lines: Mapping[str, int] = {}

    def construct_document(self, node: Any) -> Any:
        """Return the contents of a file."""
        # Before the construction, which copies the keys that << merges into a mapping.
        self.lines = find_lines(node)
        return super().construct_document(node)


Constructor.add_constructor("!Env", env_constructor)
Constructor.add_constructor("!TextFile", text_file_constructor)
Constructor.add_constructor("!BinaryFile", binary_file_constructor)


def read_configuration(path: str) -> Configuration:
    """Read a file: see :func:`read_with_places`."""
    return read_with_places(path)[0]


def read_with_places(path: str) -> tuple[Configuration, Place]:
    """Read a file, check Asphalt's settings in it, and record the lines of its keys.

    ``ASPHALT_SERVICE`` names one of several services, as with Asphalt's own command.

    :return: the contents of the file, and the place of its top level.
    :raises ConfigurationError: if it cannot be read, is not YAML, or has nothing that can be run.
    """
    config, place = _load(path)
    services = config.pop("services", None)
    _check_names(place, config, [*RUNNER_SETTINGS, "services"])
    if services is not None:
        name, service = _choose(place, config, services, os.environ.get("ASPHALT_SERVICE"))
        config = merge_config(config, service)
        place = dataclasses.replace(place, service=f"services.{name}")
        _check_names(place, config, RUNNER_SETTINGS)
    component = config.pop("component", None)
    if component is None:
        raise ConfigurationError(f"{path} has no component; it must be a mapping with 'type: {KYOUKAI}', say")
    _check_component(place.below("component"), component)
    _check_policy(place.below("event_loop_policy"), config.get("event_loop_policy"))
    return Configuration(component, config), place


def configure_logging(path: str, config: Any, level: str | None) -> None:
    """Set up logging by a file's ``logging``: a mapping for :func:`logging.config.dictConfig`, or a level.

    :param level: a level for the root logger, which outranks the file.
    :raises ConfigurationError: if it is neither, or cannot be used.
    """
    if not isinstance(config, dict | int | None):
        raise ConfigurationError(
            f"{path}: logging is {outline(config)}; it must be a mapping, as logging.config.dictConfig takes "
            "it, or the number of a level"
        )
    try:
        if isinstance(config, dict):
            logging.config.dictConfig(config)
        elif config is not None:
            logging.basicConfig(level=config)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        cause = f": {one_line(error.__cause__)}" if error.__cause__ is not None else ""
        raise ConfigurationError(f"{path}: logging cannot be set up: {one_line(error)}{cause}") from error
    if level is not None:
        logging.getLogger().setLevel(level)


def _load(path: str) -> tuple[dict[str, Any], Place]:
    yaml = YAML(typ="safe")
    yaml.Constructor = Constructor
    try:
        config = yaml.load(Path(path))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = one_line(error.problem or error.context or error)
        hint = "; YAML is indented by spaces" if "\\t" in problem else ""
        raise ConfigurationError(f"{path}{where}: {problem}{hint}") from error
    except (YAMLError, UnicodeError) as error:
        raise ConfigurationError(f"{path} is no YAML: {one_line(error)}") from error
    except FileNotFoundError as error:
        raise ConfigurationError(f"there is no file {str(error.filename)!r}") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from error
    if config is None:
        raise ConfigurationError(f"{path} is empty; it must have component")
    if not isinstance(config, dict):
        raise ConfigurationError(f"{path} is a {type(config).__name__}; it must be a mapping with component")
    return config, Place(path, yaml.constructor.lines)


def _check_names(place: Place, config: Mapping[Any, Any], known: list[str]) -> None:
    for name in config:
        if name not in known:
            raise ConfigurationError(
                f"{place.beside(name)}: unknown key {name!r}; {suggest(str(name), known)}"
            )


def _choose(place: Place, config: Mapping[str, Any], services: Any, name: str | None) -> tuple[str, Any]:
    """Return the name and the settings of the service that Asphalt would choose."""
    below = place.below("services")
    if not isinstance(services, Mapping) or not services:
        raise ConfigurationError(f"{below} is {outline(services)}; it must be a mapping of names to settings")
    is_optional = not name and "component" in config
    if not name:
        name = "default" if is_optional or len(services) > 1 else str(next(iter(services)))
    if is_optional and services.get(name) is None:
        return name, {}
    if name not in services:
        known = suggest(name, [str(known) for known in services])
        raise ConfigurationError(f"{place}: no service {name!r}; set ASPHALT_SERVICE; {known}")
    service = services[name]
    if not isinstance(service, Mapping):
        raise ConfigurationError(f"{below.below(name)} is {outline(service)}; it must be a mapping")
    return name, service


def _check_component(place: Place, config: Any, default: str | None = None) -> None:
    """Check the type of a component and the names of its settings, and the components below it."""
    if not isinstance(config, Mapping):
        raise ConfigurationError(f"{place} is {outline(config)}; it must be a mapping with type")
    kind = config.get("type", default)
    if kind is None:
        raise ConfigurationError(f"{place} has no type; it must be '{KYOUKAI}', say, or module:attribute")
    _check_keys(place, config)
    component_class = _component_class(place, kind)
    if component_class.__module__.partition(".")[0] == KYOUKAI:
        check_server(place, config)
        return
    settings = {name: value for name, value in config.items() if name != "type"}
    try:
        inspect.signature(component_class).bind(**settings)
    except TypeError as error:
        # The file may leave out what a component adds to the settings of its children.
        raise ConfigurationError(f"{place}, of the type {kind!r}: {error}") from error
    if component_class is ContainerComponent:
        below = place.below("components")
        children = settings.get("components") or {}
        if not isinstance(children, Mapping):
            raise ConfigurationError(
                f"{below} is {outline(children)}; it must be a mapping of names to settings"
            )
        _check_keys(below, children)
        for name, child in children.items():
            _check_component(below.below(name), child or {}, name)


def _check_keys(place: Place, config: Mapping[Any, Any]) -> None:
    for name in config:
        if not isinstance(name, str):
            raise ConfigurationError(f"{place.beside(name)} has the key {name!r}; a key must be a string")


def _component_class(place: Place, kind: Any) -> type:
    known: list[str] = []
    if isinstance(kind, str) and ":" not in kind:
        known = sorted(entry_points(group=component_types.namespace).names)
    try:
        found = component_types.resolve(kind)
    except LookupError as error:
        reason = suggest(kind, known) if known else one_line(error.__cause__ or error)
        raise ConfigurationError(f"{place.beside('type')}: unknown type {kind!r}; {reason}") from error
    if not isinstance(found, type) or not issubclass(found, Component):
        raise ConfigurationError(f"{place.beside('type')}: the type {kind!r} is no component of Asphalt")
    return found


def _check_policy(place: Place, policy: Any) -> None:
    if policy is None:
        return
    if not isinstance(policy, str):
        raise ConfigurationError(f"{place} is {policy!r}; it must be a name")
    line = place.line(place.keys)
    try:
        policies.resolve(policy)
    except LookupError as error:
        known = suggest(str(policy), sorted(policies.names))
        raise ConfigurationError(f"{line}: unknown event_loop_policy {policy!r}; {known}") from error
    except ImportError as error:
        raise ConfigurationError(f"{line}: event_loop_policy {policy!r} cannot be loaded: {error}") from error

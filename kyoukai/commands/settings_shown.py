"""The effective settings as rows: each with its value and its source."""

import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from kyoukai.asphalt import BACKEND_VARIABLE, choose_backends
from kyoukai.commands.effective import Effective
from kyoukai.commands.option import Option
from kyoukai.commands.options import OPTIONS
from kyoukai.commands.ranks import ADDRESSES, variable_outranks
from kyoukai.commands.sources import DEFAULT, Source, find, source_at
from kyoukai.core.contract.options import REQUIRED, options_of
from kyoukai.core.contract.registry import load_backend
from kyoukai.core.contract.selection import divide_options
from kyoukai.core.errors import ConfigurationError

HIDDEN: Final = "(hidden)"

SECRET: Final = re.compile(r"passw|passphrase|secret|token|credential|api_?key|private_?key", re.IGNORECASE)

PASSWORD_IN_URL: Final = re.compile(r"(?<=://)([^\s/?#:@]*):[^\s/?#]*@")

OF_RUNNER: Final = {
    "loop": "event_loop_policy",
    "max_threads": "max_threads",
    "start_timeout": "start_timeout",
}
"""By settings of the process, the keys at the top of a file that hold where these are not set."""


class Row(NamedTuple):
    """A setting that is in effect."""

    server: str
    """The name of the server that it is for; empty: there is one, or it is for the process."""
    group: str
    setting: str
    """Its key in a configuration file."""
    value: Any
    """The default is a text where it is words, and ``None`` where there is none."""
    source: Source


def process_rows(effective: Effective, sources: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the settings of the process."""
    process, supervisor, file = effective.ranked.process, effective.ranked.supervisor, effective.file or {}
    values = {**process, **supervisor, "app_dir": effective.app_dir}
    for option in OPTIONS:
        if option.owner == "component":
            continue
        value, source = values.get(option.name), source_at(sources, option.path)
        runners = OF_RUNNER.get(option.name, "")
        if value is None and file.get(runners) is not None and effective.place is not None:
            value, source = file[runners], Source("file", effective.place.line(runners))
        yield _row("", option, value, source)


def server_rows(name: str, settings: Mapping[str, Any], sources: Mapping[str, Any]) -> Iterator[Row]:
    """Yield the settings of a server, and then the options of its backends.

    :param settings: the component's.
    :raises BackendError: if a backend cannot be loaded, or an option is nobody's.
    """
    variable = os.environ.get(BACKEND_VARIABLE)
    chosen = choose_backends(settings.get("backend"), variable)
    replaced = {
        other: setting
        for setting, others in ADDRESSES.items()
        if settings.get(setting) is not None and setting not in ("host", "port")
        for other in others
    }
    for option in OPTIONS:
        if option.owner != "component" or option.name == "backend_options":
            continue
        value, source = find(settings, option.path), source_at(sources, option.path)
        if option.name == "backend":
            value = None if settings.get("backend") is None and not variable else list(chosen)
            if variable_outranks(settings.get("backend"), variable):
                source = Source("environment", BACKEND_VARIABLE)
        if value is None and option.name in replaced:
            yield Row(name, option.group, option.name, None, source_at(sources, (replaced[option.name],)))
            continue
        yield _row(name, option, value, source)
    yield from _backend_rows(name, chosen, settings.get("backend_options") or {}, sources)


def _backend_rows(
    server: str, backends: tuple[str, ...], options: Mapping[str, Any], sources: Mapping[str, Any]
) -> Iterator[Row]:
    divided = divide_options(backends, options)
    for backend in backends:
        for option in options_of(load_backend(backend)):
            value, source = None if option.default is REQUIRED else option.default, DEFAULT
            if option.name in divided[backend]:
                value = divided[backend][option.name]
                source = source_at(sources, ("backend_options", backend, option.name))
                if source is DEFAULT:
                    source = source_at(sources, ("backend_options", option.name))
            setting = f"backend_options.{backend}.{option.name}"
            shown = HIDDEN if value and SECRET.search(option.name) else shown_value(value)
            yield Row(server, f"Options of the backend {backend}", setting, shown, source)


def _row(server: str, option: Option, value: Any, source: Source) -> Row:
    if value is None:
        return Row(server, option.group, ".".join(option.path), default_of(option), DEFAULT)
    shown = HIDDEN if option.secret else shown_value(value)
    return Row(server, option.group, ".".join(option.path), shown, source)


def default_of(option: Option) -> Any:
    """Return the default of an option: a number or a switch as such, others as the documentation has them."""
    if option.kind.read is str or not option.default:
        return option.default or None
    try:
        return option.kind.parse(option.flag, option.default)
    except ConfigurationError:
        return option.default  # It is words.


def shown_value(value: Any) -> Any:
    """Return a value as JSON may have it, without passwords."""
    if isinstance(value, Mapping):
        return {
            str(key): HIDDEN if SECRET.search(str(key)) and part else shown_value(part)
            for key, part in value.items()
        }
    if isinstance(value, list | tuple):
        return [shown_value(part) for part in value]
    if isinstance(value, str):
        return PASSWORD_IN_URL.sub(rf"\1:{HIDDEN}@", value)
    return value if isinstance(value, int | float | bool | None) else repr(value)

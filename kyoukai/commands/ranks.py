"""Which of several sources has the last word: default, configuration, environment, command line.

The configuration is a file's component or the keywords of ``app.run()``.
"""

import dataclasses
import difflib
import logging
import os
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from kyoukai.commands.option import PREFIX, Option
from kyoukai.commands.options import BY_NAME, COMPONENT_SETTINGS, OPTIONS, PROCESS_SETTINGS
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits, suggest

logger: Final = logging.getLogger("kyoukai.server")

OTHER_VARIABLES: Final = frozenset(
    {"KYOUKAI_EXAMPLES", "KYOUKAI_SEED", "KYOUKAI_TIMEOUT_SCALE", "KYOUKAI_UPGRADE", "KYOUKAI_WORKER"}
)
"""Variables that are no options: those of the kit for backends, and what a worker and a new supervisor are
told."""

ADDRESSES: Final = {
    "bind": {"host", "port", "uds"},
    "uds": {"bind", "host", "port"},
    "host": {"bind", "uds"},
    "port": {"bind", "uds"},
}
"""By an address of one kind, those of another whose place it takes."""


class CommandLineNames(tuple[str, ...]):
    """Names of backends, of a higher rank than the variable ``KYOUKAI_BACKEND``."""

    __slots__ = ()


def variable_outranks(configured: object, variable: str | None) -> bool:
    """Return whether the variable ``KYOUKAI_BACKEND`` says which backends serve.

    :param configured: the component's ``backend``.
    :param variable: the variable's value; an empty one says nothing.
    """
    return bool(variable) and not isinstance(configured, CommandLineNames)


class Ranked(NamedTuple):
    """Settings, by whom they are for."""

    component: dict[str, Any]
    process: dict[str, Any]
    """Keywords of :func:`~kyoukai.server.launch.launch`."""
    supervisor: dict[str, Any]
    """Of :class:`~kyoukai.server.supervisor.settings.Supervision`."""


def from_environment(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the values of the options that the environment gives, by the options' names.

    An empty variable gives nothing. One whose name looks like an option's is named in the log.

    :param environ: by default the process's.
    :raises ConfigurationError: if a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    found = {}
    for option in OPTIONS:
        text = environ.get(option.variable)
        # The component asks for its backend itself, under Asphalt's command too.
        if text and option.name != "backend":
            found[option.name] = _value(option, text)
    _name_unknown(environ)
    return found


def _value(option: Option, text: str) -> Any:
    kind, variable = option.kind, option.variable
    try:
        if kind.separate is None:
            return kind.parse(variable, text)
        try:
            parts = kind.separate(text)
        except ValueError:  # A quote that is not closed.
            raise ConfigurationError(f"{variable} is {text!r}; it must be {kind.must}") from None
        return [kind.parse(variable, part) for part in parts]
    except ConfigurationError as error:
        # Kubernetes sets it so for every container beside a service of the name "kyoukai".
        if "://" in text and variable == "KYOUKAI_PORT":
            raise ConfigurationError(
                f"{error}; Kubernetes sets it for a service named kyoukai: set enableServiceLinks: false"
            ) from None
        raise


def _name_unknown(environ: Mapping[str, str]) -> None:
    known = {option.variable for option in OPTIONS} | OTHER_VARIABLES
    for name in sorted(environ):
        if not name.startswith(PREFIX) or name in known:
            continue
        close = difflib.get_close_matches(name, sorted(known - OTHER_VARIABLES), n=1, cutoff=0.85)
        if close:
            logger.warning("the environment variable %s is no option's; did you mean %s?", name, close[0])


def nested(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values by options' names as settings, each where its key says."""
    settings: dict[str, Any] = {}
    for name, value in given.items():
        option = BY_NAME[name]
        if name == "backend_options":
            value = by_backend(value)
        elif name == "websocket_options":
            value = dict(value)
        if name == "backend":
            value = CommandLineNames(value)
        place = settings
        for part in option.path[:-1]:
            place = place.setdefault(part, {})
        place[option.path[-1]] = value
    return settings


def by_backend(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return options of backends as they stand in a file, where those of one may be below its name.

    :param pairs: names and values. Before a dot stands the name of the backend: ``module:attribute`` may have
        dots itself, an option has none.
    :raises ConfigurationError: if a name has both a value and options below it.
    """
    options: dict[str, Any] = {}
    for key, value in pairs:
        backend, _, name = key.rpartition(".")
        place = options.setdefault(backend, {}) if backend else options
        if not isinstance(place, dict):
            raise ConfigurationError(
                f"backend_options.{backend} is {place!r}, and there is {key}; it must be a mapping of options"
            )
        place[name] = value
    return options


def override(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings with others in place of their own; mappings are merged, and limits."""
    dropped = {name for other in others for name in ADDRESSES.get(other, ())}
    kept = {name: _plain(value) for name, value in settings.items() if name not in dropped}
    return _merge(kept, others)


def _merge(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    # Asphalt's own takes a key with dots for several, and references to backends have such.
    merged = dict(settings)
    for name, value in others.items():
        own = merged.get(name)
        both = isinstance(own, Mapping) and isinstance(value, Mapping)
        merged[name] = _merge(own, value) if both else value  # type: ignore[arg-type]
    return merged


def _plain(value: Any) -> Any:
    """Return what can be merged as a dictionary."""
    if isinstance(value, Limits):
        return dataclasses.asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


def outranking(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that the environment and the command line have, which outrank a configuration.

    :param given: what the command line has, by the options' names.
    :raises ConfigurationError: if a variable cannot be used.
    """
    return override(nested(from_environment()), nested(given))


def rank(settings: Mapping[str, Any]) -> Ranked:
    """Return the settings that a program has, with those of the environment in place of its own.

    :raises ConfigurationError: if a value for the process cannot be used, or a variable.
    """
    return divide(override(settings, outranking({})))


def divide(settings: Mapping[str, Any]) -> Ranked:
    """Divide settings by whom they are for, and check those of the process.

    What is ``None`` is not set.

    :raises ConfigurationError: if a value for the process cannot be used.
    """
    ranked = Ranked({}, {}, {})
    for name, value in settings.items():
        option = BY_NAME[name] if name in PROCESS_SETTINGS else None
        if option is None:
            ranked.component[name] = value
        elif value is not None:
            option.kind.check(name, value)
            (ranked.process if option.owner == "process" else ranked.supervisor)[name] = value
    return ranked


def check_names(settings: Mapping[str, Any]) -> None:
    """Check the names of what a component is given. What is for its process is named in the log.

    :raises ConfigurationError: if one is unknown, or is a setting of the process whose value is no good.
    """
    for name in settings:
        if name not in COMPONENT_SETTINGS and name not in PROCESS_SETTINGS:
            raise ConfigurationError(f"unknown setting {name!r}; {suggest(name, COMPONENT_SETTINGS)}")
    ranked = divide(settings)
    ignored = {**ranked.process, **ranked.supervisor}
    if ignored:
        logger.warning(
            "%s: only `kyoukai run` and app.run() can do what this says; it is ignored",
            ", ".join(f"{name}: {value!r}" for name, value in ignored.items()),
        )

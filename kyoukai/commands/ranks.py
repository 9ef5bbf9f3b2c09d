"""The ranks of the sources of settings, from low to high: default, configuration, environment, command line.

The configuration is the component in a file, or the keywords of ``app.run()``.
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
from kyoukai.core.limits import Limits, outline, suggest

logger: Final = logging.getLogger("kyoukai.server")

OTHER_VARIABLES: Final = frozenset(
    {"KYOUKAI_EXAMPLES", "KYOUKAI_SEED", "KYOUKAI_TIMEOUT_SCALE", "KYOUKAI_UPGRADE", "KYOUKAI_WORKER"}
)
"""Variables that are not options: those of the kit for backends, and those for workers and new
supervisors."""

ADDRESSES: Final = {
    "bind": {"host", "port", "uds"},
    "uds": {"bind", "host", "port"},
    "host": {"bind", "uds"},
    "port": {"bind", "uds"},
}
"""By each kind of address, the kinds that it replaces if it comes from a higher rank."""


class CommandLineNames(tuple[str, ...]):
    """Names of backends from the command line, which outrank the variable ``KYOUKAI_BACKEND``."""

    __slots__ = ()


def variable_outranks(configured: object, variable: str | None) -> bool:
    """Return whether the variable ``KYOUKAI_BACKEND`` outranks the component's setting.

    :param configured: the component's ``backend``.
    :param variable: the variable's value; an empty one sets nothing.
    """
    return bool(variable) and not isinstance(configured, CommandLineNames)


class Ranked(NamedTuple):
    """Settings, divided by the part that uses them."""

    component: dict[str, Any]
    process: dict[str, Any]
    """Keywords of :func:`~kyoukai.server.launch.launch`."""
    supervisor: dict[str, Any]
    """Fields of :class:`~kyoukai.server.supervisor.settings.Supervision`."""


def from_environment(environ: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the options that environment variables set, by the options' names.

    An empty variable sets nothing. A variable with a misspelt name is logged.

    :param environ: the environment; by default that of the process.
    :raises ConfigurationError: if a value cannot be used.
    """
    environ = os.environ if environ is None else environ
    found = {}
    for option in OPTIONS:
        text = environ.get(option.variable)
        # The component reads the variable of its backend itself, also under Asphalt's command.
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
        except ValueError:  # An unclosed quote.
            raise ConfigurationError(f"{variable} is {text!r}; it must be {kind.must}") from None
        return [kind.parse(variable, part) for part in parts]
    except ConfigurationError as error:
        # Kubernetes sets this value in every container of a namespace with a service named "kyoukai".
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
    """Return values by options' names as settings, nested as in a file."""
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
    """Return options of backends as a file has them: those of one backend may be below its name.

    :param pairs: names and values. A name may begin with the backend and a dot. The last dot counts, since
        ``module:attribute`` may have dots, and options have none.
    :raises ConfigurationError: if a name has both a value and options below it.
    """
    options: dict[str, Any] = {}
    for key, value in pairs:
        backend, _, name = key.rpartition(".")
        place = options.setdefault(backend, {}) if backend else options
        if not isinstance(place, dict):
            raise ConfigurationError(
                f"backend_options.{backend} is {outline(place)}, and there is {key}; "
                "it must be a mapping of options"
            )
        place[name] = value
    return options


def override(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``settings``, outranked by ``others``. Mappings and limits are merged."""
    dropped = {name for other in others for name in ADDRESSES.get(other, ())}
    kept = {name: _plain(value) for name, value in settings.items() if name not in dropped}
    return _merge(kept, others)


def _merge(settings: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    # Not Asphalt's merge_config: it splits keys at dots, which references to backends have.
    merged = dict(settings)
    for name, value in others.items():
        own = merged.get(name)
        both = isinstance(own, Mapping) and isinstance(value, Mapping)
        merged[name] = _merge(own, value) if both else value  # type: ignore[arg-type]
    return merged


def _plain(value: Any) -> Any:
    """Return limits and other mappings as a new dictionary, other values as they are."""
    if isinstance(value, Limits):
        return dataclasses.asdict(value)
    return dict(value) if isinstance(value, Mapping) else value


def outranking(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of the environment and the command line, which outrank a configuration.

    :param given: the options of the command line, by name.
    :raises ConfigurationError: if a variable cannot be used.
    """
    return override(nested(from_environment()), nested(given))


def rank(settings: Mapping[str, Any]) -> Ranked:
    """Return the settings of a program, outranked by the environment.

    :raises ConfigurationError: if a value for the process cannot be used, or a variable.
    """
    return divide(override(settings, outranking({})))


def divide(settings: Mapping[str, Any]) -> Ranked:
    """Divide settings by the part that uses them, and check those of the process.

    A setting that is ``None`` is not set.

    :raises ConfigurationError: if a value for the process cannot be used.
    """
    ranked = Ranked({}, {}, {})
    for name, value in settings.items():
        option = BY_NAME[name] if name in PROCESS_SETTINGS else None
        if option is None:
            ranked.component[name] = value
        elif value is not None:
            option.kind.check(name, value, secret=option.secret)
            (ranked.process if option.owner == "process" else ranked.supervisor)[name] = value
    return ranked


def check_names(settings: Mapping[str, Any]) -> None:
    """Check the names of a component's settings, and log those that are for its process.

    :raises ConfigurationError: if a name is unknown, or a setting of the process cannot be used.
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

"""``kyoukai backends``: the installed backends, and the features and options of one."""

import inspect
import json
from typing import Any, Final, NamedTuple

import click

from kyoukai.core.contract.backend import Backend, claimed_features
from kyoukai.core.contract.options import REQUIRED, options_of
from kyoukai.core.contract.registry import Registration, describe, load_backend, registrations
from kyoukai.core.features import HTTP1_FEATURES, Feature

from .completion import complete_backend
from .output import app_dir_option, columns, one_line

HEADER: Final = ("NAME", "DISTRIBUTION", "VERSION", "CONTRACT", "FEATURES")


@click.group(invoke_without_command=True)
@click.pass_context
def backends(context: click.Context) -> None:
    """List the backends that are installed, or show one.

    Without a command it lists them.
    """
    if context.invoked_subcommand is None:
        context.invoke(list_backends, as_json=False)


@backends.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array of objects.")
def list_backends(as_json: bool) -> None:
    """List the backends that are installed.

    For each: its name, its distribution with the version, the version of the contract that it implements,
    and its features; or the reason why it cannot be used.
    """
    described = [(registration, *describe(registration)) for registration in registrations()]
    if as_json:
        click.echo(json.dumps([_as_data(*found) for found in described], indent=2))
        return
    for line in columns([HEADER, *(_row(*found) for found in described)]):
        click.echo(line)


def _row(
    registration: Registration, backend_class: type[Backend] | None, error: Exception | None
) -> list[str]:
    cells = [registration.name, registration.distribution, registration.version]
    if backend_class is None:
        return [*cells, one_line(error)]
    return [*cells, str(backend_class.api_version), _features_in_short(backend_class)]


def _as_data(
    registration: Registration, backend_class: type[Backend] | None, error: Exception | None
) -> dict[str, Any]:
    return {
        **registration._asdict(),
        "api_version": None if backend_class is None else backend_class.api_version,
        "features": None if backend_class is None else feature_names(backend_class),
        "error": None if error is None else one_line(error),
    }


def feature_names(backend_class: type[Backend]) -> list[str]:
    """Return the features that a backend claims: those of ``Feature`` in its order, then others by name."""
    claimed = set(map(str, claimed_features(backend_class)))
    ours = [feature.value for feature in Feature if feature.value in claimed]
    return ours + sorted(claimed.difference(ours))


def _features_in_short(backend_class: type[Backend]) -> str:
    if backend_class.features == HTTP1_FEATURES:
        return "all"
    return ", ".join(feature_names(backend_class)) or "none"


class Description(NamedTuple):
    """The output of ``kyoukai backends show``, as in its JSON."""

    name: str
    summary: str
    module: str
    attribute: str
    file: str
    registered: list[dict[str, str]]
    """Its entry points: ``name``, ``distribution``, ``version``."""
    api_version: int
    alpn_protocols: list[str]
    preface: str | None
    """The first bytes of its connections, as a Python literal."""
    options: list[dict[str, Any]]
    """``name``, ``required``, ``default`` as a Python literal, ``meaning``."""
    features: dict[str, str]
    """The meaning of each feature, by name."""


@backends.command("show")
@click.argument("name", shell_complete=complete_backend)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@app_dir_option("Look for the module of NAME here first.")
def show_backend(name: str, as_json: bool) -> None:
    """Show the backend NAME: its class and file, its options and its features.

    NAME is the name of an installed backend, or module:attribute.
    """
    found = describe_class(name, load_backend(name))
    if as_json:
        click.echo(json.dumps(found._asdict(), indent=2))
        return
    for line in _lines(found):
        click.echo(line)


def describe_class(name: str, backend_class: type[Backend]) -> Description:
    """Return the description of a backend class that was loaded as ``name``."""
    sources = [
        {"name": found.name, "distribution": found.distribution, "version": found.version}
        for found in registrations()
        if name in (found.name, found.reference)
    ]
    options = [
        {
            "name": option.name,
            "required": option.default is REQUIRED,
            "default": None if option.default is REQUIRED else repr(option.default),
            "meaning": option.meaning,
        }
        for option in options_of(backend_class)
    ]
    known = {feature.value: feature.meaning for feature in Feature}
    unknown = "Not a feature that this release of Kyoukai knows."
    return Description(
        name,
        # Its own docstring: `getdoc` would inherit that of `Backend`.
        one_line(inspect.cleandoc(backend_class.__doc__ or "").partition("\n\n")[0]),
        backend_class.__module__,
        backend_class.__qualname__,
        _file(backend_class),
        sources,
        backend_class.api_version,
        list(backend_class.alpn_protocols),
        repr(backend_class.preface) if backend_class.preface else None,
        options,
        {feature: known.get(feature, unknown) for feature in feature_names(backend_class)},
    )


def _file(backend_class: type[Backend]) -> str:
    try:
        return inspect.getsourcefile(backend_class) or inspect.getfile(backend_class)
    except (OSError, TypeError):
        # It was made without a file, or is compiled.
        return ""


def _lines(found: Description) -> list[str]:
    registered = [
        f"{entry['name']}, by {entry['distribution']} {entry['version']}" for entry in found.registered
    ]
    facts = [
        ("registered", "; ".join(registered) or "no"),
        ("class", f"{found.module}:{found.attribute}"),
        ("file", found.file or "unknown"),
        ("contract", str(found.api_version)),
        ("ALPN", ", ".join(found.alpn_protocols) or "none"),
        ("preface", found.preface or "none"),
    ]
    options = [(option["name"], _option_in_words(option)) for option in found.options]
    lines = [f"{found.name}: {found.summary}" if found.summary else found.name, ""]
    for title, rows in (("", facts), ("Options", options), ("Features", list(found.features.items()))):
        if title:
            lines += ["", f"{title}: none" if not rows else f"{title}:"]
        lines += [f"  {line}" for line in columns(rows)]
    return lines


def _option_in_words(option: dict[str, Any]) -> str:
    default = "[required]" if option["required"] else f"[default: {option['default']}]"
    return f"{option['meaning']}  {default}".strip()

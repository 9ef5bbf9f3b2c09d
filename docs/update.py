"""Writes what the pages take from elsewhere: examples, and tables of facts that the code holds.

A page marks each place by a comment, and the text keeps its place in the Markdown, so that it can
be read where nothing is built::

    <!-- file: examples/docs/handlers.py -->     before a fence: the file, whole
    <!-- file: examples/docs/a.py#names -->      before a fence: the part of it below `# region: names`
    <!-- output: backends -->                    before a fence: what OUTPUTS gives
    <!-- table: limits -->                       before a table: what TABLES gives
    <!-- sections: corpus --> ... <!-- end -->   around sections: what `lists.py` gives
    <!-- install: ../.. -->                      before a fence: see `installing.py`

``python docs/update.py`` rewrites the pages that are out of date; the tests fail on one that is. It draws
the pictures too, whose data is in `docs/pictures` and in the code.
"""

import asyncio
import collections
import dataclasses
import functools
import importlib
import inspect
import logging
import re
import runpy
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import version as installed_version
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final
from unittest import mock

import click
from click.testing import CliRunner

from kyoukai import cli, testing
from kyoukai.commands import backends
from kyoukai.commands import options as run_options
from kyoukai.commands.check.text import report_lines
from kyoukai.core import errors
from kyoukai.core.contract import negotiation, registry, selection
from kyoukai.core.contract.backend import Backend
from kyoukai.core.contract.options import options_of
from kyoukai.core.features import Feature
from kyoukai.core.http1.states import TABLE
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.server import access_fields, tracing
from kyoukai.server.access_log import DEFAULT_FORMAT, compile_format
from kyoukai.server.metrics.exposition import METRICS
from kyoukai.server.supervisor.phases import TABLE as SIGNALS
from kyoukai.server.supervisor.phases import Phase
from kyoukai.testing.report import Report, RuleResult
from kyoukai.testing.rules import Rule, load_rules
from kyoukai.websocket import WebSocketSettings

ROOT: Final = Path(__file__).resolve().parent.parent
VERSION: Final = installed_version("kyoukai")

PYPI: Final = ROOT / "docs" / "pypi.md"
PAGES: Final = [
    ROOT / "README.md",
    *sorted({*(ROOT / "docs").rglob("*.md")} - {PYPI}),
    *sorted((ROOT / "examples").rglob("README.md")),
]

LISTS: Final = runpy.run_path(str(ROOT / "docs" / "lists.py"))
"""The module's names: this folder is no package, and need not be on the path."""

INSTALLING: Final = runpy.run_path(str(ROOT / "docs" / "installing.py"))

REFUSALS: Final = runpy.run_path(str(ROOT / "docs" / "refusals.py"))

COMMANDS: Final = runpy.run_path(str(ROOT / "docs" / "commands.py"))

MAN_PAGE: Final = ROOT / "docs" / "kyoukai.1"

MEASURED: Final = runpy.run_path(str(ROOT / "docs" / "measured.py"))

WHY: Final = runpy.run_path(str(ROOT / "docs" / "why.py"))

REFERENCE: Final = runpy.run_path(str(ROOT / "docs" / "reference_pages.py"))

# At the end of the path: the names of these modules are common words.
sys.path.append(str(ROOT / "docs"))
DIAGRAMS: Final = importlib.import_module("pictures.diagrams")
STEPS: Final = importlib.import_module("pictures.steps")

MARKED_FENCE: Final = re.compile(r"(?m)^<!-- (file|output): (\S+) -->\n(```+)(\w*)\n(.*?)^\3$", re.DOTALL)
# With the empty lines behind it: without one, the text that follows would be a row.
MARKED_TABLE: Final = re.compile(r"(?m)^<!-- table: (\S+) -->\n\n(?:\|.*\n)*\n*(\Z)?")
# A part of a file runs from its marker to the next one, or to the end.
MARKED_REGION: Final = re.compile(r"(?ms)^[ ]*# region: (\S+)\n(.*?)\n*(?=^[ ]*# region: |\Z)")
MARKED_SECTIONS: Final = re.compile(r"(?ms)^<!-- sections: (\S+) -->\n.*?^<!-- end -->$")


def table(header: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """Return a table in Markdown."""
    columns = list(header)
    lines = [columns, ["---"] * len(columns), *([str(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def limits_table() -> str:
    """Return every limit: name, default, unit, meaning, precedent."""
    fields = dataclasses.fields(Limits)
    return table(
        ("limit", "default", "unit", "meaning", "for comparison"),
        (
            (
                f"`{field.name}`",
                f"{field.default:g}" if isinstance(field.default, float) else field.default,
                field.metadata["unit"],
                field.metadata["meaning"],
                field.metadata["precedent"],
            )
            for field in fields
        ),
    )


def websocket_settings_table() -> str:
    """Return what can be set for WebSockets: name, default, and the meaning by the class's docstring."""
    found = re.findall(r"(?s):ivar (\w+): (.*?)(?=\n:)", inspect.getdoc(WebSocketSettings) or "")
    meanings = {name: re.sub(r"\s+", " ", text).replace("``", "`").rstrip(".") for name, text in found}
    fields = dataclasses.fields(WebSocketSettings)
    return table(
        ("option", "default", "meaning"),
        ((f"`{field.name}`", f"`{field.default}`", meanings[field.name]) for field in fields),
    )


def states_table() -> str:
    """Return the states of a connection: one row a state, one column an event."""
    # First those that one state alone admits, in the order of a message.
    order = dict.fromkeys(event for row in TABLE.values() for event in row)
    columns = sorted(order, key=lambda event: sum(event in row for row in TABLE.values()))
    header = ["state", *(f"`{event}`" for event in columns)]
    rows = ((f"`{state}`", *(row.get(event, "") for event in columns)) for state, row in TABLE.items())
    return table(header, rows)


def options_sections() -> str:
    """Return a section for each group of what ``kyoukai run`` can be told, with its options."""
    header = ("option", "in a file, in Python", "value", "default", "meaning")
    parts = []
    for group, options in run_options.TABLE.items():
        rows = []
        for option in options:
            choices = ", ".join(f"`{choice}`" for choice in option.kind.choices)
            value = "`true`, `false`" if option.kind.switch else choices or option.kind.metavar
            default = f"`{option.default}`" if re.fullmatch(r"[\w.]+", option.default) else option.default
            rows.append((f"`{option.flag}`", f"`{'.'.join(option.path)}`", value, default, option.help))
        parts.append(f"### {group}\n\n{table(header, rows)}")
    return "\n".join(parts)


def options_alone_table() -> str:
    """Return the options that have no counterpart on the page about other servers' settings."""
    page = (
        (ROOT / "docs" / "reference" / "settings-compared.md")
        .read_text("utf-8")
        .partition("\n## Only in Kyoukai\n")[0]
    )
    named = set(re.findall(r"`(?:--no-|--)([a-z-]+)", page))
    alone = [option for option in run_options.OPTIONS if option.flag.removeprefix("--") not in named]
    return table(("option", "meaning"), ((f"`{option.flag}`", option.help) for option in alone))


def features_table() -> str:
    """Return the features that a backend may have."""
    rows = ((f"`{feature.name}`", f"`{feature.value}`", feature.meaning) for feature in Feature)
    return table(("`Feature`", "as a string", "meaning"), rows)


def h2_options_table() -> str:
    """Return the options of the backend h2."""
    rows = (
        (f"`{option.name}`", option.default, option.meaning.rstrip("."))
        for option in options_of(registry.load_backend("h2"))
    )
    return table(("option", "default", "meaning"), rows)


def rules_table() -> str:
    """Return the rules of the kit: for whom each holds, and what is owed."""
    storeys = {"Backend": "every backend", "Exchange": "every wire", "HTTPProtocol": "`HTTPProtocol`"}

    def holds_for(rule: Rule) -> str:
        claimed = f" that claims `{rule.feature}`" if rule.feature is not None else ""
        return f"{storeys[rule.storey]}{claimed}"

    levels = {"required": "", "optional": "Optional: ", "untestable": "Untestable: "}
    rows = ((rule.id, holds_for(rule), f"{levels[rule.level]}{rule.statement}") for rule in load_rules())
    return table(("rule", "applies to", "requirement"), rows)


def failure(function: Callable[..., Any], *args: Any) -> str:
    """Return the message of the error that a call ends with."""
    try:
        function(*args)
    except errors.BackendError as error:
        return f"Error: {error}\n"
    raise RuntimeError(f"{function} did not fail")


def own_registrations() -> list[registry.Registration]:
    """Return the backends of this distribution: what else is installed is of no interest here."""
    return [found for found in registry.registrations() if found.distribution == "kyoukai"]


def backends_output() -> str:
    """Return what ``kyoukai backends`` prints where nothing but Kyoukai is installed."""
    with mock.patch.object(backends, "registrations", own_registrations):
        return CliRunner().invoke(cli.main, ["backends"]).output


def show_backend() -> str:
    """Return what ``kyoukai backends show reference`` prints, but for the folder."""
    output = CliRunner().invoke(cli.main, ["backends", "show", "reference"]).output
    return re.sub(r"(?m)^(  file +).*?(?=kyoukai/backends/)", r"\1.../", output)


def unknown_backend() -> str:
    """Return the message about a name that nobody registers."""
    with mock.patch.object(registry, "registrations", return_value=own_registrations()):
        return failure(registry.load_backend, "httptool")


def backend_conflict() -> str:
    """Return the message about a name that two distributions register."""
    claims = [
        registry.Registration("h2o", "h2o_one:Backend", "kyoukai-h2o", "1.0"),
        registry.Registration("h2o", "h2o_two:Backend", "other-h2o", "0.3"),
    ]
    with mock.patch.object(registry, "registrations", return_value=claims):
        return failure(registry.load_backend, "h2o")


def backend_load_failure() -> str:
    """Return the message about a module that is not there."""
    return failure(registry.load_backend, "no_such_module:Backend")


def not_a_backend() -> str:
    """Return the message about something that is no backend."""
    return failure(registry.load_backend, "json:JSONDecoder")


def abstract_backend() -> str:
    """Return the message about a backend that is not finished."""
    return failure(registry.load_backend, "kyoukai:Backend")


def backend_version(version: int) -> str:
    """Return the message about a backend for another version of the contract."""
    other = type("Backend", (Backend,), {"api_version": version, "create_protocol": lambda *connection: None})
    return failure(registry.check_backend, other, f"backend 'h2o' of kyoukai-h2o {version}.0")


def check_output() -> str:
    """Return a piece of what ``kyoukai check`` prints of a backend that drops a body's last piece."""
    rules = [rule for rule in load_rules() if rule.id in ("K3.3", "K3.4", "K3.5")]
    results = [RuleResult(rule, "kept") for rule in rules]
    data = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc"
    results[1] = RuleResult(rules[1], "broken", "the pieces are b'ab'", data, "b'abc'")
    return "".join(f"{click.unstyle(line)}\n" for line in report_lines(Report("mine", tuple(results))))


def backend_option() -> str:
    """Return the message about an option that a backend does not know."""
    return failure(registry.create_backend, "reference", {"speed": 11})


def backends_alike() -> str:
    """Return the message about backends that cannot be told apart."""
    return failure(negotiation.by_preface, selection.create_backends(["httptools", "reference"], {}))


def backend_option_of_none() -> str:
    """Return the message about an option that stands below the name of no backend."""
    return failure(selection.divide_options, ["h2", "httptools"], {"max_concurrent_streams": 50})


def access_log(template: str = DEFAULT_FORMAT) -> str:
    """Return a line of the access log."""
    fields = [(b"Host", b"example.org"), (b"User-Agent", b"curl/8.5.0")]
    request: Any = SimpleNamespace(
        environ={"kyoukai.request_id": "0193a5c7e1f04b7c9a6d2e8f1b3c5d7e"},
        remote_addr="127.0.0.1",
        matched_route=SimpleNamespace(rule=SimpleNamespace(rule="/guests")),
    )
    answered: Any = SimpleNamespace(
        head=RequestHead("GET", b"/guests?page=2", "1.1", fields),
        status=200,
        sent=1432,
        received=0,
        began=100.0,
        environ={"REMOTE_ADDR": "127.0.0.1", "REMOTE_PORT": "50712"},
        error=None,
    )
    time = access_fields.Field("", lambda *_: "2026-11-29T13:05:11.025+00:00")
    with (
        mock.patch.object(access_fields, "perf_counter", return_value=100.000317),
        mock.patch.dict(access_fields.FIELDS, {"time": time}),
    ):
        return compile_format(template)(answered, request, None) + "\n"


def metrics_table() -> str:
    """Return the metrics, as Prometheus names them."""
    rows = [
        [
            f"`{name}_total`" if metric.kind == "counter" else f"`{name}`",
            metric.kind,
            ", ".join(f"`{label}`" for label in metric.labels),
            metric.meaning.rstrip("."),
        ]
        for name, metric in METRICS.items()
    ]
    return table(("metric", "kind", "labels", "what"), rows)


def access_fields_table() -> str:
    """Return the fields of the access log."""
    rows = [[f"`{name}`", field.meaning] for name, field in access_fields.FIELDS.items()]
    headers = [
        [
            "`request.NAME`",
            "the header field NAME of the request; case is ignored; all values of a repeated field",
        ],
        ["`response.NAME`", "the header field NAME of the answer, as the application has given it"],
    ]
    return table(("field", "what"), [*rows, *headers])


def trace_output() -> str:
    """Return what is traced of one request, answered at a time that is always the same."""
    lines: list[str] = []
    handler = logging.Handler(logging.DEBUG)
    handler.emit = lambda record: lines.append(record.getMessage())  # type: ignore[method-assign]
    level = tracing.logger.level

    async def converse() -> None:
        async with testing.serving("reference") as (component, ctx):
            backend: Any = component.backend
            backend.create_protocol = tracing.traced(backend.create_protocol)
            request = b"POST /guests HTTP/1.1\r\nHost: example.org\r\nContent-Length: 3\r\n\r\nAda"
            await testing.converse(component, ctx, [request])

    try:
        tracing.logger.addHandler(handler)
        tracing.logger.setLevel(logging.DEBUG)
        tracing.logger.propagate = False
        asyncio.run(converse())
    finally:
        tracing.logger.removeHandler(handler)
        tracing.logger.setLevel(level)
        tracing.logger.propagate = True
    text = re.sub(r"(?m)^#\d+", "#1", "".join(f"{line}\n" for line in lines))
    return re.sub(r"Date: .*? GMT", "Date: Sun, 06 Nov 1994 08:49:37 GMT", text)


def corpus_sections() -> str:
    """Return a section for each file of the corpus; Sphinx fills in its cases."""
    groups = LISTS["corpus_groups"]()
    return "\n".join(f"## {title}\n\n{about}\n\n```{{cases}} {file}\n```\n" for title, about, file in groups)


def file_text(name: str) -> str:
    """Return a file, or the part of it behind ``#``, without the markers of its parts.

    :raises KeyError: if there is no such part.
    """
    path, _, region = name.partition("#")
    text = (ROOT / path).read_text("utf-8")
    if region:
        text = dict(MARKED_REGION.findall(text))[region] + "\n"
    return re.sub(r"(?m)^[ ]*# region: \S+\n", "", text)


def signals_table() -> str:
    """Return what each signal does in each phase of a supervisor."""
    rows = ((f"`{name}`", *(row[phase].value for phase in Phase)) for name, row in SIGNALS.items())
    return table(("signal", *(phase.value for phase in Phase)), rows)


TABLES: Final[dict[str, Callable[[], str]]] = {
    "access-fields": access_fields_table,
    "features": features_table,
    "h2-options": h2_options_table,
    "limits": limits_table,
    "metrics": metrics_table,
    "options-alone": options_alone_table,
    "rules": rules_table,
    "signals": signals_table,
    "states": states_table,
    "steps": lambda: table(*STEPS.table()),
    "websocket-settings": websocket_settings_table,
}


def commands_sections() -> str:
    """Return a section for each command of the command line."""
    start = "2026-11-30 10:00:00,000 INFO kyoukai.server: Kyoukai {} serves {} (backend {}, loop {})\n"
    typed = {
        "kyoukai run": (
            "kyoukai run hello.py",
            start.format(VERSION, "http://127.0.0.1:8000", "httptools", "uvloop"),
        ),
        "kyoukai backends": ("kyoukai backends", backends_output()),
        "kyoukai backends show": ("kyoukai backends show reference", show_backend()),
        "kyoukai check": ("kyoukai check mine", check_output() + "…\n"),
        "kyoukai config": ("kyoukai config config.yaml --backend h2", COMMANDS["config_output"]()),
        "kyoukai routes": ("kyoukai routes hosts.py", COMMANDS["routes_output"]()),
    }
    return str(COMMANDS["sections"]({path: f"$ {line}\n{text}" for path, (line, text) in typed.items()}))


SECTIONS: Final = {
    "commands": commands_sections,
    "corpus": corpus_sections,
    "refusals": REFUSALS["sections"],
    "installing": lambda: INSTALLING["SENTENCES"][INSTALLING["source"]()],
    "installing-beside": lambda: INSTALLING["SENTENCES_BESIDE"][INSTALLING["source"]()],
    "options": options_sections,
    "why": WHY["section"],
}
OUTPUTS: Final = {
    "abstract-backend": abstract_backend,
    "access-log": access_log,
    "access-log-json": functools.partial(access_log, "json"),
    "backend-conflict": backend_conflict,
    "backend-load-failure": backend_load_failure,
    "backend-option": backend_option,
    "backend-option-of-none": backend_option_of_none,
    "backend-version": functools.partial(backend_version, 2),
    "backend-version-older": functools.partial(backend_version, 0),
    "backends": backends_output,
    "backends-alike": backends_alike,
    "check": check_output,
    "not-a-backend": not_a_backend,
    "explain": lambda: CliRunner().invoke(cli.main, ["explain", "host-missing"]).output,
    "refusal-log": REFUSALS["log_output"],
    "show-backend": show_backend,
    "trace": trace_output,
    "unknown-backend": unknown_backend,
}


def render(page: str) -> str:
    """Return a page with every marked place as it should be.

    :raises KeyError: if a marker names nothing that there is.
    :raises OSError: if a file that a marker names cannot be read.
    """

    def fence(match: re.Match[str]) -> str:
        kind, name, ticks, language, _ = match.groups()
        text = file_text(name) if kind == "file" else OUTPUTS[name]()
        return f"<!-- {kind}: {name} -->\n{ticks}{language}\n{text}{ticks}"

    def rows(match: re.Match[str]) -> str:
        name = match[1]
        modules = (LISTS, MEASURED, REFERENCE, WHY)
        listed = collections.ChainMap(*(module["TABLES"] for module in modules))
        text = table(*listed[name]()) if name in listed else TABLES[name]()
        return f"<!-- table: {name} -->\n\n{text}" + ("\n" if match[2] is None else "")

    def sections(match: re.Match[str]) -> str:
        return f"<!-- sections: {match[1]} -->\n\n{SECTIONS[match[1]]()}\n<!-- end -->"

    page = INSTALLING["render"](MARKED_FENCE.sub(fence, page), INSTALLING["source"]())
    return MARKED_SECTIONS.sub(sections, MARKED_TABLE.sub(rows, page))


def main() -> None:
    """Rewrite the pages and pictures that are out of date, and name them."""
    for path in [*PAGES, PYPI, MAN_PAGE]:
        old = path.read_text("utf-8") if path.exists() else ""
        if path == PYPI:
            # The README comes first: this is made of it.
            new = INSTALLING["for_the_index"](PAGES[0].read_text("utf-8"))
        elif path == MAN_PAGE:
            new = COMMANDS["man_page"](VERSION)
        else:
            new = render(old)
        if new != old:
            path.write_text(new, "utf-8")
            print(f"rewrote {path.relative_to(ROOT)}")
    for name, picture in DIAGRAMS.PICTURES.items():
        path = ROOT / "docs" / "images" / f"{name}.svg"
        new = picture()
        if not path.exists() or path.read_text("utf-8") != new:
            path.write_text(new, "utf-8")
            print(f"drew {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()

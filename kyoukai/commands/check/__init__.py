"""``kyoukai check``: whether a backend keeps the contract, rule by rule.

The extra ``testing`` has the packages that it needs. They are imported when it runs, so that the other
commands work without them. It exits with 0 if no required rule is broken, with 1 if one is, and with 2 if
the backend or the adapter cannot be loaded.
"""

import contextlib
import importlib.util
import json
import logging
import sys
from collections.abc import Iterator
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, TextIO

import click

from kyoukai.core.contract.registry import load_backend
from kyoukai.core.errors import BackendError
from kyoukai.core.extras import extra_command

from ..completion import complete_backend
from ..output import app_dir_option, one_line
from .page import report_page
from .text import report_lines

if TYPE_CHECKING:
    from kyoukai.testing.report import Report

__all__ = ("check",)

MODULES: Final = ("hypothesis", "pytest")
"""The modules of the extra ``testing``."""

BAR_WIDTH: Final = 30


class NothingToCheckError(click.ClickException):
    """The backend or the adapter cannot be loaded, or the extra is missing: one line, and exit status 2."""

    exit_code = 2


@click.command()
@click.argument("name", shell_complete=complete_backend)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
@click.option(
    "--html",
    metavar="FILE",
    type=click.File("w", encoding="utf-8", lazy=False),
    help="Write the report into this file too, as a page that needs nothing else.",
)
@click.option(
    "--no-corpus",
    is_flag=True,
    help="Leave out the rules whose checks run the whole corpus, which takes minutes.",
)
@click.option(
    "--adapter",
    metavar="MODULE:CLASS",
    help=(
        "The adapter that encodes requests for the backend's protocol, if it is not HTTP/1. Default: "
        "the backend's testing_adapter."
    ),
)
@app_dir_option("Look for the module of NAME here first.")
def check(name: str, as_json: bool, html: TextIO | None, no_corpus: bool, adapter: str | None) -> None:
    """Check whether the backend NAME keeps the contract.

    NAME is the name of an installed backend, or module:attribute. The command needs the extra 'testing'. It
    exits with 1 if a required rule is broken, and with 2 if the backend or the adapter cannot be loaded.
    """
    missing = [module for module in MODULES if importlib.util.find_spec(module) is None]
    if missing:
        raise NothingToCheckError(
            f"kyoukai check needs {' and '.join(missing)}, not installed: {extra_command('testing')}"
        )
    from kyoukai.testing.settings import SettingError, check_settings
    from kyoukai.testing.subject import AdapterError, read_adapter

    # Keep the output of a backend out of the report, which may be JSON.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            load_backend(name)
            check_settings()
            if adapter is not None:
                read_adapter(adapter)
        except (AdapterError, BackendError, SettingError) as error:
            raise NothingToCheckError(one_line(error)) from error
        report = _run(name, corpus=not no_corpus, adapter=adapter)
    if html is not None:
        html.write(report_page(report))
    if as_json:
        click.echo(json.dumps({"kyoukai": version("kyoukai"), **report.to_json()}, indent=2))
    else:
        for line in report_lines(report):
            click.echo(line)
    sys.exit(0 if report.passed else 1)


def _run(name: str, **options: Any) -> "Report":
    from kyoukai.testing.report import run_rules

    # Some handlers fail on purpose, and are logged. Without a logging handler, that goes to the terminal.
    handler = logging.NullHandler()
    logging.getLogger().addHandler(handler)
    try:
        if not is_terminal(sys.stderr):
            return run_rules(name, **options)
        with _cleared_line():
            return run_rules(name, progress=show_progress, **options)
    finally:
        logging.getLogger().removeHandler(handler)


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal."""
    return stream.isatty()


def show_progress(done: int, total: int) -> None:
    """Draw a progress bar on standard error, over the previous one."""
    filled = BAR_WIDTH * done // total if total else BAR_WIDTH
    bar = "#" * filled + "-" * (BAR_WIDTH - filled)
    click.echo(f"\r[{bar}] {done} of {total} rules", nl=False, err=True)


@contextlib.contextmanager
def _cleared_line() -> Iterator[None]:
    try:
        yield
    finally:
        click.echo(f"\r{'':{2 * BAR_WIDTH}}\r", nl=False, err=True)

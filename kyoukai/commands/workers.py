"""The options of ``kyoukai run`` that have workers serve."""

from collections.abc import Callable
from typing import Any, Final

import click

OPTIONS: Final = (
    click.option(
        "--workers",
        type=click.IntRange(1),
        metavar="N",
        help="Serve by so many processes, which are supervised.",
    ),
    click.option(
        "--worker-timeout",
        type=click.FloatRange(0),
        metavar="SECONDS",
        help="Replace a worker whose event loop has stood still for so long; 0: never.  [default: 30]",
    ),
    click.option(
        "--max-requests", type=click.IntRange(0), metavar="N", help="Replace a worker after so many requests."
    ),
    click.option(
        "--max-requests-jitter",
        type=click.IntRange(0),
        metavar="N",
        help="Add up to so many to --max-requests, at random for each worker.",
    ),
    click.option(
        "--max-worker-age",
        type=click.FloatRange(0),
        metavar="SECONDS",
        help="Replace a worker after this time.",
    ),
    click.option(
        "--max-worker-memory",
        type=click.IntRange(0),
        metavar="BYTES",
        help="Replace a worker that has so much resident memory.",
    ),
)


def supervisor_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command

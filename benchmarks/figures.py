"""Turns samples into figures: medians over rounds, their spread, and ratios."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple


class Measure(NamedTuple):
    """One quantity that is measured of a server."""

    title: str
    decimals: int
    about: str


MEASURES: Final[dict[str, Measure]] = {
    "cpu": Measure(
        "CPU us",
        1,
        "CPU time per request of all processes of the server, user and system time together, in microseconds",
    ),
    "user": Measure("user us", 1, "the part of CPU us spent in the server's own code"),
    "system": Measure("system us", 1, "the part of it that the kernel takes for the server"),
    "rate": Measure("requests/s", 0, "answers a second that one core gives"),
    "p50": Measure("p50 ms", 2, "the time within which half of the answers came, under full load"),
    "p99": Measure("p99 ms", 2, "the time within which 99 of 100 answers came, under full load"),
    "kib": Measure("KiB each", 2, "memory that one more idle connection takes"),
    "start": Measure("ms", 0, "from the start of the process to its first answer"),
    "start_cpu": Measure("CPU ms", 0, "CPU time from the start of the process to its first answer"),
    "drain": Measure("s", 2, "from the signal to the end of a process that closes all connections"),
    "memory": Measure(
        "MiB",
        1,
        (
            "the largest memory of the server's processes; for `idle`, the memory while 10,000 connections "
            "are open"
        ),
    ),
}

KEYS: Final = ("cpu", "kib", "start", "drain")
"""The measures for ratios; each workload has one of them."""


class Figure(NamedTuple):
    """The median and the spread of one measure over the rounds."""

    median: float
    spread: float
    """Half of the distance between the least and the greatest round, as a fraction of the median."""


def figure(values: Sequence[float]) -> Figure:
    """Return the figure of the rounds.

    :raises ValueError: without rounds.
    """
    if not values:
        raise ValueError("no rounds")
    median = statistics.median(values)
    return Figure(median, (max(values) - min(values)) / 2 / median if median else 0.0)


def figures(samples: Sequence[Mapping[str, float]]) -> dict[str, Figure]:
    """Return the figures of all measures in the rounds of one server."""
    return {name: figure([sample[name] for sample in samples]) for name in MEASURES if name in samples[0]}


def key(measures: Mapping[str, object]) -> str:
    """Return the measure to compare.

    :raises StopIteration: if the figures have no such measure.
    """
    return next(name for name in KEYS if name in measures)


def ratios(samples: Mapping[str, Sequence[Mapping[str, float]]], base: str) -> dict[str, float]:
    """Return the cost of each server as a multiple of the base's cost, or nothing without the base.

    Servers are compared within each round, in which they take their turns one after another, and the median
    of the rounds counts. So slow changes in the machine's speed cancel out.
    """
    if base not in samples:
        return {}
    measure = key(samples[base][0])
    return {
        name: statistics.median(
            sample[measure] / ours[measure] for sample, ours in zip(rounds, samples[base], strict=True)
        )
        for name, rounds in samples.items()
    }

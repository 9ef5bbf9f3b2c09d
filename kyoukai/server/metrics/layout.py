"""The layout of a region: eight-byte numbers, first those of the process, then those of each series.

A *series* is a set of events counted together: the requests with the same method, status and route, or the
refusals with the same reason. After the numbers follow the labels of each series, as JSON.
"""

from typing import Final

DURATIONS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the histogram of durations, in seconds: Prometheus's defaults and three smaller ones,
because most responses take less than a millisecond.
"""

LAGS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""The bounds of the histogram of the event loop's lag, in seconds."""

# The numbers of the process.
SERIES: Final = 0
"""Number of series."""
ACCEPTED: Final = 1
"""Accepted connections."""
CLOSED: Final = 2
"""Closed connections."""
UNANSWERED: Final = 3
"""Requests without a response: the client disconnected, or the task was cancelled."""
DUE: Final = 4
"""When the next measurement of the event loop is due, by the system's monotonic clock; 0: the loop does not
run."""
LAG: Final = 5
"""The sum of the event loop's lags in seconds, followed by their histogram."""
LAG_BUCKETS: Final = LAG + 1
PROCESS_CELLS: Final = LAG_BUCKETS + len(LAGS) + 1

# The numbers of a series. Most requests change only the first three.
FIRST: Final = 0
"""Number of responses within the first bound; for refusals, their number."""
SUM: Final = 1
"""Sum of the durations in seconds."""
SENT: Final = 2
"""Bytes of content sent."""
RECEIVED: Final = 3
"""Bytes of content received."""
LATER: Final = 4
"""Number of slower responses, by bound; the last has none."""
SERIES_CELLS: Final = LATER + len(DURATIONS)

MAX_SERIES: Final = 1024
"""Maximum number of series of a process. The first counts everything that has no series of its own. A series
takes 384 bytes."""

LABELS_SIZE: Final = 240
"""Bytes of the labels of a series: JSON, padded with zeros."""

CELLS: Final = PROCESS_CELLS + MAX_SERIES * SERIES_CELLS
SIZE: Final = 8 * CELLS + MAX_SERIES * LABELS_SIZE
"""Bytes of a region. The system allocates memory only for the written part."""


def counts(numbers: list[float]) -> list[float]:
    """Return the number of a series' requests by bucket of duration."""
    return [numbers[FIRST], *numbers[LATER:]]


def base_of(series: int) -> int:
    """Return the index of the first number of a series."""
    return PROCESS_CELLS + series * SERIES_CELLS

"""What lies where in a region: numbers of eight bytes, first those of the process, then those of each series.

A *series* is what is counted apart: the requests of one method, status and route, or what is refused for one
reason. Behind the numbers lie the labels of each series, as JSON.
"""

from typing import Final

DURATIONS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the histogram of durations, in seconds; Prometheus's own, and three below them: an answer
takes less than a millisecond mostly."""

LAGS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)
"""The bounds of the histogram of the event loop's lag, in seconds."""

# The numbers of the process.
SERIES: Final = 0
"""How many series there are."""
ACCEPTED: Final = 1
"""Connections accepted."""
CLOSED: Final = 2
"""Connections that are closed."""
UNANSWERED: Final = 3
"""Requests whose client was gone, or whose task was ended, before their answer."""
DUE: Final = 4
"""When the event loop has its next turn to measure, by the system's monotonic clock; 0: it does not run."""
LAG: Final = 5
"""The sum of the event loop's lags, in seconds; their histogram follows."""
LAG_BUCKETS: Final = LAG + 1
PROCESS_CELLS: Final = LAG_BUCKETS + len(LAGS) + 1

# The numbers of a series. Nearly every request changes the first three alone.
FIRST: Final = 0
"""How many took no longer than the first bound; of what was refused, how many there are."""
SUM: Final = 1
"""Seconds, of all together."""
SENT: Final = 2
"""Bytes of content sent."""
RECEIVED: Final = 3
"""Bytes of content received."""
LATER: Final = 4
"""How many took longer, by their bounds; the last has none."""
SERIES_CELLS: Final = LATER + len(DURATIONS)

MAX_SERIES: Final = 1024
"""The most series of one process; the first is for what has no room. Each that there is takes 384 bytes."""

LABELS_SIZE: Final = 240
"""Bytes of the labels of a series, as JSON with zeros behind it."""

CELLS: Final = PROCESS_CELLS + MAX_SERIES * SERIES_CELLS
SIZE: Final = 8 * CELLS + MAX_SERIES * LABELS_SIZE
"""Bytes of a region. The system gives memory for what has been written to alone."""


def counts(numbers: list[float]) -> list[float]:
    """Return how many requests of a series there are of each duration."""
    return [numbers[FIRST], *numbers[LATER:]]


def base_of(series: int) -> int:
    """Return the place of the first number of a series."""
    return PROCESS_CELLS + series * SERIES_CELLS

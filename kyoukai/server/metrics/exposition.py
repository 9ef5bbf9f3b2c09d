"""Show the counts to Prometheus with prometheus-client, which the extra ``metrics`` installs.

The client's multiprocess mode is not used: its counting takes more than a tenth of a small request's CPU
time, and it keeps a file for each worker forever.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.metrics.book import Totals
from kyoukai.server.metrics.layout import DURATIONS, FIRST, LAGS, RECEIVED, SENT, SUM, counts
from kyoukai.server.metrics.region import Labels


class Metric(NamedTuple):
    """A metric, as in the documentation."""

    kind: str
    labels: tuple[str, ...]
    meaning: str


METRICS: Final[dict[str, Metric]] = {
    "kyoukai_requests": Metric("counter", ("method", "status", "route"), "Answered requests."),
    "kyoukai_request_duration_seconds": Metric(
        "histogram",
        ("method", "route"),
        "Time from the end of a request's head to the end of its answer.",
    ),
    "kyoukai_request_bytes": Metric(
        "counter", ("method", "route"), "Bytes of request bodies, before a content coding is removed."
    ),
    "kyoukai_response_bytes": Metric("counter", ("method", "route"), "Bytes of response bodies."),
    "kyoukai_refused": Metric(
        "counter",
        ("status", "reason"),
        "Requests that the server refused, by their identifiers; kyoukai_requests_total counts them too.",
    ),
    "kyoukai_unanswered": Metric("counter", (), "Requests whose client disconnected before the answer."),
    "kyoukai_connections": Metric("counter", (), "Accepted connections."),
    "kyoukai_connections_open": Metric("gauge", ("worker",), "Open connections."),
    "kyoukai_connections_queued": Metric(
        "gauge", ("socket",), "Connections that wait in the queue of a listening TCP socket."
    ),
    "kyoukai_event_loop_lag_seconds": Metric(
        "histogram", (), "Delay of the event loop, measured twice a second in each worker."
    ),
    "kyoukai_event_loop_late_seconds": Metric(
        "gauge", ("worker",), "Current delay of a worker's event loop. It grows while the loop is blocked."
    ),
    "kyoukai_workers": Metric("gauge", ("state",), "Workers, by state."),
    "kyoukai_worker_ends": Metric("counter", ("reason",), "Workers that ended, by reason."),
}
"""All metrics, by name; for counters, without ``_total``."""

ROUTES_OF_NONE: Final = ""
"""The route label of requests that no route matched."""


class Gauges(NamedTuple):
    """Values that the workers do not count."""

    queued: Mapping[str, int]
    """Connections that wait to be accepted, by address."""
    workers: Mapping[str, int]
    """Workers, by state."""
    ends: Mapping[str, int]
    """Ended workers, by reason."""


def load_client() -> Any:
    """Import prometheus-client and return it.

    :raises ConfigurationError: if it is not installed.
    """
    try:
        import prometheus_client.core
        import prometheus_client.exposition
    except ImportError as exc:
        raise ConfigurationError(
            "/metrics needs prometheus-client, which is not installed; pip install 'kyoukai[metrics]'"
        ) from exc
    return prometheus_client


class Exposition:
    """Renders the metrics.

    :param read: returns the current counts and gauges.
    :raises ConfigurationError: if prometheus-client is not installed.
    """

    def __init__(self, read: Callable[[], tuple[Totals, Gauges]]) -> None:
        self._client = load_client()
        self._read = read

    def collect(self) -> Iterator[Any]:
        """Yield the metric families. prometheus-client calls this."""
        core = self._client.core
        makers = {
            "counter": core.CounterMetricFamily,
            "gauge": core.GaugeMetricFamily,
            "histogram": core.HistogramMetricFamily,
        }
        for name, samples in rows(*self._read()).items():
            metric = METRICS[name]
            family = makers[metric.kind](name, metric.meaning, labels=metric.labels)
            for labels, value in samples:
                if metric.kind == "histogram":
                    family.add_metric(labels, buckets=value[0], sum_value=value[1])
                else:
                    family.add_metric(labels, value)
            yield family

    def generate(self, accept: str) -> tuple[str, bytes]:
        """Return the content type and the text of the metrics.

        :param accept: the value of the field Accept; clients that accept OpenMetrics receive it.
        """
        encode, kind = self._client.exposition.choose_encoder(accept)
        return kind, encode(self)


Samples = list[tuple[list[str], Any]]


def rows(totals: Totals, gauges: Gauges) -> dict[str, Samples]:
    """Return the labels and values of each metric."""
    requests = {labels: cells for labels, cells in totals.series.items() if not labels.is_refusal}
    answered = [
        ([labels.method, str(labels.status or "other"), labels.text], sum(counts(cells)))
        for labels, cells in requests.items()
    ]
    by_route = merge(requests.items())
    return {
        "kyoukai_requests": [(labels, count) for labels, count in answered if count],
        "kyoukai_request_duration_seconds": [
            ([*key], (buckets(DURATIONS, counts(cells)), cells[SUM])) for key, cells in by_route.items()
        ],
        "kyoukai_request_bytes": [([*key], cells[RECEIVED]) for key, cells in by_route.items()],
        "kyoukai_response_bytes": [([*key], cells[SENT]) for key, cells in by_route.items()],
        "kyoukai_refused": [
            ([str(labels.status), labels.text], cells[FIRST])
            for labels, cells in totals.series.items()
            if labels.is_refusal
        ],
        "kyoukai_unanswered": [([], totals.unanswered)],
        "kyoukai_connections": [([], totals.accepted)],
        "kyoukai_connections_open": [([worker], count) for worker, count in totals.open.items()],
        "kyoukai_connections_queued": [([name], count) for name, count in gauges.queued.items()],
        "kyoukai_event_loop_lag_seconds": [([], (buckets(LAGS, totals.lag_buckets), totals.lag))],
        "kyoukai_event_loop_late_seconds": [([worker], late) for worker, late in totals.late.items()],
        "kyoukai_workers": [([state], count) for state, count in gauges.workers.items()],
        "kyoukai_worker_ends": [([reason], count) for reason, count in gauges.ends.items()],
    }


def merge(series: Iterable[tuple[Labels, list[float]]]) -> dict[tuple[str, str], list[float]]:
    """Return sums over all statuses, by method and route, without those that are zero."""
    merged: dict[tuple[str, str], list[float]] = {}
    for labels, cells in series:
        if not any(counts(cells)):
            continue
        key = (labels.method, labels.text)
        known = merged.get(key)
        merged[key] = cells if known is None else [a + b for a, b in zip(known, cells, strict=True)]
    return merged


def buckets(bounds: Iterable[float], counts: Iterable[float]) -> list[tuple[str, float]]:
    """Return cumulative buckets, as Prometheus defines them: each includes all smaller values."""
    shown, total = [], 0.0
    for bound, count in zip([*map(str, bounds), "+Inf"], counts, strict=True):
        total += count
        shown.append((bound, total))
    return shown

"""The sum of what workers have counted, and how Prometheus is shown it."""

import os
import re
import sys
import time
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.metrics.book import Book
from kyoukai.server.metrics.exposition import METRICS, Exposition, Gauges
from kyoukai.server.metrics.layout import ACCEPTED, CLOSED, DUE, FIRST, LAG, LAG_BUCKETS, LATER, SENT, SUM
from kyoukai.server.metrics.region import Labels, Region

GAUGES = Gauges({"127.0.0.1:8000": 3}, {"ready": 2, "not_ready": 1}, {"hung": 1})


@pytest.fixture
def book():
    book = Book()
    yield book
    book.shut()


def count(region: Region, labels: Labels, number: int = 1, sent: int = 0) -> None:
    base = region.place(labels)
    region.cells[base + FIRST] += number
    region.cells[base + SENT] += sent


def test_the_sum_of_live_and_dead_workers(book):
    labels = Labels("GET", 200, "/a")
    first, second = book.open("1"), book.open("2")
    for region in (first, second):
        count(region, labels, 2, 10)
        region.cells[ACCEPTED] = 2
        region.cells[CLOSED] = 1
    count(second, Labels("POST", 201, "/a"))
    book.close(first)
    third = book.open("1")
    count(third, labels)
    third.cells[DUE] = time.monotonic() - 5
    totals = book.sum()
    assert totals.series[labels][FIRST] == 5
    assert totals.series[labels][SENT] == 20
    assert totals.series[Labels("POST", 201, "/a")][FIRST] == 1
    assert totals.accepted == 4
    assert totals.open == {"1": 0, "2": 1}
    assert totals.late.keys() == {"1"}
    assert 5 <= totals.late["1"] < 60


def test_a_worker_and_its_successor_have_one_name(book):
    for number in (1, 2):
        region = book.open("1")
        region.cells[ACCEPTED] = number
        region.cells[DUE] = time.monotonic() - 50 * number
    assert book.sum().open == {"1": 3}
    assert 100 <= book.sum().late["1"] < 150


def test_a_region_is_closed_once(book):
    region = book.open("1")
    count(region, Labels("GET", 200, "/a"))
    book.close(region)
    book.close(region)
    assert book.sum().series[Labels("GET", 200, "/a")][FIRST] == 1


def test_a_supervisor_takes_over_what_another_has_counted(book):
    labels = Labels("GET", 200, "/a")
    ended, still_live = book.open("1"), book.open("2")
    count(ended, labels)
    book.close(ended)
    successor = Book()
    successor.inherit(Region(os.dup(descriptor)) for descriptor in book.hold())
    count(still_live, labels)
    count(successor.open("1"), labels)
    assert successor.sum().series[labels][FIRST] == 3
    assert successor.sum().open == {"1": 0}
    successor.shut()


def shown(book: Book, accept: str = "") -> tuple[str, str]:
    kind, text = Exposition(lambda: (book.sum(), GAUGES)).generate(accept)
    return kind, text.decode()


def filled(book: Book) -> None:
    region = book.open("1")
    for status in (200, 404):
        count(region, Labels("GET", status, "/a/<x>"), 2, 7)
    base = region.place(Labels("GET", 200, "/a/<x>"))
    region.cells[base + LATER] += 1
    region.cells[base + SUM] += 0.25
    count(region, Labels("", 400, "The request is malformed."))
    region.cells[ACCEPTED] = 3
    region.cells[LAG] = 0.5
    region.cells[LAG_BUCKETS + 2] = 1
    region.cells[DUE] = time.monotonic()


@pytest.mark.parametrize("accept", ["", "application/openmetrics-text; version=1.0.0"])
def test_prometheus_output(book, accept):
    filled(book)
    kind, text = shown(book, accept)
    assert kind.startswith("application/openmetrics-text" if accept else "text/plain")
    families = {family.name: family for family in (parse_openmetrics if accept else parse)(text)}
    assert set(families) == set(METRICS)
    samples: dict[Any, float] = {
        (sample.name, tuple(dict(sorted(sample.labels.items())).values())): sample.value
        for family in families.values()
        for sample in family.samples
    }
    route = "/a/<x>"
    assert samples["kyoukai_requests_total", ("GET", route, "200")] == 3
    assert samples["kyoukai_requests_total", ("GET", route, "404")] == 2
    assert samples["kyoukai_request_duration_seconds_bucket", ("0.0005", "GET", route)] == 4
    assert samples["kyoukai_request_duration_seconds_bucket", ("0.001", "GET", route)] == 5
    assert samples["kyoukai_request_duration_seconds_bucket", ("+Inf", "GET", route)] == 5
    assert samples["kyoukai_request_duration_seconds_sum", ("GET", route)] == 0.25
    assert samples["kyoukai_response_bytes_total", ("GET", route)] == 14
    assert samples["kyoukai_refused_total", ("The request is malformed.", "400")] == 1
    assert samples["kyoukai_connections_total", ()] == 3
    assert samples["kyoukai_connections_open", ("1",)] == 3
    assert samples["kyoukai_connections_queued", ("127.0.0.1:8000",)] == 3
    assert samples["kyoukai_event_loop_lag_seconds_sum", ()] == 0.5
    assert samples["kyoukai_event_loop_lag_seconds_bucket", ("0.005",)] == 0
    assert samples["kyoukai_event_loop_lag_seconds_bucket", ("0.01",)] == 1
    assert samples["kyoukai_workers", ("ready",)] == 2
    assert samples["kyoukai_worker_ends_total", ("hung",)] == 1
    assert 0 <= samples["kyoukai_event_loop_late_seconds", ("1",)] < 60


def test_every_metric_has_the_labels_that_are_documented(book):
    filled(book)
    _, text = shown(book)
    for family in parse(text):
        for sample in family.samples:
            assert sorted({*sample.labels} - {"le"}) == sorted(METRICS[family.name].labels)


def test_uncounted_metric_has_no_series(book):
    _, text = shown(book)
    assert re.search(r"(?m)^kyoukai_requests_total", text) is None
    assert re.search(r"(?m)^kyoukai_connections_total 0.0$", text)


def test_without_the_client_the_error_says_what_to_install(monkeypatch):
    for name in list(sys.modules):
        if name.partition(".")[0] == "prometheus_client":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'kyoukai\[metrics\]'"):
        Exposition(lambda: None)

"""Warnings about refusals: the first of a kind at once, later ones counted, and told once a minute."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest
from werkzeug.exceptions import Forbidden, InternalServerError, NotFound, ServiceUnavailable

from kyoukai.core.errors import identified
from kyoukai.core.serving.refusal_log import RefusalLog, note_answer
from kyoukai.core.serving.server_state import Server

READ = "Run 'kyoukai explain host-missing', or read \"Refusals\" in the reference"
MISSING = "refused with 400: host-missing: The Host field is missing."


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Any:
    """Return what was logged since the last call."""
    caplog.set_level(logging.DEBUG, "kyoukai.refusals")

    def take() -> list[str]:
        lines = [record.getMessage() for record in caplog.records if record.name == "kyoukai.refusals"]
        assert all(record.levelno == logging.WARNING for record in caplog.records)
        caplog.clear()
        return lines

    return take


def test_the_first_is_told_at_once(told: Any) -> None:
    log = RefusalLog()
    log.note("host-missing", "192.0.2.1", 100.0)
    assert told() == [f"{MISSING} From 192.0.2.1. {READ}"]
    log.note("host-repeated", None, 100.0)
    [line] = told()
    assert "host-repeated" in line
    assert "From an unknown client." in line


def test_others_are_counted_for_a_minute(told: Any) -> None:
    log = RefusalLog()
    log.note("host-missing", "192.0.2.1", 100.0)
    told()
    for second in range(1, 60):
        log.note("host-missing", f"192.0.2.{second}", 100.0 + second)
        log.sweep(100.0 + second)
    assert told() == []
    log.sweep(160.0)
    assert told() == [f"{MISSING} 59 more in 60 s, the last one from 192.0.2.59. {READ}"]
    log.sweep(300.0)
    assert told() == []


def test_one_after_a_quiet_while_is_told_at_once(told: Any) -> None:
    log = RefusalLog()
    log.note("host-missing", "192.0.2.1", 100.0)
    told()
    log.note("host-missing", "192.0.2.2", 1000.0)
    assert told() == [f"{MISSING} 1 more in 900 s, the last one from 192.0.2.2. {READ}"]
    log.note("host-missing", "192.0.2.3", 1001.0)
    assert told() == []


def test_what_was_counted_is_told_at_the_end(told: Any) -> None:
    log = RefusalLog()
    for _ in range(3):
        log.note("host-missing", "192.0.2.1", 100.0)
    told()
    log.flush(103.0)
    assert told() == [f"{MISSING} 2 more in 3 s, the last one from 192.0.2.1. {READ}"]
    log.flush(104.0)
    assert told() == []


def test_one_that_no_answer_is_for(told: Any) -> None:
    RefusalLog().note("write-timeout", "192.0.2.1", 0.0)
    [line] = told()
    assert line.startswith("refused: write-timeout: The client does not read its answer. From 192.0.2.1.")


def test_one_that_the_table_does_not_have_is_none(told: Any) -> None:
    RefusalLog().note("of-another-distribution", "192.0.2.1", 0.0)
    assert told() == []


def test_answers_after_which_the_connection_goes_on(told: Any) -> None:
    environ = {"kyoukai.protocol": SimpleNamespace(server=Server()), "REMOTE_ADDR": "192.0.2.1"}
    note_answer(identified(ServiceUnavailable(), "threads-busy"), environ)
    [line] = told()
    assert line.startswith("refused with 503: threads-busy: ")
    # An application's own, one that is its own choice, a 500, and one without a server.
    note_answer(NotFound(), environ)
    note_answer(identified(Forbidden(), "websocket-not-accepted"), environ)
    note_answer(identified(InternalServerError(), "handler-failed"), environ)
    note_answer(identified(Forbidden(), "origin-not-allowed"), {})
    assert told() == []

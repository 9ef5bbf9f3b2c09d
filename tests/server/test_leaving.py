import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kyoukai.server.leaving import busy_threads, name_threads_left
from kyoukai.server.signals import forgive


@pytest.fixture
def others() -> list[threading.Thread]:
    """The threads that were there before."""
    return threading.enumerate()


@pytest.fixture
def stuck(others: list[threading.Thread]) -> Iterator[threading.Thread]:
    """A thread that ends after the test."""
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait, args=(60,), name="stuck")
    thread.start()
    yield thread
    go_on.set()
    thread.join()


def test_a_thread_that_does_not_end_is_named(
    others: list[threading.Thread], stuck: threading.Thread, caplog: pytest.LogCaptureFixture
) -> None:
    name_threads_left(others, 0)
    (record,) = caplog.records
    assert record.getMessage().startswith("threads keep the process from ending: stuck at ")
    assert record.levelname == "WARNING"


def test_next_signal_ends_the_wait(others: list[threading.Thread], stuck: threading.Thread) -> None:
    before = [signal.signal(signal.SIGTERM, forgive), signal.signal(signal.SIGINT, signal.SIG_IGN)]
    try:
        name_threads_left(others, 0)
        # One that somebody has set is theirs.
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        for number, handler in zip([signal.SIGTERM, signal.SIGINT], before, strict=True):
            signal.signal(number, handler)


def test_next_signal_ends_the_wait_right_after_the_log_line(
    others: list[threading.Thread], stuck: threading.Thread, monkeypatch: pytest.MonkeyPatch
) -> None:
    handlers = []
    monkeypatch.setattr(
        "kyoukai.server.leaving.logger.warning", lambda *_: handlers.append(signal.getsignal(signal.SIGTERM))
    )
    before = signal.signal(signal.SIGTERM, forgive)
    try:
        name_threads_left(others, 0)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert handlers == [signal.SIG_DFL]


def test_threads_that_end_are_waited_for(
    others: list[threading.Thread], caplog: pytest.LogCaptureFixture
) -> None:
    go_on = threading.Event()
    thread = threading.Thread(target=go_on.wait)
    thread.start()
    threading.Timer(0.02, go_on.set).start()
    name_threads_left(others, 60)
    assert not thread.is_alive()
    assert not caplog.records


def test_daemon_threads_are_not_waited_for(others: list[threading.Thread]) -> None:
    begun, go_on = threading.Event(), threading.Event()
    daemon = threading.Thread(target=go_on.wait, daemon=True)
    daemon.start()
    try:
        with ThreadPoolExecutor(1) as pool:
            # It has nothing to do then, and may take a moment to come to that.
            pool.submit(int).result()
            name_threads_left(others, 60)
            assert not busy_threads(others)

            def work() -> None:
                begun.set()
                go_on.wait(20)

            pool.submit(work)
            assert begun.wait(20)
            busy = busy_threads(others)
            go_on.set()
        assert len(busy) == 1
    finally:
        go_on.set()
        daemon.join()

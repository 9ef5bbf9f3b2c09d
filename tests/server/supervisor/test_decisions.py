"""What a supervisor decides, without processes."""

import signal

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.supervisor import settings
from kyoukai.server.supervisor.decisions import (
    CONTAINER_INITS,
    SPARE,
    Backoff,
    Lateness,
    Recycling,
    describe_end,
    exit_status,
    refusal,
    upgrade_time,
)
from kyoukai.server.supervisor.settings import Supervision, take


def test_worker_that_served_is_replaced_at_once() -> None:
    backoff = Backoff(stable=1.0)
    assert backoff.delay(1.0) == 0.0
    assert backoff.delay(100.0) == 0.0


def test_restart_delay_doubles_for_workers_that_die_at_once() -> None:
    backoff = Backoff(first=0.1, longest=0.5, stable=1.0)
    assert [backoff.delay(served) for served in (None, 0.5, 0.0, None, None)] == [0.1, 0.2, 0.4, 0.5, 0.5]
    assert backoff.delay(2.0) == 0.0
    assert backoff.delay(None) == 0.1


def test_late_check_reports_its_delay() -> None:
    lateness = Lateness(1.0, 100.0)
    assert lateness.look(101.0) == 0.0
    assert lateness.look(101.5) == 0.0
    assert lateness.look(160.0) == 57.5
    assert lateness.look(161.0) == 0.0


@pytest.mark.parametrize(
    ("limits", "served", "reason"),
    [
        ({}, (10**9, 1e9, 10**12), None),
        ({"requests": 100}, (99, 0.0, 0), None),
        ({"requests": 100}, (100, 0.0, 0), "requests"),
        ({"requests": 100, "jitter": 50}, (149, 0.0, 0), None),
        ({"requests": 100, "jitter": 50}, (150, 0.0, 0), "requests"),
        ({"age": 60.0}, (0, 59.9, 0), None),
        ({"age": 60.0}, (0, 60.0, 0), "age"),
        ({"memory": 1000}, (0, 0.0, 999), None),
        ({"memory": 1000}, (0, 0.0, 1000), "memory"),
    ],
)
def test_recycling_reason(
    limits: dict[str, float], served: tuple[int, float, int], reason: str | None
) -> None:
    # The jitter is the largest.
    recycling = Recycling(**limits, randint=lambda least, most: most)  # type: ignore[arg-type]
    found = recycling.reason(*served)
    assert (found and found[0]) == reason


def test_jitter_tells_workers_apart() -> None:
    drawn = iter([3, 0])
    first, second = (Recycling(10, 5, randint=lambda least, most: next(drawn)) for _ in range(2))
    assert first.reason(12, 0.0, 0) is None
    assert second.reason(12, 0.0, 0) is not None


@pytest.mark.parametrize(
    ("status", "how", "code"),
    [
        (0, "exit status 0", 0),
        (3, "exit status 3", 3),
        (-signal.SIGKILL, "SIGKILL", 137),
        (-250, "signal 250", 378),
    ],
)
def test_how_a_process_ended(status: int, how: str, code: int) -> None:
    assert (describe_end(status), exit_status(status)) == (how, code)


def refused(
    pid: int = 7, parent: str = "", has_file: bool = False, reloads: bool = False, **environ: str
) -> str:
    return refusal(pid, parent, environ, has_file=has_file, reloads=reloads) or ""


def test_no_upgrade_where_the_process_must_not_end() -> None:
    assert refused() == ""
    assert refused(1).startswith("the container would end with this process; SIGHUP")
    for parent in CONTAINER_INITS:
        assert refused(parent=parent).startswith("the container would end with this process")
    assert refused(parent="systemd") == refused(parent="init") == ""
    assert refused(reloads=True).startswith("--reload is for development")
    assert refused(SYSTEMD_EXEC_PID="7").startswith("systemd would take the end of this process")
    assert refused(SYSTEMD_EXEC_PID="7", NOTIFY_SOCKET="/run/notify") == ""
    # Type=forking has it read from the file who serves.
    assert refused(SYSTEMD_EXEC_PID="7", has_file=True) == ""
    assert refused(SYSTEMD_EXEC_PID="8") == ""


def test_an_upgrade_may_take_two_starts_and_some_more() -> None:
    assert upgrade_time(10) == 20 + SPARE
    assert upgrade_time(None) is None


def test_settings_of_a_supervisor_are_taken_from_the_others() -> None:
    assert take({"port": 1}) == ({"port": 1}, None)
    assert take({"port": 1, "workers": None}) == ({"port": 1}, None)
    assert take({"port": 1, "workers": 3}) == ({"port": 1}, Supervision(workers=3))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"workers": 0}, "workers is 0; it must be a whole number, at least 1"),
        ({"workers": True}, "workers is True; it must be a whole number, at least 1"),
        ({"worker_timeout": -1}, "worker_timeout is -1; it must be a number, at least 0"),
        ({"max_worker_memory": "1G"}, "max_worker_memory is '1G'; it must be a whole number, at least 0"),
        ({"max_requests_jitter": 5}, "max_requests_jitter needs max_requests"),
    ],
)
def test_invalid_settings(given: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        take(given)
    assert str(raised.value) == message


@pytest.mark.parametrize("platform", ["darwin", "win32"])
@pytest.mark.parametrize("name", settings.NAMES)
def test_one_process_serves_outside_linux(monkeypatch: pytest.MonkeyPatch, platform: str, name: str) -> None:
    monkeypatch.setattr(settings, "CAPABLE", False)
    monkeypatch.setattr("sys.platform", platform)
    given = {name: 1, "max_requests": 1}
    with pytest.raises(ConfigurationError) as raised:
        take(given)
    assert f"need Linux; on {platform} use one process" in str(raised.value)
    assert take({"port": 1}) == ({"port": 1}, None)

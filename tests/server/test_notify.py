"""What a service manager is told, on a socket of its own."""

import os
import socket

import pytest

from kyoukai.server.notify import ServiceManager, read_watchdog


def test_a_message(manager: socket.socket) -> None:
    ServiceManager({"NOTIFY_SOCKET": manager.getsockname()}).tell(ready=1, status="serving")
    assert manager.recv(1000) == b"READY=1\nSTATUS=serving"


def test_a_reload_has_its_time(manager: socket.socket) -> None:
    ServiceManager({"NOTIFY_SOCKET": manager.getsockname()}).reloading()
    first, second = manager.recv(1000).split(b"\n")
    assert first == b"RELOADING=1"
    assert int(second.removeprefix(b"MONOTONIC_USEC=")) > 0


def test_an_abstract_socket() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0kyoukai-test-{os.getpid()}")
        sock.settimeout(10)
        ServiceManager({"NOTIFY_SOCKET": f"@kyoukai-test-{os.getpid()}"}).tell(stopping=1)
        assert sock.recv(1000) == b"STOPPING=1"


@pytest.mark.parametrize("environ", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "/there/is/none"}])
def test_absent_service_manager_is_not_an_error(environ: dict[str, str]) -> None:
    ServiceManager(environ).tell(ready=1)


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "3000000"}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "1"}, 0.0),
        ({"WATCHDOG_USEC": "often"}, 0.0),
        ({"WATCHDOG_USEC": "-1"}, 0.0),
    ],
)
def test_how_often_a_sign_of_life_is_wanted(environ: dict[str, str], seconds: float) -> None:
    assert read_watchdog(environ) == seconds
    assert ServiceManager(environ).watchdog == seconds

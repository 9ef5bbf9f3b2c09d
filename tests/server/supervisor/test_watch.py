"""A worker that hangs is told apart from one that is busy; one that has served enough is replaced."""

import os
import select
import signal
import threading
from pathlib import Path

import pytest

from ...serving import PATIENCE, Client
from .supervised import has_ended, supervised, wait_until

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_a_worker_whose_loop_is_blocked_is_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--worker-timeout", "1") as server:
        [first] = server.workers(1)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(get("/block"))
            server.process.wait_for(rf"worker 1 \(pid {first}\) hangs")
            second = server.workers(2)[1]
        # Where it hung is told.
        server.process.wait_for("in block")
        assert server.get() == f"{second} one"
        server.process.wait_for(rf"worker 1 \(pid {first}\) has ended \(hung\): SIGABRT")


def test_a_worker_that_is_stopped_is_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--worker-timeout", "1") as server:
        [first] = server.workers(1)
        os.kill(first, signal.SIGSTOP)
        second = server.workers(2)[1]
        assert server.get() == f"{second} one"
        server.process.wait_for(r"has ended \(hung\): SIGKILL")


def test_a_busy_worker_is_left_alone(tmp_path: Path) -> None:
    # It computes for twice as long as it may stand still.
    with supervised(tmp_path, "--workers", "1", "--worker-timeout", "4") as server:
        [first] = server.workers(1)
        assert server.get("/pause?seconds=8") == str(first)
        assert "hangs" not in server.process.stderr


def test_stopped_process_group_is_not_taken_for_hanging(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2", "--worker-timeout", "4") as server:
        workers = server.workers(2)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(get("/pause?seconds=4"))
            with server.process.standing_still():
                for pid in workers:
                    os.kill(pid, signal.SIGSTOP)
                # The clock is what is tested here: five seconds pass for nobody.
                signal.sigtimedwait([], 5)
                for pid in workers:
                    os.kill(pid, signal.SIGCONT)
            # The supervisor looks at them again and again until this is answered.
            assert client.receive().status == 200
        server.answering(until=lambda answers: answers == {f"{pid} one" for pid in workers})
        assert "hangs" not in server.process.stderr


def test_a_worker_is_replaced_after_its_requests(tmp_path: Path) -> None:
    with supervised(
        tmp_path, "--workers", "2", "--max-requests", "5", "--max-requests-jitter", "2"
    ) as server:
        server.workers(2)
        wait_until(lambda: bool(server.get()) and server.process.stderr.count("has ended (requests)") >= 2)
        ready, ended = (
            server.process.stderr.index("(max_requests with jitter"),
            server.process.stderr.index("has ended"),
        )
        assert "is ready after" in server.process.stderr[ready:ended]


def test_a_worker_is_replaced_after_a_time(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--max-worker-age", "0.5") as server:
        first = server.workers(2)[0]
        wait_until(lambda: has_ended(first))
        server.process.wait_for(r"has ended \(age\)")
        assert server.get().endswith(" one")


class Asking:
    """Clients that keep their connections, and ask again and again for what leaks a MiB."""

    def __init__(self, port: int, count: int) -> None:
        self.answered = self.led_on = 0
        self.failures: list[BaseException] = []
        self._port = port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(count)]

    def __enter__(self) -> "Asking":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _ask(self) -> None:
        try:
            while not self._stop.is_set():
                with Client(("127.0.0.1", self._port)) as client:
                    self._ask_on(client)
        except BaseException as error:
            self.failures.append(error)

    def _ask_on(self, client: Client) -> None:
        """Ask on one connection, until the server leads it on, or closes it while it is idle."""
        # What leaks in a second, the supervisor sees in the next.
        while not self._stop.wait(0.1) and not select.select([client.socket], [], [], 0)[0]:
            client.send(get("/leak"))
            answer = client.receive()
            assert answer.status == 200
            self.answered += 1
            if answer.fields.get("connection") == "close":
                self.led_on += 1
                return


@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_a_leak_is_held_without_a_failed_request(tmp_path: Path, backend: str) -> None:
    """Connections that are kept are in use while their worker is replaced, twice."""
    options = ("--workers", "1", "--backend", backend, "--max-worker-memory", str(100 << 20))
    with supervised(tmp_path, *options) as server:
        server.workers(1)
        with Asking(server.port, 4) as asking:
            server.process.wait_for(r"has ended \(memory\): exit status 0", 2)
        assert asking.failures == []
        # Each was asked on while the worker behind it had a successor.
        assert asking.led_on >= 8
        assert asking.answered > asking.led_on


def test_connections_of_a_silent_worker_are_accepted_by_the_others(tmp_path: Path) -> None:
    # It is not replaced for as long as this takes.
    with supervised(tmp_path, "--workers", "2", "--worker-timeout", "600") as server:
        first, second = server.workers(2)
        os.kill(second, signal.SIGSTOP)
        try:
            # Some of them come to the socket of the one that stands still.
            assert {server.get() for _ in range(64)} == {f"{first} one"}
        finally:
            os.kill(second, signal.SIGCONT)
        server.answering(until=lambda answers: answers == {f"{first} one", f"{second} one"})
        assert "hangs" not in server.process.stderr

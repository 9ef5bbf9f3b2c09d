"""A worker that hangs is told apart from one that is busy; one that has served enough is replaced."""

import os
import signal
from pathlib import Path

from ...serving import Client
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


def test_a_group_that_is_stopped_hangs_not(tmp_path: Path) -> None:
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
            server.process.stderr.index("of max_requests"),
            server.process.stderr.index("has ended"),
        )
        assert "is ready after" in server.process.stderr[ready:ended]


def test_a_worker_is_replaced_after_a_time(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--max-worker-age", "0.5") as server:
        first = server.workers(2)[0]
        wait_until(lambda: has_ended(first))
        server.process.wait_for(r"has ended \(age\)")
        assert server.get().endswith(" one")


def test_a_leak_is_held_without_a_failed_request(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--max-worker-memory", str(100 << 20)) as server:
        answers = 0
        # Each leaks a MiB; a client of its own for each, which fails where it gets no answer.
        while server.process.stderr.count("has ended (memory)") < 2:
            assert server.get("/leak").isdigit()
            answers += 1
            assert answers < 5000
        print(f"{answers} answers")


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

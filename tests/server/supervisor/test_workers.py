"""Workers start, serve, are replaced, and end with their supervisor."""

import os
import signal
from pathlib import Path

import pytest

from ...processes import kyoukai_run, python
from ...serving import Client
from .supervised import has_ended, supervised, wait_until, write

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_all_workers_serve_until_sigterm(tmp_path: Path, backend: str, loop: str) -> None:
    with supervised(tmp_path, "--workers", "2", "--backend", backend, "--loop", loop) as server:
        first, second = server.workers(2)
        server.answering(until=lambda answers: answers == {f"{first} one", f"{second} one"})
        server.process.wait_for(rf"\(backend {backend}, loop {loop}\) by 2 workers")
        server.signal(signal.SIGTERM)
        server.finish()
        assert has_ended(first)
        assert has_ended(second)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_signal_to_all_processes_at_once_ends_them_in_order(tmp_path: Path, loop: str) -> None:
    # systemd sends it so by default, and a terminal Ctrl-C.
    with supervised(tmp_path, "--workers", "2", "--loop", loop) as server:
        processes = [*server.workers(2), server.process.pid]
        server.answering(until=lambda answers: len(answers) == 2)
        for pid in processes:
            os.kill(pid, signal.SIGTERM)
        server.finish()
        assert "Traceback" not in server.process.stderr
        server.process.wait_for(r"has ended \(stop\): exit status 0", 2)


def test_a_dead_worker_is_replaced(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        first, second = server.workers(2)
        os.kill(second, signal.SIGKILL)
        third = server.workers(3)[2]
        server.process.wait_for(rf"worker 2 \(pid {second}\) ended unexpectedly: SIGKILL; replaced")
        server.answering(until=lambda answers: answers == {f"{first} one", f"{third} one"})


def test_the_queue_of_a_dead_worker_is_served_by_its_successor(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1") as server:
        [first] = server.workers(1)
        os.kill(first, signal.SIGSTOP)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(GET)
            os.kill(first, signal.SIGKILL)
            assert client.receive().body.decode() == f"{server.workers(2)[1]} one"


def test_a_first_worker_that_does_not_start_ends_the_supervisor(tmp_path: Path) -> None:
    write(tmp_path, "raise RuntimeError('no database')\n")
    with kyoukai_run("app:app", "--port", "0", "--workers", "2", folder=tmp_path) as process:
        assert process.finish() == 1
    assert process.stderr.count("RuntimeError: no database") == 1


def test_script_that_serves_nothing_in_a_worker_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(
        "import os\n"
        "from kyoukai.web import Kyoukai\n"
        "if 'KYOUKAI_WORKER' not in os.environ:\n"
        "    Kyoukai('script').run(port=0, workers=1)\n"
    )
    with python("served.py", folder=tmp_path) as process:
        assert process.finish() == 1
    assert "ended before it was ready: exit status 0" in process.stderr


def test_an_address_in_use_is_said_once(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1") as server:
        port = str(server.port)
        with kyoukai_run("app:app", "--port", port, "--workers", "2", folder=tmp_path) as process:
            assert process.finish() == 1
    assert process.stderr.count("the address is already in use") == 1
    assert "is ready" not in process.stderr


def test_a_second_signal_stops_at_once(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1", "--shutdown-timeout", "600") as server:
        [worker] = server.workers(1)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            server.signal(signal.SIGTERM)
            server.process.wait_for("SIGTERM came while serving")
            server.signal(signal.SIGTERM)
            server.finish()
            assert has_ended(worker)


def test_a_request_under_way_is_finished(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        server.workers(2)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            server.signal(signal.SIGINT)
            server.process.wait_for("SIGINT came while serving")
            server.release()
            assert client.receive().status == 200
        server.finish()


def test_overdue_worker_is_ended(tmp_path: Path) -> None:
    with supervised(
        tmp_path, "--workers", "1", "--shutdown-timeout", "0", "--background-timeout", "0"
    ) as server:
        [worker] = server.workers(1)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(b"GET /block HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.signal(signal.SIGTERM)
            server.finish()
        assert has_ended(worker)


def test_workers_of_a_killed_supervisor_finish_and_end(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        workers = server.workers(2)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            server.signal(signal.SIGKILL)
            server.process.wait_for("the supervisor is gone", 2)
            server.release()
            assert client.receive().status == 200
        wait_until(lambda: all(map(has_ended, workers)))


def test_a_script_has_workers_too(tmp_path: Path) -> None:
    (tmp_path / "served.py").write_text(
        "import os\n"
        "from kyoukai.web import Kyoukai\n"
        "app = Kyoukai('script')\n"
        "@app.route('/')\n"
        "async def index(ctx):\n"
        "    return f'{os.getpid()}'\n"
        "app.run(port=0, workers=1)\n"
    )
    with python("served.py", folder=tmp_path) as process:
        with process.connect() as client:
            client.send(GET)
            worker = int(client.receive().body)
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert has_ended(worker)


def test_a_unix_socket_is_shared_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path)
    with kyoukai_run("app:app", "--uds", "socket", "--workers", "2", folder=tmp_path) as process:
        process.wait_for("is ready", 2)
        with process.connect() as client:
            client.send(GET)
            assert client.receive().status == 200
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    assert not (tmp_path / "socket").exists()


def test_worker_that_dies_at_once_is_delayed_and_others_serve(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        first, second = server.workers(2)
        write(tmp_path, "raise SystemExit(3)\n")
        os.kill(second, signal.SIGKILL)
        # It takes 0.1, 0.2 and 0.4 seconds until the others are told.
        server.process.wait_for(r"ended unexpectedly: exit status 3; replaced in 0\.8 s")
        assert {server.get() for _ in range(32)} == {f"{first} one"}
        write(tmp_path)
        third = server.workers(3)[2]
        server.answering(until=lambda answers: answers == {f"{first} one", f"{third} one"})

"""The admin server of a supervisor: it answers whatever workers do, and counts add up over their ends."""

import contextlib
import os
import signal
import socket
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from kyoukai.server.sockets import queue_length

from ...processes import kyoukai_run
from ...serving import Answer, Client, message
from .supervised import ADMIN, Supervised, supervised, wait_until


class Administered:
    """A supervisor with an admin server."""

    def __init__(self, server: Supervised) -> None:
        self.server = server
        self.port = int(server.process.wait_for(ADMIN)[1])

    def ask(self, path: str) -> Answer:
        """Return the admin server's answer."""
        with Client(("127.0.0.1", self.port)) as client:
            return client.request(message("GET", path))

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Return the metrics, by name and labels in the order of their names."""
        text = self.ask("/metrics").body.decode()
        return {
            (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def total(self, name: str, *labels: str) -> float:
        """Return the sum of a metric, over labels that are not given."""
        return sum(
            value for key, value in self.metrics().items() if key[0] == name and set(labels) <= {*key[1:]}
        )


@contextlib.contextmanager
def administered(folder: Path, *options: str) -> Iterator[Administered]:
    with supervised(folder, "--admin", "127.0.0.1:0", *options) as server:
        yield Administered(server)


@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_counts_add_up_over_kills_reloads_and_ends(tmp_path: Path, backend: str) -> None:
    """What a client has had answers to is what is counted, whatever became of the workers that gave them."""
    answered: Counter[tuple[str, str, str]] = Counter()
    with administered(tmp_path, "--workers", "2", "--backend", backend) as admin:
        server = admin.server

        def ask(count: int) -> None:
            for number in range(count):
                path, route = (("/", "/"), ("/echo", "/echo"), ("/none", ""))[number % 3]
                method = "POST" if route == "/echo" else "GET"
                with Client(("127.0.0.1", server.port)) as client:
                    answer = client.request(
                        message(method, path, body=b"12345" if method == "POST" else None)
                    )
                answered[method, route, str(answer.status)] += 1

        def settled() -> bool:
            return admin.total("kyoukai_requests_total") == answered.total()

        server.workers(2)
        ask(60)
        # A worker counts when its answer has gone: the client may be faster.
        wait_until(settled)
        for pid in server.workers(2):
            os.kill(pid, signal.SIGKILL)
        workers = server.workers(4)
        ask(60)
        wait_until(settled)
        server.signal(signal.SIGHUP)
        server.process.wait_for("reloaded: 2 new workers serve")
        ask(60)
        wait_until(settled)
        # Of those before the reload, both have ended by themselves.
        server.process.wait_for(r"has ended \(reload\)", 2)
        metrics = admin.metrics()
        found = {key[1:]: value for key, value in metrics.items() if key[0] == "kyoukai_requests_total"}
        assert found == dict(answered)
        assert metrics["kyoukai_request_bytes_total", "POST", "/echo"] == 5 * 60
        assert metrics["kyoukai_request_duration_seconds_count", "GET", "/"] == 60
        assert metrics["kyoukai_connections_total",] >= 180
        assert metrics["kyoukai_worker_ends_total", "crashed"] == 2
        assert metrics["kyoukai_worker_ends_total", "reload"] == 2
        assert metrics["kyoukai_workers", "ready"] == 2
        assert metrics["kyoukai_workers", "not_ready"] == 0
        assert len(set(workers)) == 4
        server.signal(signal.SIGTERM)
        server.finish()


def test_seconds_and_bytes_of_a_worker_that_ends_are_kept(tmp_path: Path) -> None:
    with administered(tmp_path, "--workers", "1") as admin:
        server = admin.server
        [first] = server.workers(1)
        sizes = [len(server.get()) for _ in range(10)]
        server.signal(signal.SIGHUP)
        server.process.wait_for(r"has ended \(reload\)")
        metrics = admin.metrics()
        assert metrics["kyoukai_response_bytes_total", "GET", "/"] == sum(sizes)
        assert metrics["kyoukai_request_duration_seconds_sum", "GET", "/"] > 0
        assert first not in server.workers(2)[1:]


def test_it_answers_while_a_handler_blocks_the_loop_of_every_worker(tmp_path: Path) -> None:
    """How soon, ``python -m benchmarks.workers`` tells."""
    with (
        administered(tmp_path, "--workers", "2", "--worker-timeout", "0") as admin,
        contextlib.ExitStack() as stack,
    ):
        admin.server.workers(2)

        def all_are_blocked() -> bool:
            client = stack.enter_context(Client(("127.0.0.1", admin.server.port)))
            client.send(message("GET", "/block"))
            # It has been for so long that its last sign of life is a matter of the past.
            return all(admin.total("kyoukai_event_loop_late_seconds", worker) > 0.5 for worker in "12")

        wait_until(all_are_blocked)
        answers = [admin.ask(path) for path in ("/livez", "/readyz", "/metrics") * 3]
        assert {answer.status for answer in answers} == {200}
        # They have been all the while, since none of them ever goes on.
        assert all_are_blocked()


def test_it_answers_while_every_worker_stands_still(tmp_path: Path) -> None:
    with administered(tmp_path, "--workers", "2", "--worker-timeout", "0") as admin:
        pids = admin.server.workers(2)
        wait_until(lambda: admin.ask("/readyz").status == 200)
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            assert [admin.ask(path).status for path in ("/livez", "/readyz", "/metrics")] == [200] * 3
            wait_until(
                lambda: all(admin.total("kyoukai_event_loop_late_seconds", worker) > 0.5 for worker in "12")
            )
            with Client(("127.0.0.1", admin.server.port)) as client:
                client.send(message())
                wait_until(lambda: admin.total("kyoukai_connections_queued") == 1)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)


def test_it_is_not_ready_before_all_workers_are_and_while_it_stops(tmp_path: Path) -> None:
    with administered(tmp_path, "--workers", "2") as admin:
        server = admin.server
        server.workers(2)
        wait_until(lambda: admin.ask("/readyz").status == 200)
        with Client(("127.0.0.1", server.port)) as client:
            client.send(message("GET", "/slow"))
            server.process.wait_for("begun")
            server.signal(signal.SIGTERM)
            wait_until(lambda: admin.ask("/readyz").status == 503)
            assert admin.ask("/readyz").body == b"the server is about to stop\n"
            assert admin.ask("/livez").status == 200
            server.release()
            assert client.receive().status == 200
        server.finish()


def test_what_the_server_refuses_is_counted_by_reason(tmp_path: Path) -> None:
    with administered(tmp_path) as admin:
        admin.server.workers(1)
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"GET /%ff HTTP/3.0\r\n\r\n", b"\x16\x03\r\n\r\n"):
            with Client(("127.0.0.1", admin.server.port)) as client:
                client.request(data)
        wait_until(lambda: admin.total("kyoukai_refused_total") == 3)
        metrics = admin.metrics()
        reasons = {key[1:]: value for key, value in metrics.items() if key[0] == "kyoukai_refused_total"}
        assert set(reasons) == {
            ("host-missing", "400"),
            ("version-unknown", "505"),
            ("tls-on-plain-port", "400"),
        }
        assert (
            admin.total("kyoukai_requests_total", "400") + admin.total("kyoukai_requests_total", "505") == 3
        )


@pytest.mark.parametrize(
    ("address", "said"),
    [("nowhere", "admin is 'nowhere'"), ("127.0.0.1:1", "127.0.0.1:1")],
)
def test_invalid_admin_address_ends_the_start(tmp_path: Path, address: str, said: str) -> None:
    (tmp_path / "app.py").write_text("app = None\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        if said == address:
            address = said = f"127.0.0.1:{taken.getsockname()[1]}"
        with kyoukai_run("app:app", "--port", "0", "--admin", address, folder=tmp_path) as process:
            assert process.finish() == 1
    assert process.stderr.count(said) == 1


def test_without_prometheus_client_only_metrics_are_missing(tmp_path: Path) -> None:
    (tmp_path / "prometheus_client.py").write_text("raise ImportError\n")
    with administered(tmp_path) as admin:
        admin.server.workers(1)
        assert admin.ask("/livez").status == 200
        assert admin.ask("/metrics").status == 501
        assert "/metrics is not available: prometheus-client is not installed" in admin.server.process.stderr


def test_how_many_wait_to_be_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        assert queue_length(listening) == 0
        clients: list[Any] = [socket.create_connection(listening.getsockname()) for _ in range(3)]
        wait_until(lambda: queue_length(listening) == 3)
        for client in clients:
            client.close()
    first, second = socket.socketpair()
    assert queue_length(first) is None
    first.close()
    second.close()
    assert queue_length(listening) is None

"""The admin application: what it answers, over a real socket."""

import asyncio
import json
import threading

import pytest

from kyoukai.server.admin.application import AdminApplication
from kyoukai.server.admin.serving import AdminServer, read_listeners
from kyoukai.server.admin.status import Status
from tests.serving import PATIENCE, Client, message


class Admin:
    """An admin server, in a thread with an event loop of its own."""

    def __init__(self, loop_factory, generate=None):
        self.status = Status("serving", 2, 2, 2)
        self._app = AdminApplication(lambda: self.status, generate)
        self._server = AdminServer(self._app, read_listeners("127.0.0.1:0"))
        self._loop_factory = loop_factory
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(PATIENCE)

    def _run(self):
        with asyncio.Runner(loop_factory=self._loop_factory) as runner:
            runner.run(self._serve())

    async def _serve(self):
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        await self._server.open()
        await self._server.serve()
        self.address = self._server.entrance.address
        self._ready.set()
        await self._stop.wait()
        await self._server.stop()

    def ask(self, data, method="GET"):
        with Client(self.address) as client:
            return client.request(data, method)

    def stop(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def admin(loop_factory):
    admin = Admin(loop_factory, lambda accept: (f"text/x; for={accept}", b"metrics 1\n"))
    yield admin
    admin.stop()


def test_liveness(admin):
    answer = admin.ask(message("GET", "/livez"))
    assert (answer.status, answer.body) == (200, b"ok\n")
    assert answer.fields["content-type"] == "text/plain; charset=utf-8"
    assert answer.fields["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (Status("serving", 2, 2, 2), 200, b"ok\n"),
        (Status("serving", 1, 4, 1), 200, b"ok\n"),
        (Status("reloading", 4, 4, 1), 200, b"ok\n"),
        (Status("starting", 0, 2, 2), 503, b"0 of 2 workers are ready\n"),
        (Status("serving", 0, 2, 1), 503, b"0 of 1 workers are ready\n"),
        (Status("serving", 2, 2, 1, True), 503, b"the server is about to stop\n"),
        (Status("draining", 0, 2, 1, True), 503, b"the server is about to stop\n"),
    ],
)
def test_readiness(admin, status, code, said):
    admin.status = status
    answer = admin.ask(message("GET", "/readyz"))
    assert (answer.status, answer.body) == (code, said)
    assert admin.ask(message("GET", "/livez")).status == 200


def test_status_as_text_and_as_json(admin):
    admin.status = Status("serving", 1, 4, 2)
    answer = admin.ask(message("GET", "/readyz?verbose"))
    assert answer.status == 503
    assert answer.body.decode().splitlines() == [
        "1 of 2 workers are ready",
        "ready: false",
        'reason: "1 of 2 workers are ready"',
        'phase: "serving"',
        'workers: {"ready": 1, "not_ready": 3}',
    ]
    answer = admin.ask(message("GET", "/readyz?verbose=1", "Accept: application/json"))
    assert answer.status == 503
    assert answer.fields["content-type"] == "application/json"
    assert json.loads(answer.body) == {
        "ready": False,
        "reason": "1 of 2 workers are ready",
        "phase": "serving",
        "workers": {"ready": 1, "not_ready": 3},
    }
    answer = admin.ask(message("GET", "/livez", "Accept: application/json"))
    assert json.loads(answer.body) == {"status": "ok"}


def test_metrics_of_the_type_that_is_accepted(admin):
    answer = admin.ask(message("GET", "/metrics", "Accept: text/plain;version=0.0.4"))
    assert (answer.status, answer.body) == (200, b"metrics 1\n")
    assert answer.fields["content-type"] == "text/x; for=text/plain;version=0.0.4"


def test_a_head_has_no_content(admin):
    answer = admin.ask(message("HEAD", "/metrics"), "HEAD")
    assert (answer.status, answer.fields["content-length"], answer.body) == (200, "10", b"")


def test_refused_requests(admin):
    answer = admin.ask(message("GET", "/"))
    assert answer.status == 404
    assert b"/livez, /readyz, /metrics" in answer.body
    answer = admin.ask(message("POST", "/livez", body=b""))
    assert (answer.status, answer.fields["allow"]) == (405, "GET, HEAD")
    assert admin.ask(message("POST", "/livez", body=b"x")).status == 413
    assert admin.ask(message("BREW", "/livez")).status == 501


def test_a_connection_is_kept(admin):
    with Client(admin.address) as client:
        statuses = [client.request(message("GET", path)).status for path in ("/livez", "/readyz", "/metrics")]
    assert statuses == [200, 200, 200]


def test_without_prometheus_client_the_answer_says_what_to_install(loop_factory):
    admin = Admin(loop_factory)
    try:
        answer = admin.ask(message("GET", "/metrics"))
        assert answer.status == 501
        assert b"pip install 'kyoukai[metrics]'" in answer.body
        assert admin.ask(message("GET", "/readyz")).status == 200
    finally:
        admin.stop()

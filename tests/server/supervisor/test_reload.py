"""SIGHUP, SIGTTIN, SIGTTOU and SIGUSR1: what changes while connections go on."""

import os
import signal
import ssl
import threading
from pathlib import Path

import pytest

from ...certificates import trusting_context, write_certificate
from ...processes import kyoukai_run
from ...serving import Client
from .supervised import APPLICATION, ask_for_the_last_time, has_ended, supervised, wait_until, write

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

CHANGED = APPLICATION.replace('"one"', '"two"')


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_sighup_loads_the_application_anew(tmp_path: Path, backend: str, loop: str) -> None:
    with supervised(tmp_path, "--workers", "2", "--backend", backend, "--loop", loop) as server:
        old = server.workers(2)
        with Client(("127.0.0.1", server.port)) as kept, Client(("127.0.0.1", server.port)) as slow:
            kept.send(GET)
            assert kept.receive().body.decode().endswith(" one")
            slow.send(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            server.process.wait_for("begun")
            write(tmp_path, CHANGED)
            server.signal(signal.SIGHUP)
            server.process.wait_for("reloaded: 2 new workers serve")
            new = server.workers(4)[2:]
            server.answering(until=lambda answers: answers == {f"{pid} two" for pid in new})
            # A kept connection has one request more, and is told that it is the last.
            ask_for_the_last_time(kept)
            server.release()
            assert slow.receive().status == 200
        wait_until(lambda: all(map(has_ended, old)))


def test_failing_version_never_displaces_the_old_one(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        old = {f"{pid} one" for pid in server.workers(2)}
        write(tmp_path, "raise RuntimeError('no database')\n")
        server.signal(signal.SIGHUP)
        server.process.wait_for(
            "the reload failed; the old workers continue to serve: worker .* exit status 1"
        )
        server.process.wait_for("RuntimeError: no database")
        server.answering(until=lambda answers: answers == old)
        write(tmp_path, CHANGED)
        server.signal(signal.SIGHUP)
        server.process.wait_for("reloaded: 2 new workers serve")
        server.answering(until=lambda answers: all(answer.endswith(" two") for answer in answers))


def test_sigttin_and_sigttou(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "1") as server:
        first = server.workers(1)[0]
        server.signal(signal.SIGTTIN)
        second = server.workers(2)[1]
        server.answering(until=lambda answers: answers == {f"{first} one", f"{second} one"})
        server.signal(signal.SIGTTOU)
        server.process.wait_for(r"has ended \(scaled\)")
        # Its socket listens on, and those who come to it are served by the other.
        server.answering(until=lambda answers: answers == {f"{first} one"})
        server.signal(signal.SIGTTOU)
        server.process.wait_for("the last worker stays: at least one must run")
        server.signal(signal.SIGTTIN)
        third = server.workers(3)[2]
        server.answering(until=lambda answers: answers == {f"{first} one", f"{third} one"})
        server.signal(signal.SIGTERM)
        server.finish()


def test_a_slot_that_is_closed_keeps_its_queue(tmp_path: Path) -> None:
    with supervised(tmp_path, "--workers", "2") as server:
        first, second = server.workers(2)
        clients = []
        try:
            for pid in (first, second):
                os.kill(pid, signal.SIGSTOP)
            clients = [Client(("127.0.0.1", server.port)) for _ in range(32)]
            for client in clients:
                client.send(GET)
            server.signal(signal.SIGTTOU)
            server.process.wait_for("one worker fewer")
            for pid in (first, second):
                os.kill(pid, signal.SIGCONT)
            assert {client.receive().status for client in clients} == {200}
        finally:
            for client in clients:
                client.socket.close()
        server.process.wait_for(r"has ended \(scaled\)")


def test_sigusr1_opens_log_files_anew(tmp_path: Path) -> None:
    write(tmp_path)
    log = tmp_path / "server.log"
    (tmp_path / "config.yaml").write_text(
        "component:\n  type: kyoukai\n  app: app:app\n  port: 0\n  workers: 1\n"
        "logging:\n  version: 1\n  disable_existing_loggers: false\n"
        "  handlers:\n    file: {class: logging.FileHandler, filename: server.log}\n"
        "    console: {class: logging.StreamHandler}\n"
        "  root: {level: INFO, handlers: [file, console]}\n"
    )
    with kyoukai_run("config.yaml", folder=tmp_path) as process:
        with process.connect() as client:
            client.send(GET)
            assert client.receive().status == 200
        wait_until(lambda: "GET / " in log.read_text())
        log.rename(tmp_path / "old.log")
        process.send(signal.SIGUSR1)
        wait_until(log.exists)
        process.send(signal.SIGTTIN)
        # The supervisor writes there, and so do the workers.
        wait_until(lambda: "SIGTTIN" in log.read_text())

        def asked() -> bool:
            with process.connect() as client:
                client.send(b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n")
                client.receive()
            return "GET /later" in log.read_text()

        wait_until(asked)
        process.send(signal.SIGTERM)
        assert process.finish() == 0


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_tls_handshake_under_way_is_finished(tmp_path: Path, loop: str) -> None:
    context = trusting_context(write_certificate(tmp_path, with_key=True)[1])
    arguments = ("--workers", "1", "--ssl-certfile", "site.pem", "--loop", loop)
    with supervised(tmp_path, *arguments) as server, Client(("127.0.0.1", server.port)) as client:
        server.workers(1)
        received, sent = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(received, sent, server_hostname="localhost")
        with pytest.raises(ssl.SSLWantReadError):
            tls.do_handshake()
        client.send(sent.read())
        received.write(client.socket.recv(65536))
        server.signal(signal.SIGHUP)
        server.process.wait_for("reloaded: 1 new workers serve")
        while True:
            try:
                tls.do_handshake()
            except ssl.SSLWantReadError:
                client.send(sent.read())
                received.write(client.socket.recv(65536))
            else:
                break
        tls.write(GET)
        client.send(sent.read())
        answer = b""
        while b" one" not in answer:
            data = client.socket.recv(65536)
            assert data, "it was closed"
            received.write(data)
            while True:
                try:
                    answer += tls.read()
                except ssl.SSLWantReadError:
                    break
        assert answer.startswith(b"HTTP/1.1 200 ")


# `/` tells who the client is, and the version of the application.
WHO = """
from kyoukai.web import Kyoukai

app = Kyoukai("who")


@app.route("/")
async def index(ctx):
    return f"{ctx.request.remote_addr} {ctx.request_id} one"
"""


class Named:
    """Clients that a proxy names, one after the other: each has an address of its own, and is told it."""

    def __init__(self, port: int) -> None:
        self.wrong: list[str] = []
        self.versions = {"one": 0, "two": 0}
        self._port = port
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)

    def __enter__(self) -> "Named":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _ask(self) -> None:
        number = 0
        while not self._end.is_set():
            number = number % 250 + 1
            client = f"198.51.100.{number}"
            header = f"PROXY TCP4 {client} 192.0.2.2 {6000 + number} 80\r\n".encode()
            # Who is not the proxy is not believed on what the proxy's fields say.
            fields = f"X-Request-ID: {number}\r\nX-Forwarded-For: 203.0.113.7\r\n".encode()
            try:
                with Client(("127.0.0.1", self._port)) as one:
                    one.send(header + GET[:-2] + fields + b"\r\n")
                    answer = one.receive().body.decode()
            except (OSError, EOFError, AssertionError) as error:
                answer = repr(error)
            named, _, version = answer.rpartition(" ")
            if (
                version in self.versions
                and named.startswith(f"{client} ")
                and not named.endswith(f" {number}")
            ):
                self.versions[version] += 1
            else:
                self.wrong.append(answer)


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("backend", ["httptools", "reference"])
def test_the_proxy_protocol_goes_on_over_a_reload(tmp_path: Path, backend: str, loop: str) -> None:
    arguments = ("--workers", "2", "--backend", backend, "--loop", loop, "--trusted-proxy", "127.0.0.1")
    bind = "127.0.0.1:0?proxy_protocol=required"
    with (
        supervised(tmp_path, *arguments, "--forwarded", "x-forwarded", text=WHO, bind=bind) as server,
        Named(server.port) as clients,
    ):
        server.workers(2)
        wait_until(lambda: clients.versions["one"] >= 20 or bool(clients.wrong))
        write(tmp_path, WHO.replace("one", "two"))
        server.signal(signal.SIGHUP)
        server.process.wait_for("reloaded: 2 new workers serve")
        wait_until(lambda: clients.versions["two"] >= 20 or bool(clients.wrong))
    assert clients.wrong == []

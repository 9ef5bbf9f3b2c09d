"""A server in a process of its own, nginx before it, and a client that speaks SCGI."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

FOLDER = Path(__file__).parent
PATIENCE = 30.0
"""Seconds after which a test has failed; nothing is expected to take any of them."""

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 200; }}
http {{
    access_log off;
    client_body_temp_path {folder}/client_body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} reuseport;
        location / {{
            scgi_pass 127.0.0.1:{upstream};
            scgi_param SCGI 1;
            scgi_param REQUEST_METHOD $request_method;
            scgi_param REQUEST_URI $request_uri;
            scgi_param CONTENT_TYPE $content_type;
            scgi_param SERVER_PROTOCOL $server_protocol;
            scgi_param HTTPS $https if_not_empty;
            scgi_param REMOTE_ADDR $remote_addr;
            scgi_param REMOTE_PORT $remote_port;
            scgi_param SERVER_PORT $server_port;
            scgi_param SERVER_NAME $server_name;
            {options}
        }}
    }}
}}
"""

UNBUFFERED = "scgi_buffering off; scgi_request_buffering off;"


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("it has not come to that")
        time.sleep(0.005)


class Process:
    """A process whose standard error goes to a file."""

    def __init__(self, *command: str, log: Path) -> None:
        self.log = log
        with log.open("wb") as file:
            # Development mode takes memory of its own.
            environ = {**os.environ, "PYTHONDEVMODE": ""}
            self.popen = subprocess.Popen(command, cwd=FOLDER, stderr=file, env=environ)  # noqa: S603

    @property
    def said(self) -> str:
        return self.log.read_text("utf-8", "replace")

    def wait_for(self, pattern: str, count: int = 1) -> "re.Match[str]":
        """Wait until it has said something so many times."""

        def matches() -> list["re.Match[str]"]:
            return list(re.finditer(pattern, self.said))

        wait_until(lambda: len(matches()) >= count or self.popen.poll() is not None)
        if len(matches()) < count:
            raise AssertionError(f"{pattern!r} did not come {count} times; it said:\n{self.said}")
        return matches()[count - 1]

    def stop(self) -> int:
        """Have it stop in good order, and return its exit status."""
        self.popen.send_signal(signal.SIGTERM)
        return self.popen.wait(PATIENCE)

    def memory(self, name: str = "VmRSS") -> int:
        """Return its resident memory, or by ``VmHWM`` the most that this was, in bytes."""
        status = Path(f"/proc/{self.popen.pid}/status").read_text("ascii")
        return int(status.partition(f"{name}:")[2].split()[0]) * 1024


@contextlib.contextmanager
def process(*command: str, log: Path) -> Iterator[Process]:
    it = Process(*command, log=log)
    try:
        yield it
    finally:
        it.popen.kill()
        it.popen.wait(PATIENCE)


@contextlib.contextmanager
def kyoukai(folder: Path, *options: str, backend: str = "scgi") -> Iterator[tuple[Process, int]]:
    """Serve the application while the block runs; yield the process, and the port."""
    command = [sys.executable, "-m", "kyoukai", "run", "served:app", "--backend", backend, *options]
    if "--uds" not in options:
        command += ["--port", "0"]
    with process(*command, log=folder / "kyoukai.log") as server:
        yield server, int(server.wait_for(r"serves (?:http://127\.0\.0\.1:(\d+)|unix:)")[1] or 0)


@contextlib.contextmanager
def nginx(folder: Path, upstream: int, options: str = "") -> Iterator[int]:
    """Run nginx before a server while the block runs; yield its port."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if program is None:
        raise RuntimeError("nginx is not installed")
    with socket.socket() as reserved:
        # nginx listens beside it, and no other process is given the port.
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
        path = folder / "nginx.conf"
        path.write_text(NGINX.format(folder=folder, port=port, upstream=upstream, options=options))
        command = [program, "-p", str(folder), "-e", "stderr", "-c", str(path)]
        with process(*command, log=folder / "nginx.log") as proxy:
            wait_until(lambda: proxy.popen.poll() is not None or is_listening(port))
            assert proxy.popen.poll() is None, proxy.said
            yield port


def is_listening(port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), connect(port):
        return True
    return False


def connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), PATIENCE)


def head(method: str = "GET", target: str = "/echo", size: int = 0, **variables: str) -> bytes:
    """Return the head of a request by SCGI."""
    items = {
        "CONTENT_LENGTH": str(size),
        "SCGI": "1",
        "REQUEST_METHOD": method,
        "REQUEST_URI": target,
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "localhost",
        **variables,
    }
    return netstring("".join(f"{name}\0{value}\0" for name, value in items.items()).encode("latin-1"))


def netstring(content: bytes) -> bytes:
    return b"%d:%b," % (len(content), content)


class Answer(NamedTuple):
    status: int
    fields: dict[str, str]
    body: bytes


def read_answer(data: bytes) -> Answer:
    """Read an answer as CGI has it (RFC 3875 section 6), all of which has come."""
    section, mark, body = data.partition(b"\r\n\r\n")
    assert mark, f"no answer: {data!r}"
    fields = {}
    for line in section.decode("latin-1").split("\r\n"):
        name, _, value = line.partition(": ")
        assert name.lower() not in fields, f"{name} came twice"
        fields[name.lower()] = value
    return Answer(int(fields.pop("status")[:3]), fields, body)


def receive(client: socket.socket) -> bytes:
    """Return all that comes up to the end of the connection."""
    pieces = []
    while piece := client.recv(256 * 1024):
        pieces.append(piece)
    return b"".join(pieces)


def ask(port: int, data: bytes) -> Answer:
    """Send bytes on a connection of their own, and return the answer."""
    with connect(port) as client:
        client.sendall(data)
        return read_answer(receive(client))

"""Real proxies as child processes in the foreground.

A port is chosen by binding a socket to it that never listens: with SO_REUSEPORT the proxy may listen
there beside it, and no other process is given the port. All that a proxy writes goes into the test's
own folder, and it needs no privileges.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ..serving import PATIENCE, Answer, Client

# Where a system has what is no user's command; not in every user's PATH.
FOLDERS = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"])

HAPROXY = """
global
    maxconn 200
    nbthread 1
defaults
    mode http
    timeout connect {patience}s
    timeout client {patience}s
    timeout server {patience}s
    # Otherwise a check may take as long as from one to the next.
    timeout check {patience}s
    # A client that has closed is gone: it is not waiting for its answer.
    option abortonclose
    http-reuse always
    {options}
listen proxy
    bind 127.0.0.1:{port}
    server kyoukai 127.0.0.1:{upstream} {server_options}
"""

# What nginx needs that runs without a system's folders, up to where its servers are.
BEGINNING = """
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
"""

NGINX = (
    BEGINNING
    + """
    # What is too large is for the server to say.
    client_max_body_size 0;
    upstream kyoukai {{
        server 127.0.0.1:{upstream};
        keepalive 1;
    }}
    server {{
        listen 127.0.0.1:{port} reuseport {listens};
        location / {{
            {passes}
            {options}
        }}
    }}
}}
"""
)

# Around a file that has servers alone, as a system has them in /etc/nginx/conf.d.
INCLUDING = (
    BEGINNING
    + """
    include {folder}/{site};
}}
"""
)

# Connections to the server that are kept, as nginx's documentation has it; and nothing held back.
KEPT = ("proxy_http_version 1.1;", 'proxy_set_header Connection "";')
UNBUFFERED = ("proxy_buffering off;", "proxy_request_buffering off;")


def find(program: str) -> str:
    """Return the path of a program; without it, skip the test, or fail it in CI."""
    path = shutil.which(program, path=FOLDERS)
    if path is not None:
        return path
    if os.environ.get("CI"):
        pytest.fail(f"{program} is not installed")
    pytest.skip(f"{program} is not installed")


class Proxy:
    """A proxy that runs until :meth:`end`.

    :param folder: where its files are, and what it says.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._output = folder / "output"
        self._process: subprocess.Popen[bytes]
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.address = self._reserved.getsockname()

    def start(self, template: str, *command: str, **values: object) -> None:
        """Write the configuration from ``template``, start the command with its path, and wait."""
        path = self._folder / "proxy.conf"
        path.write_text(template.format(folder=self._folder, port=self.address[1], **values))
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [*command, str(path)],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._wait_until_listening()
        except BaseException:
            self.end()
            raise

    def _wait_until_listening(self) -> None:
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self.connect().socket.close()
                return
            except ConnectionRefusedError:
                if time.monotonic() > end:
                    raise
            # It is not up yet, or will never be.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.005)
                raise AssertionError(f"the proxy did not start: {self._output.read_text()}")

    def connect(self, **options: Any) -> Client:
        """Open a raw connection; the options are those of :class:`Client`."""
        return Client(self.address, **options)

    def request(self, data: bytes, method: str = "GET") -> Answer:
        """Send ``data`` on a connection of its own and return the first answer."""
        with self.connect() as client:
            return client.request(data, method)

    def end(self) -> None:
        """End the process, and check that it was well until then."""
        self._reserved.close()
        already = self._process.poll()
        self._process.terminate()
        try:
            status = self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(PATIENCE)
            raise AssertionError("the proxy does not end") from None
        # HAProxy ends by the signal itself, nginx in good order.
        if already is not None or status not in (0, -signal.SIGTERM):
            raise AssertionError(f"the proxy ended with {status}: {self._output.read_text()}")


def haproxy(folder: Path, upstream: int, options: Sequence[str] = (), server_options: str = "") -> Proxy:
    """Start HAProxy before the server at the port ``upstream``.

    :param options: lines for its section ``defaults``.
    :param server_options: what is said of the server.
    """
    program = find("haproxy")
    proxy = Proxy(folder)
    lines = "\n    ".join(options)
    values = {"patience": int(PATIENCE), "upstream": upstream, "server_options": server_options}
    proxy.start(HAPROXY, program, "-db", "-f", options=lines, **values)
    return proxy


def nginx(
    folder: Path,
    upstream: int,
    options: Sequence[str] = (),
    passes: str = "proxy_pass http://kyoukai;",
    listens: str = "",
) -> Proxy:
    """Start nginx before the server at the port ``upstream``.

    :param options: directives for its one location.
    :param passes: the directive by which requests are passed on.
    :param listens: what is said besides of where it listens.
    """
    program = find("nginx")
    proxy = Proxy(folder)
    lines = "\n            ".join(options)
    command = (program, "-p", str(folder), "-e", "stderr", "-c")
    proxy.start(NGINX, *command, options=lines, upstream=upstream, passes=passes, listens=listens)
    return proxy

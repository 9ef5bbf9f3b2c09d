"""WebSockets through nginx and HAProxy, configured as the page on WebSockets has it."""

import contextlib
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import ClientConnection, connect

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket, WebSocketSettings

from ..certificates import trusting_context, write_certificate
from ..serving import PATIENCE
from .proxies import INCLUDING, Proxy, find

EXAMPLES = Path(__file__).parents[2] / "examples" / "docs"

TRUSTING = {"trusted_proxies": ["127.0.0.1"], "forwarded": "x-forwarded"}


class Front(Proxy):
    """A proxy as the page has it, but for where files are, and the ports."""

    def __init__(self, folder: Path, upstream: int) -> None:
        super().__init__(folder)
        self._upstream = upstream
        # HAProxy reads both from one file, and nginx passes over what is none of its.
        _, authority = write_certificate(folder, "chat.example", name="chat.example", with_key=True)
        self.context = trusting_context(authority)
        # The client reads in one thread and writes in another; OpenSSL does not take both at a time. Tickets
        # come behind a handshake of TLS 1.3, and are read just as the first request is written.
        self.context.maximum_version = ssl.TLSVersion.TLSv1_2

    def adapted(self, name: str, *changes: tuple[str, str]) -> str:
        """Return a file of the page with changes, each of something that it has once."""
        text = (EXAMPLES / name).read_text("utf-8")
        upstream = ("127.0.0.1:8000", f"127.0.0.1:{self._upstream}")
        for old, new in (*changes, upstream):
            assert text.count(old) == 1, old
            text = text.replace(old, new)
        return text.replace("/etc/ssl", str(self._folder))

    @contextlib.contextmanager
    def open(self, target: str, origin: str = "https://chat.example") -> Iterator[ClientConnection]:
        """Open a WebSocket as a page of an origin does, while the block runs."""
        raw = socket.create_connection(self.address, PATIENCE)
        with connect(
            f"wss://chat.example{target}", sock=raw, ssl=self.context, origin=origin, open_timeout=PATIENCE
        ) as client:
            yield client


def nginx(folder: Path, upstream: int) -> Front:
    front = Front(folder, upstream)
    listen = ("listen 443 ssl;", f"listen 127.0.0.1:{front.address[1]} ssl reuseport;")
    (folder / "chat.conf").write_text(front.adapted("websockets.nginx.conf", listen))
    front.start(INCLUDING, find("nginx"), "-p", str(folder), "-e", "stderr", "-c", site="chat.conf")
    return front


def haproxy(folder: Path, upstream: int) -> Front:
    front = Front(folder, upstream)
    bind = ("bind :443 ", f"bind 127.0.0.1:{front.address[1]} ")
    text = front.adapted("websockets.haproxy.cfg", bind)
    front.start(text.replace("{", "{{").replace("}", "}}"), find("haproxy"), "-db", "-f")
    return front


@pytest.fixture(params=[nginx, haproxy], ids=["nginx", "haproxy"])
def front(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[int], Front]]:
    """Start each proxy before a server's port, until the test's end."""
    fronts: list[Front] = []

    def start(upstream: int) -> Front:
        fronts.append(request.param(tmp_path, upstream))
        return fronts[-1]

    yield start
    for each in fronts:
        each.end()


def application(**options: Any) -> Kyoukai:
    app = Kyoukai("proxied")

    @app.websocket("/echo", **options)
    async def echo(ctx: HTTPRequestContext, ws: WebSocket) -> None:
        await ws.send(f"{ctx.request.remote_addr} {ctx.request.url}")
        async for message in ws:
            await ws.send(message)

    return app


def test_messages_and_the_close_get_through(serve: Any, front: Any) -> None:
    server = serve(application(), **TRUSTING)
    with front(server.port).open("/echo") as client:
        assert client.recv(PATIENCE) == "127.0.0.1 https://chat.example/echo"
        for message in ("hello", b"\0", "x" * 300_000):
            client.send(message)
            assert client.recv(PATIENCE) == message
        client.close(3001, "bye")
        assert client.protocol.close_rcvd is not None
        assert client.protocol.close_rcvd.code == 3001


def test_a_page_of_another_origin_is_refused(serve: Any, front: Any) -> None:
    server = serve(application(), **TRUSTING)
    proxy = front(server.port)
    for origin in ("https://example.org", "http://chat.example"):
        with pytest.raises(InvalidStatus, match="403"), proxy.open("/echo", origin):
            pass


def test_server_without_trusted_proxies_needs_origins(serve: Any, front: Any) -> None:
    proxy = front(serve(application(origins=["https://chat.example"])).port)
    with proxy.open("/echo") as client:
        assert client.recv(PATIENCE) == "127.0.0.1 http://chat.example/echo"


def test_server_without_trusted_proxies_refuses_its_own_pages(serve: Any, front: Any) -> None:
    proxy = front(serve(application()).port)
    with pytest.raises(InvalidStatus, match="403"), proxy.open("/echo"):
        pass


@pytest.mark.parametrize("name", ["websockets.nginx.conf", "websockets.haproxy.cfg"])
def test_a_proxy_waits_longer_than_from_ping_to_ping(name: str) -> None:
    settings = WebSocketSettings()
    assert settings.ping_interval is not None
    text = (EXAMPLES / name).read_text("utf-8")
    seconds = re.findall(r"(?:_timeout|timeout (?:tunnel|client|server)) (\d+)s", text)
    assert len(seconds) >= 2
    for timeout in seconds:
        assert int(timeout) > settings.ping_interval + settings.ping_timeout

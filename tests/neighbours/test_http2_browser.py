"""HTTP/2 as Chromium speaks it, over TLS: requests, streams, and WebSockets on one connection (RFC 8441)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

from ..guestbook import browser as browsers
from ..serving import Running

SCRIPT = """async () => {
  const texts = answers => Promise.all(answers.map(answer => answer.text()));
  const post = async (path, body) => (await fetch(path, {method: "POST", body})).text();
  const numbers = await texts(await Promise.all([...Array(100).keys()].map(n => fetch(`/number/${n}`))));
  const size = await post("/size", new Uint8Array(3_000_000));
  const reader = (await fetch("/endless")).body.getReader();
  await reader.read();
  await reader.cancel();
  const events = new EventSource("/events");
  const event = await new Promise(resolve => { events.onmessage = ({data}) => resolve(data); });
  events.close();
  const socket = new WebSocket(`wss://${location.host}/socket`);
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject; });
  const received = [];
  for (const text of ["one", "two", "x".repeat(100_000)]) {
    const next = new Promise(resolve => { socket.onmessage = ({data}) => resolve(data); });
    socket.send(text);
    received.push((await next) === text);
  }
  socket.close(4001);
  const end = await new Promise(resolve => { socket.onclose = resolve; });
  const protocols = new Set(performance.getEntries().map(entry => entry.nextHopProtocol).filter(Boolean));
  return {numbers, size, event, received, closed: [end.code, end.wasClean], protocols: [...protocols]};
}"""


class Site:
    """What the browser visits, and what it notes."""

    def __init__(self) -> None:
        self.app = Kyoukai("browser")
        self.closed = 0
        """Endless answers that were closed."""
        self.by: set[str] = set()
        """The protocols of WebSockets."""
        self.app.route("/")(self.index)
        self.app.route("/number/<int:number>")(self.number)
        self.app.route("/size", methods=["POST"])(self.size)
        self.app.route("/endless")(self.endless)
        self.app.route("/events")(self.events)
        self.app.websocket("/socket")(self.socket)

    async def index(self, ctx: HTTPRequestContext) -> Response:
        return Response("<!doctype html><link rel=icon href=data:,><title>page</title>", mimetype="text/html")

    async def number(self, ctx: HTTPRequestContext, number: int) -> str:
        return str(number)

    async def size(self, ctx: HTTPRequestContext) -> str:
        return str(len(ctx.request.get_data()))

    async def endless(self, ctx: HTTPRequestContext) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(10_000)
                    await asyncio.sleep(0)
            finally:
                self.closed += 1

        body: Any = pieces()
        return Response(body)

    async def events(self, ctx: HTTPRequestContext) -> Response:
        return Response(iter([b"data: news\n\n"]), mimetype="text/event-stream")

    async def socket(self, ctx: HTTPRequestContext, ws: WebSocket) -> None:
        self.by.add(ctx.environ["SERVER_PROTOCOL"])
        async for message in ws:
            await ws.send(message)


@pytest.fixture
def backend() -> str:
    """The one that speaks HTTP/2."""
    return "h2"


def test_a_page(serve: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site()
    settings, trusts = browsers.trusted_certificate(tmp_path)
    server = serve(site.app, ssl=settings)
    with browsers.watched_browser(monkeypatch, trusts) as browser:
        visit(browser, server, site)
    server.wait_until_empty()


def visit(browser: Browser, server: Running, site: Site) -> None:
    """Open the page, and have all of it done on one connection."""
    with browsers.visit(browser, server.url) as page:
        page.goto("/")
        assert page.evaluate(SCRIPT) == {
            "numbers": [str(number) for number in range(100)],
            "size": "3000000",
            "event": "news",
            "received": [True, True, True],
            "closed": [4001, True],
            "protocols": ["h2"],
        }
        server.wait_until(lambda: site.closed == 1)
        assert site.by == {"HTTP/2"}
        assert len(server.server.connections) == 1

"""HTTP/2 as others' clients speak it: curl, httpx, Node. Chromium and gRPC have files of their own."""

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, add_trailers

from ..certificates import write_certificate
from ..serving import PATIENCE, Running
from ..wire.test_curl import curl
from ..wire.test_websocket_clients import NODE

Serve = Callable[..., Running]

SCRIPT = Path(__file__).with_name("http2_client.mjs")

SIZE = 1_000_000


@pytest.fixture
def backend() -> str:
    """The one that speaks HTTP/2."""
    return "h2"


class Closed:
    """Counts endless answers that were closed."""

    def __init__(self) -> None:
        self.count = 0


def application() -> tuple[Kyoukai, Closed]:
    """Return what is asked, and what it counts."""
    app, closed = Kyoukai("clients"), Closed()

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> str:
        return f"{ctx.request.scheme} {ctx.environ['SERVER_PROTOCOL']}"

    @app.route("/echo", methods=["POST"])
    async def echo(ctx: HTTPRequestContext) -> bytes:
        return ctx.request.get_data()

    @app.route("/number/<int:number>")
    async def number(ctx: HTTPRequestContext, number: int) -> str:
        return str(number)

    @app.route("/mirror", methods=["POST"], stream=True, max_body_size=2 * SIZE)
    async def mirror(ctx: HTTPRequestContext) -> Any:
        return aiter(ctx.stream())

    @app.route("/trailers")
    async def trailers(ctx: HTTPRequestContext) -> Response:
        return add_trailers(Response(iter([b"some"])), {"X-Checksum": "abc"})

    @app.route("/hints")
    async def hints(ctx: HTTPRequestContext) -> str:
        ctx.send_early_hints([("Link", "</style.css>; rel=preload; as=style")])
        return "hinted"

    @app.route("/endless")
    async def endless(ctx: HTTPRequestContext) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield bytes(1000)
                    await asyncio.sleep(0)
            finally:
                closed.count += 1

        body: Any = pieces()
        return Response(body)

    return app, closed


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, str]:
    """The component's setting ``ssl``; ``authority.pem`` beside its files is the authority's certificate."""
    settings, authority = write_certificate(tmp_path)
    authority.cert_pem.write_to_path(tmp_path / "authority.pem")
    return settings


def test_curl(serve: Serve, tls: dict[str, str], tmp_path: Path) -> None:
    clear, secure = serve(application()[0]).url, serve(application()[0], ssl=tls).url
    (tmp_path / "body").write_bytes(body := bytes(index % 251 for index in range(SIZE)))
    for url, scheme, options in (
        (clear, "http", ("--http2-prior-knowledge",)),
        (secure, "https", ("--http2", "--cacert", str(tmp_path / "authority.pem"))),
    ):
        # By prior knowledge, curl 7.88 uses no connection again, whoever the server is.
        times = 2 if scheme == "https" else 1
        told = curl(*options, "--write-out", " %{http_version} %{num_connects};", *[f"{url}/"] * times)
        assert told.decode() == "".join(f"{scheme} HTTP/2 2 {1 - time};" for time in range(times))
        assert curl(*options, "--data-binary", f"@{tmp_path}/body", f"{url}/echo") == body
        assert curl(*options, "-X", "POST", "-T", str(tmp_path / "body"), f"{url}/mirror") == body
        assert curl(*options, "--head", f"{url}/").startswith(b"HTTP/2 200 \r\n")
        assert curl(*options, "--output", "/dev/null", "--write-out", "%{http_code}", f"{url}/no") == b"404"
        # What is refused before it is sent.
        wide = ("--output", "/dev/null", "--write-out", "%{http_code}")
        (tmp_path / "wide").write_bytes(bytes(3 * SIZE))
        assert curl(*options, *wide, "-X", "POST", "-T", str(tmp_path / "wide"), f"{url}/mirror") == b"413"
        hints = curl(*options, "--include", f"{url}/hints")
        assert hints.startswith(
            b"HTTP/2 103 \r\nlink: </style.css>; rel=preload; as=style\r\n\r\nHTTP/2 200 \r\n"
        )
        if scheme == "https":
            assert len(curl(*options, "--parallel", f"{url}/number/[1-100]")) == 9 + 2 * 90 + 3


def test_httpx(serve: Serve, tls: dict[str, str], tmp_path: Path) -> None:
    app, closed = application()
    server = serve(app, ssl=tls)
    trusting = ssl.create_default_context(cafile=str(tmp_path / "authority.pem"))

    async def main() -> None:
        async with httpx.AsyncClient(
            base_url=server.url, http2=True, verify=trusting, timeout=PATIENCE, trust_env=False
        ) as client:
            answer = await client.get("/")
            assert (answer.http_version, answer.text) == ("HTTP/2", "https HTTP/2")
            body = bytes(SIZE)
            assert (await client.post("/echo", content=body)).content == body

            async def pieces() -> AsyncIterator[bytes]:
                for _ in range(10):
                    yield bytes(SIZE // 10)

            assert (await client.post("/mirror", content=pieces())).content == body
            numbers = await asyncio.gather(*(client.get(f"/number/{number}") for number in range(100)))
            assert [answer.text for answer in numbers] == [str(number) for number in range(100)]
            # One that is left midway takes nothing from the others.
            async with client.stream("GET", "/endless") as answer:
                await anext(answer.aiter_bytes())
            assert (await client.get("/number/7")).text == "7"
            assert len(server.server.connections) == 1

    asyncio.run(main())
    server.wait_until(lambda: closed.count == 1)
    server.wait_until_empty()


@pytest.mark.parametrize("is_secure", [False, True], ids=["cleartext", "TLS"])
def test_node(serve: Serve, tls: dict[str, str], tmp_path: Path, is_secure: bool) -> None:
    app, closed = application()
    server = serve(app, **({"ssl": tls} if is_secure else {}))
    done = subprocess.run(
        [NODE, SCRIPT, server.url, *([str(tmp_path / "authority.pem")] if is_secure else [])],
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "protocol": "h2" if is_secure else "h2c",
        "hello": f"http{'s' * is_secure} HTTP/2",
        "same": True,
        "many": [str(number) for number in range(50)],
        "trailers": {"x-checksum": "abc"},
        "hints": [103],
        "mirrored": [f"piece {number}" for number in range(5)],
    }
    server.wait_until(lambda: closed.count == 1)
    server.wait_until_empty()

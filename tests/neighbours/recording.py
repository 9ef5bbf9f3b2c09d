"""An application that notes each request that reaches it: what it never saw was not smuggled."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

from asphalt.core import Context
from werkzeug.wrappers import Request, Response

PIECE = bytes(range(256)) * 64


class Recording:
    """Answers by the path, and with the method, target and body of the request where none is special."""

    request_class = Request

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.bodies: list[bytes] = []
        self.begun = threading.Event()
        """Set when ``/wait`` is called, or ``/endless`` read."""
        self.closed = threading.Event()
        """Set when ``/wait`` has seen its client go, or the stream of ``/endless`` is closed."""
        self.go_on = asyncio.Event()
        """Lets ``/pieces`` go on; to be set in the server's loop."""

    @property
    def seen(self) -> list[str]:
        """The method and target of each request so far."""
        return [f"{request.method} {request.environ['RAW_URI']}" for request in self.requests]

    @property
    def connections(self) -> int:
        """How many connections the requests came on."""
        return len({request.environ["REMOTE_PORT"] for request in self.requests})

    @property
    def environ(self) -> dict[str, Any]:
        """The environ of the last request."""
        return self.requests[-1].environ

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Note the request, and answer it."""
        body = request.get_data()
        self.requests.append(request)
        self.bodies.append(body)
        special = getattr(self, f"answer_{request.path[1:]}", None)
        if special is not None:
            return await special(request)
        echo = f"[[{request.method} {request.environ['RAW_URI']} ".encode() + body + b"]]"
        return Response(iter([echo[:5], echo[5:]]) if request.path == "/chunked" else echo)

    async def answer_mebibyte(self, request: Request) -> Response:
        """Answer with 1 MiB of known size."""
        return Response(PIECE * 64)

    async def answer_streamed(self, request: Request) -> Response:
        """Answer with 1 MiB in pieces."""
        return Response(PIECE for _ in range(64))

    async def answer_pieces(self, request: Request) -> Response:
        """Answer with a piece, and with another once that is asked for."""

        async def pieces() -> AsyncIterator[bytes]:
            yield b"first"
            await self.go_on.wait()
            yield b"second"

        return Response(pieces())  # type: ignore[arg-type]

    async def answer_broken(self, request: Request) -> Response:
        """Answer with a stream that fails midway."""

        def pieces() -> Iterator[bytes]:
            yield PIECE
            raise RuntimeError("no more")

        return Response(pieces())

    async def answer_endless(self, request: Request) -> Response:
        """Answer without end."""

        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield PIECE
                    self.begun.set()
                    await asyncio.sleep(0)
            finally:
                self.closed.set()

        return Response(pieces())  # type: ignore[arg-type]

    async def answer_waiting(self, request: Request) -> Response:
        """Wait until the one who asked is gone."""
        self.begun.set()
        await request.environ["kyoukai.protocol"].wait_client_ended()
        self.closed.set()
        return Response("nobody reads it")

    async def answer_status(self, request: Request) -> Response:
        """Answer with the status of the query, and what would be its body."""
        return Response("not sent", status=int(request.query_string))

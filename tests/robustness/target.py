"""The server that is attacked: ``python -m tests.robustness.target SETTINGS``.

SETTINGS is JSON: the component's settings, and ``loop``. The application counts what runs in it, and
tells at `/state`; what it serves else is in :meth:`Application.process_request`.
"""

import asyncio
import gc
import json
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.core.exchange.exchange import Exchange
from kyoukai.server.launch import launch

LARGE: Final = bytes(32 * 1024 * 1024)
"""One for all: an answer of it costs what the server makes of it."""

PIECE: Final = bytes(16 * 1024)


class Application:
    """Counts handlers and streams under way."""

    request_class = Request

    def __init__(self) -> None:
        self.handlers = 0
        self.streams = 0
        self.handled = 0
        self.released = asyncio.Event()

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Answer one request; those to `/state` are not counted."""
        if request.path == "/state":
            return self.state(request)
        self.handlers += 1
        try:
            return await self.answer(request)
        finally:
            self.handlers -= 1
            self.handled += 1

    def state(self, request: Request) -> Response:
        """Tell what is under way, and the CPU time that the process has used, in seconds."""
        state = {
            "connections": len(request.environ["kyoukai.protocol"].server.connections),
            "handlers": self.handlers,
            "handled": self.handled,
            "streams": self.streams,
            "cpu": time.process_time(),
        }
        return Response(json.dumps(state), content_type="application/json")

    async def answer(self, request: Request) -> Response:
        """Answer by path; whatever path has no meaning gets the size of its body."""
        match request.path:
            case "/large":
                return Response(LARGE)
            case "/stream":
                return Response(self.stream())
            case "/iterated":
                return Response(self.iterated())
            case "/slow":
                await self.released.wait()
            case "/hang":
                await asyncio.Event().wait()
            case "/release":
                self.released.set()
            case "/census":
                return Response(json.dumps(census()), content_type="application/json")
            case "/kibibyte":
                return Response(bytes(1024))
            case "/cookies":
                return Response(str(len(request.cookies)))
        return Response(str(len(request.get_data())))

    async def stream(self) -> AsyncIterator[bytes]:
        """Give pieces without end."""
        self.streams += 1
        try:
            while True:
                yield PIECE
        finally:
            self.streams -= 1

    def iterated(self) -> Iterator[bytes]:
        """Give pieces without end, from threads."""
        self.streams += 1
        try:
            while True:
                yield PIECE
        finally:
            self.streams -= 1


def census() -> dict[str, int]:
    """Return how many protocols and exchanges there are that are no garbage."""
    gc.collect()
    kinds = [type(one) for one in gc.get_objects()]
    return {
        "protocols": sum(issubclass(kind, asyncio.BaseProtocol) for kind in kinds),
        "exchanges": sum(issubclass(kind, Exchange) for kind in kinds),
    }


def main(app: Any) -> None:
    """Serve an application, with the settings of the command line, until a signal comes."""
    settings = json.loads(sys.argv[1])
    loop = settings.pop("loop")
    # Of every request there may be thousands; what is logged beside them is what is looked at.
    launch({"app": app, "port": 0, "access_log": False, **settings}, loop=loop)


if __name__ == "__main__":
    main(Application())

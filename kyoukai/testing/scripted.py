"""Applications whose answers come from a check, and that record their requests."""

from collections.abc import Awaitable, Callable
from typing import Any

from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.core.serving.application import BodyPlan

from .recorder import RecordingApplication, Seen

Handler = Callable[[Request], Awaitable[Response]]


class ScriptedApplication(RecordingApplication):
    """Records each request, and answers with a coroutine function."""

    def __init__(self, handler: Handler | None = None) -> None:
        super().__init__()
        self.handler = handler

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Record a request and answer it."""
        if self.handler is None:
            return await super().process_request(request, parent_context)
        self.seen.append(Seen.of(request))
        return await self.handler(request)


class StreamingApplication(ScriptedApplication):
    """A scripted application with streamed bodies: ``kyoukai.body`` in the environ."""

    plans_every_body = True

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Answer a request with the coroutine function, which reads the body."""
        if self.handler is None:
            return await super().process_request(request, parent_context)
        return await self.handler(request)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        """Ask for every body as a stream."""
        return BodyPlan(stream=True)

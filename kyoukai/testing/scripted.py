"""Applications that answer as a check has them answer, and record what they are asked."""

from collections.abc import Awaitable, Callable
from typing import Any

from asphalt.core import Context
from werkzeug.wrappers import Request, Response

from kyoukai.core.serving.application import BodyPlan

from .recorder import RecordingApplication, Seen

Handler = Callable[[Request], Awaitable[Response]]


class ScriptedApplication(RecordingApplication):
    """Records each request, and answers as a coroutine function does."""

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
    """One whose requests have their bodies as they come: ``kyoukai.body`` in the environ."""

    plans_every_body = True

    async def process_request(self, request: Request, parent_context: Context) -> Response:
        """Answer a request by the coroutine function; the body is for that to read."""
        if self.handler is None:
            return await super().process_request(request, parent_context)
        return await self.handler(request)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        """Ask for every body as it comes."""
        return BodyPlan(stream=True)

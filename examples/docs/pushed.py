import base64
import hashlib
from typing import Any

from asphalt.core import Context

from kyoukai import BodyPlan, Exchange, read_content, start_answer


class Echo:
    """Echo the request body as it arrives, with its digest in a trailer field."""

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        return BodyPlan(stream=True)

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        digest = hashlib.sha256()
        answer = start_answer(exchange, "200 OK", [("Content-Type", "application/octet-stream")])
        async for piece in read_content(exchange):
            digest.update(piece)
            await answer.send(piece)
        encoded = base64.b64encode(digest.digest()).decode()
        await answer.end(trailers=[("Content-Digest", f"sha-256=:{encoded}:")])


app = Echo()

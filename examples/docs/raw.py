from collections.abc import AsyncIterator
from typing import Any

from asphalt.core import Context
from werkzeug.exceptions import MethodNotAllowed

from kyoukai import BodyPlan, Exchange, read_content, send_answer


class Upper:
    """Echo the request body in capitals, as it arrives."""

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        return BodyPlan(stream=True)

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        if exchange.head.method != "POST":
            raise MethodNotAllowed(["POST"])
        await send_answer(exchange, "200 OK", [("Content-Type", "text/plain")], self.capitals(exchange))

    async def capitals(self, exchange: Exchange) -> AsyncIterator[bytes]:
        async for piece in read_content(exchange):
            yield piece.upper()


app = Upper()

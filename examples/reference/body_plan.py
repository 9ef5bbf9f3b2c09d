from typing import Any

from asphalt.core import Context

from kyoukai import BodyPlan, Exchange, read_content, send_answer
from kyoukai.test_client import BlockingClient


class Uploads:
    """Reads bodies as they come, and takes large ones below one path."""

    plans_every_body = True
    largest_body = 1024**3

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        is_upload = environ["PATH_INFO"] == "/uploads"
        return BodyPlan(stream=True, max_size=self.largest_body if is_upload else 10)

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        size = 0
        async for piece in read_content(exchange):
            size += len(piece)
        await send_answer(exchange, "200 OK", content=b"%d" % size)


with BlockingClient(Uploads(), backend="httptools") as client:
    print(client.post("/uploads", data=bytes(100)).text)  # 100
    print(client.post("/other", data=bytes(100)).status)  # 413 REQUEST ENTITY TOO LARGE

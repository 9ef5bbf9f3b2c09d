import asyncio
import re
from collections.abc import AsyncIterator

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, ServerSentEvent, event_stream, last_event_id

app = Kyoukai("news")
news: list[str] = []
readers: set[asyncio.Event] = set()


@app.route("/news", methods=["POST"])
async def publish(ctx: HTTPRequestContext) -> None:
    news.append(ctx.request.form["text"])
    for reader in readers:
        reader.set()


@app.route("/events")
async def events(ctx: HTTPRequestContext) -> Response:
    async def read(number: int) -> AsyncIterator[ServerSentEvent]:
        """Yield the news from ``number`` on, until the client goes away."""
        changed = asyncio.Event()
        readers.add(changed)
        try:
            while True:
                for text in news[number:]:
                    number += 1
                    yield ServerSentEvent({"text": text}, event="news", id=str(number))
                await changed.wait()
                changed.clear()
        finally:
            readers.remove(changed)

    last = last_event_id(ctx) or ""
    number = int(last) if re.fullmatch(r"[0-9]{1,18}", last) else 0
    return event_stream(ctx, read(number), heartbeat=10, retry=2000)

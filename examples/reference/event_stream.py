from collections.abc import AsyncIterator

from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, ServerSentEvent, event_stream, last_event_id
from kyoukai.test_client import BlockingClient

app = Kyoukai("countdown")


async def count(start: int) -> AsyncIterator[ServerSentEvent | str]:
    for number in range(start, 0, -1):
        yield ServerSentEvent(str(number), id=str(number))
    yield "liftoff"


@app.get("/countdown")
async def countdown(ctx: HTTPRequestContext) -> Response:
    # A browser that reconnects names its last event.
    last = last_event_id(ctx)
    return event_stream(ctx, count(3 if last is None else int(last) - 1))


with BlockingClient(app) as client:
    answer = client.get("/countdown", headers={"Last-Event-ID": "2"})
    print(answer.content_type)  # text/event-stream
    print(answer.data)  # b'id: 1\ndata: 1\n\ndata: liftoff\n\n'

import asyncio

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("messages")
messages: asyncio.Queue[str] = asyncio.Queue()
waiting = 0


@app.route("/next")
async def next_message(ctx: HTTPRequestContext) -> str | None:
    """Wait for a message until the client goes away."""
    global waiting
    waiting += 1
    message = asyncio.create_task(messages.get())
    ended = asyncio.create_task(ctx.wait_client_ended())
    try:
        await asyncio.wait({message, ended}, return_when=asyncio.FIRST_COMPLETED)
        return message.result() if message.done() else None
    finally:
        waiting -= 1
        message.cancel()
        ended.cancel()

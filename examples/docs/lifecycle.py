import asyncio
from collections.abc import AsyncIterator

from asphalt.core import Context

from kyoukai import HTTPRequestContext, Kyoukai


class Outbox:
    """Stands for a connection to a slow message service."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.is_open = True

    async def send(self, message: str) -> None:
        await asyncio.sleep(0.01)
        self.sent.append(message)


app = Kyoukai("letters")


@app.while_serving
async def outbox(ctx: Context) -> AsyncIterator[None]:
    outbox = Outbox()
    ctx.add_resource(outbox)
    yield
    outbox.is_open = False


@app.before_serving
async def announce(ctx: Context) -> None:
    await ctx.require_resource(Outbox).send("we are open")


@app.after_serving
async def say_good_bye(ctx: Context) -> None:
    print("all sent")


@app.route("/letters/<to>", methods=["POST"])
async def write(ctx: HTTPRequestContext, to: str) -> tuple[str, int]:
    outbox = ctx.require_resource(Outbox)
    app.create_task(outbox.send(f"to {to}"), name=f"letter to {to}")
    return "it will be sent", 202

from asphalt.core import Context

from kyoukai import Exchange, ExchangeApplication, read_content, send_answer
from kyoukai.test_client import BlockingClient


class Reverse:
    """Answers exchanges without a Werkzeug request."""

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        content = await read_content(exchange).read()
        fields = [("Content-Type", "application/octet-stream")]
        await send_answer(exchange, "200 OK", fields, content[::-1])


app: ExchangeApplication = Reverse()

with BlockingClient(app, backend="httptools") as client:
    print(client.post("/", data=b"abc").data)  # b'cba'

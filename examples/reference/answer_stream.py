from asphalt.core import Context

from kyoukai import AnswerStream, Exchange, start_answer
from kyoukai.test_client import BlockingClient


class Countdown:
    """Pushes an answer piece by piece."""

    async def process_exchange(self, exchange: Exchange, parent_context: Context) -> None:
        answer: AnswerStream = start_answer(exchange, "200 OK", [("Content-Type", "text/plain")])
        for number in (3, 2, 1):
            await answer.send(b"%d " % number)  # Waits until the client has room.
        await answer.end(b"liftoff")


with BlockingClient(Countdown(), backend="httptools") as client:
    answer = client.get("/")
    print(answer.text, answer.headers["Transfer-Encoding"])  # 3 2 1 liftoff chunked

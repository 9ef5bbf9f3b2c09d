from dataclasses import dataclass

from kyoukai import HTTPRequestContext, Kyoukai, read_json
from kyoukai.test_client import BlockingClient

app = Kyoukai("library")


@dataclass
class Book:
    title: str
    pages: int


@app.post("/books")
async def add(ctx: HTTPRequestContext) -> tuple[Book, int]:
    return read_json(ctx, Book), 201


with BlockingClient(app) as client:
    answer = client.post("/books", json={"title": "Ulysses", "pages": 730})
    print(answer.status_code, answer.json)  # 201 {'title': 'Ulysses', 'pages': 730}
    refused = client.post(
        "/books", json={"title": "Ulysses", "pages": "many"}, headers={"Accept": "application/json"}
    )
    detail = refused.get_json(force=True)["detail"]
    print(refused.status_code, detail)  # 422 Expected `int`, got `str` - at `$.pages`.

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from kyoukai import HTTPRequestContext, Kyoukai, read_json

app = Kyoukai("library")


@dataclass
class Book:
    title: Annotated[str, Meta(min_length=1, max_length=200)]
    pages: Annotated[int, Meta(gt=0)]
    authors: list[str]


@app.post("/books")
async def add(ctx: HTTPRequestContext) -> tuple[Book, int]:
    book = read_json(ctx, Book)
    return book, 201

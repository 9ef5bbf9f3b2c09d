from collections.abc import Callable

import pytest
from asphalt.core import Context

from kyoukai import HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient


class Book(list[str]):
    """The names of all guests."""


app = Kyoukai("guests")


@app.before_serving
async def open_book(ctx: Context) -> None:
    ctx.add_resource(Book(["Ann"]))


@app.route("/guests", methods=["GET", "POST"])
async def guests(ctx: HTTPRequestContext) -> list[str]:
    book = ctx.require_resource(Book)
    if ctx.request.method == "POST":
        book.append(ctx.request.form["name"])
    return book


# A plain function uses the fixture. With the name of a backend, it starts a server.
@pytest.mark.parametrize("backend", [None, "httptools"])
def test_guests(kyoukai_client: Callable[..., BlockingClient], backend: str | None) -> None:
    client = kyoukai_client(app, backend=backend)
    assert client.get("/guests").json == ["Ann"]
    assert client.post("/guests", data={"name": "Bo"}).json == ["Ann", "Bo"]
    assert client.post("/guests").status_code == 400


# A coroutine, run by pytest-asyncio or anyio, needs no fixture.
async def test_two_at_a_time() -> None:
    async with app.test_client(raise_exceptions=True) as client:
        response = await client.get("/guests", headers={"Accept": "application/json"})
        assert response.json == ["Ann"]

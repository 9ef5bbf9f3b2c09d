from collections.abc import Callable

from app import app

from kyoukai.test_client import BlockingClient


def test_a_guest_comes_in(kyoukai_client: Callable[..., BlockingClient]) -> None:
    client = kyoukai_client(app)
    answer = client.post("/", data={"name": "Cy", "drink": "water"}, follow_redirects=True)
    assert "<li>Cy has water</li>" in answer.text
    assert client.get("/guests/Cy").json == {"name": "Cy", "drink": "water"}


def test_a_name_is_text(kyoukai_client: Callable[..., BlockingClient]) -> None:
    client = kyoukai_client(app)
    client.post("/", data={"name": "<b>", "drink": "milk"})
    assert "<li>&lt;b&gt; has milk</li>" in client.get("/").text

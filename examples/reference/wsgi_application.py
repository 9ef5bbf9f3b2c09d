from collections.abc import Iterable
from typing import Any

from kyoukai.test_client import BlockingClient
from kyoukai.wsgi import WSGIApplication


def hello(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Any application of WSGI: Flask's, Django's."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"hello from a thread"]


app = WSGIApplication(hello, threads=4)

# `kyoukai run module:app` serves it; a live client needs the name of a backend.
with BlockingClient(app, backend="httptools") as client:
    print(client.get("/").text)  # hello from a thread

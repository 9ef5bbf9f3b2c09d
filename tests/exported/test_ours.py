"""``app.asgi`` on Kyoukai's own server."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from kyoukai import Kyoukai
from kyoukai.asgi import ASGIApplication

from ..serving import Running, message

DATA = os.urandom(3_000_000)


@pytest.mark.every_wire
def test_files_are_sent_whole_and_in_parts(serve: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "data.bin").write_bytes(DATA)
    app = Kyoukai("files")
    app.static("/static", tmp_path)
    server = serve(ASGIApplication(app.asgi))
    answer = server.request(message("GET", "/static/data.bin"))
    assert answer.status == 200
    assert answer.body == DATA
    part = message("GET", "/static/data.bin", "Range: bytes=100-1999999")
    answer = server.request(part)
    assert (answer.status, answer.body) == (206, DATA[100:2_000_000])
    assert server.request(message("HEAD", "/static/data.bin"), "HEAD").status == 200

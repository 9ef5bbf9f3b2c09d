"""Tests of the backend behind nginx, from the client's side."""

import http.client
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import PATIENCE, UNBUFFERED, Process, connect, kyoukai, nginx, receive

LIMITS = ("--body-timeout", "0.5", "--max-body-size", "100000")


@pytest.fixture(scope="module", params=["buffered", "unbuffered"])
def served(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, int]]:
    folder = tmp_path_factory.mktemp("nginx")
    options = UNBUFFERED if request.param == "unbuffered" else ""
    with kyoukai(folder, *LIMITS) as (server, upstream), nginx(folder, upstream, options) as port:
        yield server, port
        assert server.stop() == 0


@pytest.fixture
def server(served: tuple[Process, int]) -> Process:
    return served[0]


@pytest.fixture
def port(served: tuple[Process, int]) -> int:
    return served[1]


def ask(
    port: int, method: str = "GET", target: str = "/echo", body: Any = None, **fields: str
) -> tuple[http.client.HTTPResponse, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
    try:
        client.request(
            method, target, body, {name.replace("_", "-"): value for name, value in fields.items()}
        )
        response = client.getresponse()
        return response, response.read()
    finally:
        client.close()


def test_get(server: Process, port: int) -> None:
    response, body = ask(port, target="/echo?a=%20b", X_Field="1")
    assert (response.status, response.getheader("Content-Type")) == (200, "application/json")
    seen = json.loads(body)
    assert seen["method"] == "GET"
    assert seen["url"] == f"http://127.0.0.1:{port}/echo?a=%20b"
    assert (seen["client"], seen["protocol"]) == ("127.0.0.1", "HTTP/1.1")
    assert seen["fields"]["X-Field"] == "1"
    assert "Connection" not in seen["fields"]
    server.wait_for(r'INFO kyoukai\.access: 127\.0\.0\.1:\d+ "GET /echo\?a=%20b HTTP/1\.1" 200 \d+ ')


def test_head(port: int) -> None:
    response, body = ask(port, "HEAD")
    assert int(response.headers["Content-Length"]) > 0
    assert (response.status, body) == (200, b"")


def test_a_form(port: int) -> None:
    _, body = ask(port, "POST", body="a=1&b=2", Content_Type="application/x-www-form-urlencoded")
    assert json.loads(body)["form"] == {"a": "1", "b": "2"}


def test_json(port: int) -> None:
    _, body = ask(port, "POST", body='{"a": [1]}', Content_Type="application/json")
    assert json.loads(body)["json"] == {"a": [1]}


def test_a_form_with_a_file(port: int) -> None:
    form = (
        '--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nM\r\n--x\r\n'
        'Content-Disposition: form-data; name="film"; filename="m.mp4"\r\n\r\nabc\r\n--x--\r\n'
    )
    _, body = ask(port, "POST", body=form, Content_Type="multipart/form-data; boundary=x")
    seen = json.loads(body)
    assert (seen["form"], seen["files"]) == ({"title": "M"}, {"film": "abc"})


def test_chunks_of_a_client(port: int) -> None:
    response, body = ask(port, "POST", "/up", iter([b"abc", b"def"]))
    assert (response.status, body) == (200, b"6")


def test_a_streamed_answer(port: int) -> None:
    response, body = ask(port, target="/count/1000")
    assert response.headers["Transfer-Encoding"] == "chunked"
    assert body == "".join(f"{number}\n" for number in range(1000)).encode()


def test_events_come_as_they_happen(server: Process, port: int) -> None:
    with connect(port) as client:
        client.sendall(b"GET /events HTTP/1.1\r\nHost: a\r\n\r\n")
        data = b""
        while b"data: one" not in data:
            data += client.recv(10000)
        assert ask(port, "POST", "/release")[1] == b"released"
        while b"data: two" not in data:
            data += client.recv(10000)
    # The next heartbeat detects that the client is gone.
    server.wait_for("nobody listens")


def test_a_body_that_is_too_large(port: int) -> None:
    response, body = ask(port, "POST", body=bytes(4 * 1024 * 1024))
    assert response.status == 413
    assert b"larger than this server takes" in body


def test_an_answer_before_the_body_has_come(port: int) -> None:
    response, body = ask(port, "POST", "/early", bytes(8 * 1024 * 1024))
    assert (response.status, body) == (200, b"answered before the body was read")


@pytest.mark.parametrize("served", ["unbuffered"], indirect=True)
def test_a_body_that_is_late(port: int) -> None:
    """nginx has its own timeout for a body that it buffers."""
    with connect(port) as client:
        client.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 9\r\n\r\nabc")
        assert receive(client).startswith(b"HTTP/1.1 408 ")


def test_a_body_that_fails_does_not_look_whole(port: int) -> None:
    with pytest.raises(http.client.IncompleteRead):
        ask(port, target="/broken")


def test_a_handler_that_raises(port: int) -> None:
    response, body = ask(port, target="/fail")
    assert response.status == 500
    assert b"Traceback" not in body
    assert b"client's" not in body


def test_requests_that_are_refused(port: int) -> None:
    assert ask(port, "BREW")[0].status == 501
    assert ask(port, "GET", "/none")[0].status == 404


def leave(server: Process, port: int, count: int) -> None:
    """Request an endless stream, and disconnect."""
    with connect(port) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for("begun", count)
    server.wait_for("the client is gone", count)


def test_a_handler_goes_on_without_its_client(tmp_path: Path) -> None:
    with (
        kyoukai(tmp_path, "--shutdown-timeout", "0.1") as (server, upstream),
        nginx(tmp_path, upstream) as port,
    ):
        leave(server, port, 1)
        assert ask(port)[0].status == 200
        assert "cancelled" not in server.said
        assert server.stop() == 0


def test_a_handler_is_cancelled_with_its_client(tmp_path: Path) -> None:
    with kyoukai(tmp_path, "--cancel-on-disconnect") as (server, upstream), nginx(tmp_path, upstream) as port:
        with connect(port) as client:
            client.sendall(b"GET /endless HTTP/1.1\r\nHost: a\r\n\r\n")
            server.wait_for("begun")
        server.wait_for("cancelled")
        assert ask(port)[0].status == 200
        assert server.stop() == 0
        assert "Traceback" not in server.said


def test_no_access_log(tmp_path: Path) -> None:
    with kyoukai(tmp_path, "--no-access-log") as (server, upstream), nginx(tmp_path, upstream) as port:
        assert ask(port)[0].status == 200
        assert server.stop() == 0
        assert "kyoukai.access" not in server.said


def test_a_stop_during_ten_requests(tmp_path: Path) -> None:
    answers: list[tuple[int, bytes]] = []

    def request(port: int) -> None:
        response, body = ask(port, target="/slow")
        answers.append((response.status, body))

    with kyoukai(tmp_path) as (server, upstream), nginx(tmp_path, upstream) as port:
        threads = [threading.Thread(target=request, args=(port,)) for _ in range(10)]
        for thread in threads:
            thread.start()
        server.wait_for("begun", 10)
        assert server.stop() == 0
        for thread in threads:
            thread.join(PATIENCE)
        assert answers == [(200, b"answered")] * 10
        # No client is served any more.
        assert ask(port)[0].status == 502

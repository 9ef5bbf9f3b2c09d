"""What crosses the wire, without a web server in between."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from running import Process, ask, connect, head, kyoukai, netstring, read_answer, receive, wait_until

LIMITS = ("--head-timeout", "0.3", "--body-timeout", "0.3", "--max-body-size", "100000")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, int]]:
    with kyoukai(tmp_path_factory.mktemp("wire"), *LIMITS) as (server, port):
        yield server, port
        assert server.stop() == 0
        failures = re.findall(r"(?m)^RuntimeError: (.*)", server.said)
        assert sorted(failures) == ["the body broke", "this is not the client's to see"]
        assert server.said.count("Traceback") == 2


@pytest.fixture
def server(served: tuple[Process, int]) -> Process:
    return served[0]


@pytest.fixture
def port(served: tuple[Process, int]) -> int:
    return served[1]


def test_a_request_as_the_specification_has_it(port: int) -> None:
    request = (
        b"70:CONTENT_LENGTH\x0027\0SCGI\x001\0REQUEST_METHOD\0POST\0REQUEST_URI\0/deepthought\0,"
        b"What is the answer to life?"
    )
    assert ask(port, request).status == 404


def test_what_the_web_server_says_is_what_the_application_sees(port: int) -> None:
    variables = {
        "REMOTE_ADDR": "192.0.2.1",
        "REMOTE_PORT": "1234",
        "HTTPS": "on",
        "CONTENT_TYPE": "application/json",
        "HTTP_X_FIELD": "1",
        "HTTP_CONTENT_TYPE": "text/plain",
        "HTTP_TRANSFER_ENCODING": "chunked",
        "HTTP_HOST": "example.com",
    }
    answer = ask(port, head("POST", "/echo?a=b", 7, **variables) + b'{"a":1}')
    assert (answer.status, answer.fields["content-type"]) == (200, "application/json")
    seen = json.loads(answer.body)
    assert (seen["url"], seen["client"]) == ("https://example.com/echo?a=b", "192.0.2.1")
    assert (seen["json"], seen["protocol"]) == ({"a": 1}, "HTTP/1.1")
    assert seen["fields"] == {
        "X-Field": "1",
        "Content-Length": "7",
        "Content-Type": "application/json",
        "Host": "example.com",
    }


def test_a_request_that_comes_a_byte_at_a_time(port: int) -> None:
    with connect(port) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in head("POST", "/up", 3) + b"abc":
            client.sendall(bytes([byte]))
        assert read_answer(receive(client)).body == b"3"


def test_a_streamed_answer_ends_with_the_connection(port: int) -> None:
    answer = ask(port, head(target="/count/3"))
    assert "content-length" not in answer.fields
    assert answer.body == b"0\n1\n2\n"


def test_an_answer_to_head_has_no_content(port: int) -> None:
    answer = ask(port, head("HEAD"))
    assert int(answer.fields["content-length"]) > 0
    assert answer.body == b""


def test_fields_that_come_twice(port: int) -> None:
    content = b"CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_URI\0/echo\0REQUEST_METHOD\0GET\0"
    answer = ask(port, netstring(content + b"HTTP_COOKIE\0a=1\0HTTP_COOKIE\0b=2\0"))
    assert json.loads(answer.body)["fields"]["Cookie"] == "a=1; b=2"
    assert ask(port, netstring(content + b"HTTP_HOST\0a\0HTTP_HOST\0b\0")).status == 400


def test_nginx_that_says_less_of_the_body_than_there_will_be(port: int) -> None:
    assert ask(port, head("POST", "/up", 1, HTTP_CONTENT_LENGTH="3") + b"abc").body == b"3"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"12345678901234567890", 400),
        (b"5:hello,", 400),
        (b"5:hello;", 400),
        (b"0:,", 400),
        (netstring(b"SCGI\x001\0CONTENT_LENGTH\x000\0"), 400),  # not in this order
        (netstring(b"CONTENT_LENGTH\x000\0REQUEST_URI\0/\0"), 400),  # not SCGI
        (netstring(b"CONTENT_LENGTH\x00-1\0SCGI\x001\0"), 400),
        (netstring(b"CONTENT_LENGTH\x00\xb2\0SCGI\x001\0"), 400),
        (netstring(b"CONTENT_LENGTH\x00" + b"9" * 5000 + b"\0SCGI\x001\0"), 400),
        (netstring(b"CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_URI"), 400),
        (netstring(b"CONTENT_LENGTH\x000\0SCGI\x001\0REQUEST_URI\0"), 400),
        (head(HTTP_HOST="a b"), 400),
        (head(**{"HTTP_X\n": "1"}), 400),
        (head(HTTP_X="a\nb"), 400),
        (head(target="no path"), 400),
        (head("BREW"), 501),
        (head(target="/" + "a" * 9000), 414),
        (b"99999:", 431),
        (head(HTTP_X="a" * 20000), 431),
        (head("POST", size=100001), 413),
    ],
)
def test_what_is_refused(port: int, data: bytes, status: int) -> None:
    answer = ask(port, data)
    assert answer.status == status
    assert answer.fields["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("data", [b"7", b"70:", head()[:-1], head("POST", "/echo", 3) + b"ab"])
def test_what_breaks_off_is_answered_by_400(port: int, data: bytes) -> None:
    with connect(port) as client:
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        assert read_answer(receive(client)).status == 400


@pytest.mark.parametrize(
    "data", [b"7", head()[:-1], head("POST", "/echo", 3) + b"ab", head("POST", "/up", 3)]
)
def test_what_stands_still_is_answered_by_408(port: int, data: bytes) -> None:
    assert ask(port, data).status == 408


def test_a_client_that_has_ended_its_side_gets_its_answer(port: int) -> None:
    with connect(port) as client:
        client.sendall(head(target="/count/2000"))
        client.shutdown(socket.SHUT_WR)
        assert read_answer(receive(client)).body.endswith(b"\n1999\n")


def test_a_connection_that_ends_before_it_has_begun(server: Process, port: int) -> None:
    with connect(port) as client:
        client.shutdown(socket.SHUT_WR)
        assert receive(client) == b""


def test_what_comes_behind_a_request_is_not_read(port: int) -> None:
    assert ask(port, head("POST", "/up", 3) + b"abcdef").body == b"3"
    assert ask(port, head() + head()).status == 200


def test_an_answer_that_comes_before_the_body_is_not_destroyed_by_it(port: int) -> None:
    with connect(port) as client:
        client.sendall(head("POST", "/early", 8 * 1024 * 1024))
        client.sendall(bytes(8 * 1024 * 1024))
        assert read_answer(receive(client)).body == b"answered before the body was read"


def test_a_body_that_fails_does_not_look_whole(server: Process, port: int) -> None:
    with connect(port) as client:
        client.sendall(head(target="/broken"))
        with pytest.raises(ConnectionResetError):
            receive(client)


@pytest.mark.parametrize("target", ["/down/100000", "/down/100000?sized", "/events"])
def test_a_client_that_leaves_in_the_middle_of_an_answer(server: Process, port: int, target: str) -> None:
    pattern = r"nobody listens|the body is closed"
    before = len(server.said.split("nobody listens")) + len(server.said.split("the body is closed")) - 2
    with connect(port) as client:
        client.sendall(head(target=target))
        assert client.recv(100).startswith(b"Status: 200 OK\r\n")
    server.wait_for(pattern, before + 1)


def test_a_client_that_leaves_in_the_middle_of_its_request(server: Process, port: int) -> None:
    before = server.said.count("begun")
    with connect(port) as client:
        client.sendall(head("POST", "/up", 1000000) + b"abc")
        server.wait_for("begun", before + 1)
    # It is answered, to nobody.
    wait_until(lambda: ask(port, head()).status == 200)


def test_a_handler_that_raises(server: Process, port: int) -> None:
    answer = ask(port, head(target="/fail"))
    assert answer.status == 500
    assert b"Traceback" not in answer.body
    assert b"client's" not in answer.body
    server.wait_for("RuntimeError: this is not the client's to see")


def test_a_connection_on_which_nothing_comes_is_closed(tmp_path: Path) -> None:
    with kyoukai(tmp_path, "--keep-alive-timeout", "0.2") as (_, port), connect(port) as client:
        assert receive(client) == b""


def test_a_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    with kyoukai(tmp_path, "--write-timeout", "0.3") as (server, port), connect(port) as client:
        client.sendall(head(target="/down/1000000"))
        server.wait_for("the body is closed")
        with pytest.raises(ConnectionResetError):
            receive(client)


def test_a_unix_socket(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with kyoukai(tmp_path, "--uds", path) as (server, _), socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(head(REMOTE_ADDR="192.0.2.1"))
        assert json.loads(read_answer(receive(client)).body)["client"] == "192.0.2.1"
        server.wait_for(r'192\.0\.2\.1 "GET /echo HTTP/1.1" 200')

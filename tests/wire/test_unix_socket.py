"""HTTP over a Unix socket."""

import os
import socket

import pytest
from werkzeug.wrappers import Response

from kyoukai.core.errors import ListenError

from ..serving import Answering, echo, message


@pytest.fixture
def path(tmp_path, monkeypatch):
    # The path of a Unix socket has 107 bytes at most.
    monkeypatch.chdir(tmp_path)
    return "http.sock"


def test_requests(serve, path):
    server = serve(echo, port=None, uds=path)
    assert server.component.address == (path, 0)
    assert server.url == f"unix:{path}"
    with server.connect() as client:
        for number in range(3):
            assert (
                client.request(message("POST", f"/{number}", body=b"body")).body == b"POST /%d body" % number
            )


def test_the_environ(serve, path):
    environs = []

    @Answering
    async def app(request):
        environs.append(request.environ)
        return Response(request.url)

    answer = serve(app, port=None, uds=path).request(message("GET", "/a"))
    assert answer.body == b"http://localhost/a"
    (environ,) = environs
    assert "REMOTE_ADDR" not in environ
    assert "REMOTE_PORT" not in environ
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("localhost", "80")


def test_the_file_is_there_while_it_serves(serve, path):
    server = serve(echo, port=None, uds=path)
    assert os.path.exists(path)
    server.stop()
    assert not os.path.exists(path)


def test_a_stale_file_is_replaced(serve, path):
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(path)
    assert os.path.exists(path)
    assert serve(echo, port=None, uds=path).request(message()).status == 200


def test_socket_in_use_is_left_alone(serve, path):
    first = serve(echo, port=None, uds=path)
    with pytest.raises(ListenError, match="already in use"):
        serve(echo, port=None, uds=path)
    assert first.request(message()).status == 200


def test_a_file_that_is_no_socket_is_left_alone(serve, path):
    with open(path, "w") as file:
        file.write("precious")
    with pytest.raises(ListenError):
        serve(echo, port=None, uds=path)
    with open(path) as file:
        assert file.read() == "precious"

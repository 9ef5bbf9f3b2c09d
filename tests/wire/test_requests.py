"""Requests reach the application whole, whatever their body's form."""

import json
import os

import pytest
from werkzeug.wrappers import Response

from ..serving import Answering, chunks, echo, message

pytestmark = pytest.mark.every_wire


def test_get(serve):
    answer = serve(echo).request(message("GET", "/page?x=1"))
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"GET /page?x=1 ")


def test_post_of_a_form(serve):
    @Answering
    async def app(request):
        return Response(json.dumps(request.form.to_dict()))

    answer = serve(app).request(
        message("POST", "/", "Content-Type: application/x-www-form-urlencoded", body=b"name=J%C3%BCrgen&n=1")
    )
    assert json.loads(answer.body) == {"name": "Jürgen", "n": "1"}


def test_post_of_json(serve):
    @Answering
    async def app(request):
        return Response(json.dumps(request.get_json()["list"]))

    answer = serve(app).request(
        message("POST", "/", "Content-Type: application/json", body=b'{"list": [1, 2]}')
    )
    assert json.loads(answer.body) == [1, 2]


def test_post_of_multipart_with_a_file(serve):
    @Answering
    async def app(request):
        file = request.files["file"]
        return Response(f"{request.form['field']} {file.filename} {len(file.read())}")

    body = (
        b'--cut\r\nContent-Disposition: form-data; name="field"\r\n\r\nvalue\r\n'
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n'
        b"Content-Type: application/octet-stream\r\n\r\n" + b"\0\r\n" * 30000 + b"\r\n--cut--\r\n"
    )
    answer = serve(app).request(
        message("POST", "/", "Content-Type: multipart/form-data; boundary=cut", body=body)
    )
    assert answer.body == b"value a.bin 90000"


def test_post_of_nothing(serve):
    assert serve(echo).request(message("POST", "/", body=b"")).body == b"POST / "


def test_chunked_upload(serve):
    answer = serve(echo).request(
        message("POST", "/", "Transfer-Encoding: chunked") + chunks(b"one", b"two" * 1000, b"\r\n0\r\n\r\n")
    )
    assert answer.body == b"POST / one" + b"two" * 1000 + b"\r\n0\r\n\r\n"


def test_a_mebibyte_both_ways(serve):
    body = os.urandom(1024 * 1024)
    assert serve(echo).request(message("PUT", "/", body=body)).body == b"PUT / " + body


def test_a_mebibyte_in_chunks(serve):
    body = os.urandom(1024 * 1024)
    pieces = [body[start : start + 10_000] for start in range(0, len(body), 10_000)]
    answer = serve(echo).request(message("PUT", "/", "Transfer-Encoding: chunked") + chunks(*pieces))
    assert answer.body == b"PUT / " + body


def test_requests_one_after_the_other_on_one_connection(serve):
    server = serve(echo)
    with server.connect() as client:
        for number in range(20):
            body = b"x" * number
            assert (
                client.request(message("POST", f"/{number}", body=body)).body == b"POST /%d " % number + body
            )
            assert len(server.server.connections) == 1


@pytest.mark.http1
def test_empty_lines_before_a_request_are_skipped(serve):
    with serve(echo).connect() as client:
        assert client.request(b"\r\n\r\n" + message("GET", "/1")).body == b"GET /1 "
        assert client.request(b"\r\n" + message("GET", "/2")).body == b"GET /2 "


@pytest.mark.http1
def test_connection_close_is_obeyed(serve):
    with serve(echo).connect() as client:
        answer = client.request(message("GET", "/", "Connection: close"))
        assert answer.fields["connection"] == "close"
        assert client.receive_rest() == b""


def test_persistent_answer_has_no_connection_field(serve):
    assert "connection" not in serve(echo).request(message()).fields

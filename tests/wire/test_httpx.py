"""What httpx makes of it."""

import httpx
import pytest
from werkzeug.wrappers import Response

from ..serving import PATIENCE, Answering


@Answering
async def app(request):
    if request.path == "/stream":
        return Response(b"%05d" % number for number in range(2_000))
    if request.files:
        file = request.files["file"]
        return Response(f"{request.form['field']} {file.filename} {len(file.read())}")
    if request.form:
        return Response(repr(request.form.to_dict()))
    return Response(request.method.encode() + b" " + request.get_data())


@pytest.fixture
def client(serve):
    with httpx.Client(base_url=serve(app).url, timeout=PATIENCE, trust_env=False) as client:
        yield client


def test_get_and_head(client):
    assert client.get("/").text == "GET "
    answer = client.head("/")
    assert (answer.text, answer.headers["Content-Length"]) == ("", "5")


def test_post_of_a_form(client):
    assert client.post("/", data={"name": "Jürgen"}).text == "{'name': 'Jürgen'}"


def test_post_of_json(client):
    assert client.post("/", json=[1, 2]).text.replace(" ", "") == "POST[1,2]"


def test_post_of_multipart_with_a_file(client):
    files = {"file": ("a.bin", bytes(300_000))}
    assert client.post("/", data={"field": "value"}, files=files).text == "value a.bin 300000"


def test_chunked_upload(client):
    assert (
        client.post("/", content=(b"0123456789" * 1000 for _ in range(50))).text
        == "POST " + "0123456789" * 50_000
    )


def test_a_streamed_answer(client):
    with client.stream("GET", "/stream") as answer:
        assert b"".join(answer.iter_bytes()) == b"".join(b"%05d" % number for number in range(2_000))


def test_a_connection_is_used_again(serve):
    ports = set()

    @Answering
    async def app(request):
        ports.add(request.environ["REMOTE_PORT"])
        return Response("x" for _ in range(3))

    with httpx.Client(base_url=serve(app).url, trust_env=False) as client:
        for _ in range(5):
            assert client.get("/").text == "xxx"
    assert len(ports) == 1


def test_tls(serve, tls, trusting):
    with httpx.Client(base_url=serve(app, ssl=tls).url, verify=trusting, trust_env=False) as client:
        for _ in range(3):
            assert client.post("/", content=b"body").text == "POST body"


def test_unix_socket(serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    serve(app, port=None, uds="http.sock")
    with httpx.Client(transport=httpx.HTTPTransport(uds="http.sock")) as client:
        assert client.get("http://localhost/").text == "GET "

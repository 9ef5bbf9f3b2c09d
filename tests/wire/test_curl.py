"""What curl makes of it."""

import subprocess

import pytest
from werkzeug.wrappers import Response

from kyoukai import Kyoukai

from ..serving import PATIENCE, Answering


@Answering
async def app(request):
    if request.path == "/stream":
        return Response(b"%05d" % number for number in range(2_000))
    text = f"{request.method} {request.scheme} {request.environ['SERVER_PROTOCOL']} "
    if request.files:
        file = request.files["file"]
        return Response(text + f"{request.form['field']} {file.filename} {len(file.read())}")
    if request.form:
        return Response(text + repr(request.form.to_dict()))
    return Response(text.encode() + request.get_data())


def curl(*args, data=b""):
    """Run curl, and return what it wrote to standard output."""
    command = ["curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", str(int(PATIENCE)), *args]
    done = subprocess.run(command, input=data, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture
def url(serve):
    return serve(app).url + "/echo"


def test_get(url):
    assert curl(url) == b"GET http HTTP/1.1 "


def test_head(url):
    head = curl("--head", url)
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Content-Length: 19\r\n" in head


def test_post_of_a_form(url):
    assert curl("--data", "name=value", url) == b"POST http HTTP/1.1 {'name': 'value'}"


def test_post_of_json(url):
    assert curl("--json", "[1, 2]", url) == b"POST http HTTP/1.1 [1, 2]"


def test_post_of_multipart_with_a_file(url, tmp_path):
    file = tmp_path / "a.bin"
    file.write_bytes(bytes(300_000))
    assert (
        curl("--form", "field=value", "--form", f"file=@{file}", url)
        == b"POST http HTTP/1.1 value a.bin 300000"
    )


def test_chunked_upload(url):
    body = b"0123456789" * 20_000
    fields = ["--header", "Transfer-Encoding: chunked", "--header", "Content-Type: text/plain"]
    assert curl(*fields, "--data-binary", "@-", url, data=body) == b"POST http HTTP/1.1 " + body


def test_expect_continue(url):
    body = bytes(2_000_000)
    fields = ["--header", "Expect: 100-continue", "--header", "Content-Type: text/plain"]
    # It waits for the interim answer longer than for everything.
    assert curl(*fields, "--expect100-timeout", "60", "--data-binary", "@-", url, data=body).endswith(body)


def test_a_streamed_answer(serve):
    assert curl(serve(app).url + "/stream") == b"".join(b"%05d" % number for number in range(2_000))


def test_a_connection_is_used_again(url):
    written = curl("--write-out", "%{num_connects} ", url, url, url)
    assert written == b"GET http HTTP/1.1 1 GET http HTTP/1.1 0 GET http HTTP/1.1 0 "


def test_http_1_0(url):
    assert curl("--http1.0", url) == b"GET http HTTP/1.0 "


def test_http_1_0_with_a_streamed_answer(serve):
    assert len(curl("--http1.0", serve(app).url + "/stream")) == 10_000


def test_an_offer_of_http_2(url):
    assert curl("--http2", url) == b"GET http HTTP/1.1 "
    assert curl("--http2", "--json", "[1]", url) == b"POST http HTTP/1.1 [1]"


def test_tls(serve, tls, authority_file):
    url = serve(app, ssl=tls).url + "/echo"
    assert curl("--cacert", authority_file, url) == b"GET https HTTP/1.1 "
    written = curl("--cacert", authority_file, "--http2", "--write-out", "%{http_version}", url)
    assert written == b"GET https HTTP/1.1 1.1"


def test_unix_socket(serve, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    serve(app, port=None, uds="http.sock")
    assert curl("--unix-socket", "http.sock", "http://localhost" + "/echo") == b"GET http HTTP/1.1 "


def test_a_refusal_during_an_upload(serve):
    url = serve(app, limits={"max_body_size": 1000}).url + "/echo"
    written = curl("--write-out", "%{http_code}", "--data-binary", "@-", url, data=bytes(3_000_000))
    assert written.endswith(b"413")


def test_uploads_that_are_streamed(serve, tmp_path):
    uploads = Kyoukai("uploads")
    size = 30_000_000

    @uploads.route("/<name>", methods=["PUT"], stream=True, max_body_size=size)
    async def upload(ctx, name):
        return str(sum([len(piece) async for piece in ctx.stream()]))

    @uploads.route("/mirror", methods=["POST"], stream=True, max_body_size=size)
    async def mirror(ctx):
        return aiter(ctx.stream())

    file = tmp_path / "large"
    with file.open("wb") as large:
        large.truncate(size)
    url = serve(uploads).url
    expect = ["--header", "Expect: 100-continue", "--expect100-timeout", "60"]
    assert curl(*expect, "--upload-file", str(file), f"{url}/a") == b"30000000"
    chunked = ["--header", "Transfer-Encoding: chunked"]
    assert curl(*expect, *chunked, "--upload-file", str(file), f"{url}/a") == b"30000000"
    sent = curl(*expect, "--request", "POST", "--upload-file", str(file), f"{url}/mirror")
    assert sent == bytes(size)
    # It sends nothing of a body that nobody takes.
    code = ["--output", str(tmp_path / "answer"), "--write-out", "%{http_code} %{size_upload}"]
    assert curl(*code, *expect, "--upload-file", str(file), f"{url}/a/b") == b"404 0"
    with file.open("ab") as large:
        large.write(b"x")
    assert curl(*code, *expect, "--upload-file", str(file), f"{url}/a") == b"413 0"

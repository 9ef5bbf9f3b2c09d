"""Files of a directory and files that a handler sends, with all that a client may ask of them."""

import os
import resource

import pytest

from kyoukai import Kyoukai, send_file

from ..serving import error_records, message

DATA = os.urandom(300_000)
SECRET = b"nobody's business"


@pytest.fixture
def site(tmp_path):
    root = tmp_path / "site"
    (root / "sub").mkdir(parents=True)
    (root / "data.bin").write_bytes(DATA)
    (root / "empty").write_bytes(b"")
    (root / "sub" / "index.html").write_text("<p>sub")
    (root / ".env").write_bytes(SECRET)
    (tmp_path / "secret").write_bytes(SECRET)
    (tmp_path / "site2").mkdir()
    (tmp_path / "site2" / "secret").write_bytes(SECRET)
    (root / "link").symlink_to("../secret")
    (root / "neighbour").symlink_to(tmp_path / "site2")
    return root


@pytest.fixture
def server(serve, site):
    app = Kyoukai("site")
    app.static("/static", site, index="index.html")

    @app.route("/sent", methods=["GET", "POST"])
    async def sent(ctx):
        return await send_file(ctx, site / "data.bin")

    return serve(app)


@pytest.mark.parametrize("target", ["/static/data.bin", "/sent"])
def test_the_whole(server, target):
    with server.connect() as client:
        for _ in range(2):
            answer = client.request(message("GET", target))
            assert (answer.status, answer.body) == (200, DATA)
            assert answer.fields["accept-ranges"] == "bytes"
            assert answer.fields["content-type"] == "application/octet-stream"
        head = client.request(message("HEAD", target), "HEAD")
        assert (head.status, head.fields["content-length"], head.body) == (200, str(len(DATA)), b"")
        assert {**head.fields, "date": ""} == {**answer.fields, "date": ""}


@pytest.mark.parametrize(
    ("value", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-", 1000, 300_000),
        ("bytes=-1000", 299_000, 300_000),
        ("bytes=-900000", 0, 300_000),
        ("bytes=100000-299999", 100_000, 300_000),
        ("bytes=299999-400000", 299_999, 300_000),
    ],
)
@pytest.mark.parametrize("target", ["/static/data.bin", "/sent"])
def test_a_range(server, target, value, start, end):
    with server.connect() as client:
        answer = client.request(message("GET", target, f"Range: {value}"))
        assert (answer.status, answer.body) == (206, DATA[start:end])
        assert answer.fields["content-range"] == f"bytes {start}-{end - 1}/{len(DATA)}"
        assert client.request(message("GET", target)).body == DATA


def test_the_kernel_sends_a_range(server, monkeypatch):
    sent = []
    sendfile = os.sendfile

    def watched(out, source, offset, count):
        size = sendfile(out, source, offset, count)
        sent.append((offset, size))
        return size

    monkeypatch.setattr(os, "sendfile", watched)
    answer = server.request(message("GET", "/static/data.bin", "Range: bytes=1000-200999"))
    assert answer.body == DATA[1000:201_000]
    # The client may have it all before the call that sent it has returned.
    server.wait_until(lambda: sum(size for _, size in sent) == 200_000)
    assert sent[0][0] == 1000


@pytest.mark.parametrize("value", ["bytes=0-1,5-6", "lines=0-5", "bytes=5-2", "bytes=x", "bytes"])
def test_a_range_that_is_ignored(server, value):
    answer = server.request(message("GET", "/sent", f"Range: {value}"))
    assert (answer.status, answer.body) == (200, DATA)


def test_head_has_no_ranges(server):
    answer = server.request(message("HEAD", "/sent", "Range: bytes=0-1"), "HEAD")
    assert (answer.status, answer.fields["content-length"]) == (200, str(len(DATA)))


def test_a_range_of_nothing(server):
    with server.connect() as client:
        for value in ("bytes=300000-", "bytes=999999-9999999"):
            answer = client.request(message("GET", "/static/data.bin", f"Range: {value}"))
            assert (answer.status, answer.fields["content-range"]) == (416, f"bytes */{len(DATA)}")
        empty = client.request(message("GET", "/static/empty", "Range: bytes=0-1"))
        assert (empty.status, empty.body) == (200, b"")


def test_conditions(server):
    with server.connect() as client:
        whole = client.request(message("GET", "/static/data.bin"))
        etag, modified = whole.fields["etag"], whole.fields["last-modified"]
        earlier = "Thu, 01 Jan 1970 00:00:00 GMT"

        def status(*fields):
            answer = client.request(message("GET", "/static/data.bin", *fields))
            assert answer.body == {200: DATA, 206: DATA[:5], 304: b""}.get(answer.status, answer.body)
            return answer.status

        assert status(f"If-None-Match: {etag}") == 304
        assert status(f"If-None-Match: W/{etag}") == 304
        assert status("If-None-Match: *") == 304
        assert status('If-None-Match: "other"') == 200
        assert status(f"If-Modified-Since: {modified}") == 304
        assert status(f"If-Modified-Since: {earlier}") == 200
        assert status('If-None-Match: "other"', f"If-Modified-Since: {modified}") == 200
        assert status(f"If-Match: {etag}") == 200
        assert status("If-Match: *") == 200
        assert status('If-Match: "other"') == 412
        assert status(f"If-Unmodified-Since: {earlier}") == 412
        first = "Range: bytes=0-4"
        assert status(first, f"If-Range: {etag}") == 206
        assert status(first, f"If-Range: {modified}") == 206
        assert status(first, f"If-Range: W/{etag}") == 200
        assert status(first, 'If-Range: "other"') == 200
        assert status(first, f"If-Range: {earlier}") == 200
        assert status(first, f"If-None-Match: {etag}") == 304
        unchanged = client.request(message("GET", "/static/data.bin", f"If-None-Match: {etag}"))
        assert unchanged.fields["etag"] == etag
        assert {"content-length", "content-type", "last-modified"}.isdisjoint(unchanged.fields)


def test_a_file_that_changed(server, site):
    with server.connect() as client:
        etag = client.request(message("GET", "/static/empty")).fields["etag"]
        (site / "empty").write_bytes(b"no more")
        answer = client.request(message("GET", "/static/empty", f"If-None-Match: {etag}"))
        assert (answer.status, answer.body) == (200, b"no more")


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "..%2fsecret",
        "..%2Fsecret",
        "%2e%2e/secret",
        "%2e%2e%2fsecret",
        ".%2e/secret",
        "%2e./secret",
        "sub/../../secret",
        "sub/%2e%2e/%2e%2e/secret",
        "sub/..%2f..%2fsecret",
        "./../secret",
        "....//secret",
        "%252e%252e/secret",
        "%252e%252e%252fsecret",
        "..%252fsecret",
        "..%5csecret",
        "..\\secret",
        "%c0%ae%c0%ae/secret",
        "%c0%ae%c0%ae%c0%afsecret",
        "%e0%80%ae%e0%80%ae/secret",
        "%uff0e%uff0e/secret",
        "..;/secret",
        "../site2/secret",
        "..%00/secret",
        "%00",
        "%2fetc/passwd",
        "%2fetc%2fpasswd",
        "//etc/passwd",
        "sub%2f..%2f.env",
        "secret%00.html",
        "data.bin%00.html",
        ".env",
        "%2eenv",
        "sub/.%2f.%2e/.env",
        "link",
        "neighbour/secret",
        "neighbour",
        "neighbour/",
        "a" * 300,
        "%ff%fe",
        "~root",
        "data.bin/",
        "data.bin/..",
        "CON",
        "..",
        "%2e%2e",
        "%2e%2e%2f",
        ".",
    ],
)
def test_paths_outside_the_directory_are_not_found(server, path, caplog):
    with server.connect() as client:
        answer = client.request(message("GET", f"/static/{path}"))
        # Doubled slashes are sent to where they are one.
        for _ in range(3):
            if answer.status != 308:
                break
            target = answer.fields["location"].removeprefix("http://localhost")
            assert target.startswith("/static/")
            answer = client.request(message("GET", target))
        assert answer.status in (400, 404)
        assert SECRET not in answer.body
        assert b"Traceback" not in answer.body
    assert error_records(caplog) == []


def test_a_directory(server):
    with server.connect() as client:
        answer = client.request(message("GET", "/static/sub?a=b"))
        assert (answer.status, answer.fields["location"]) == (308, "/static/sub/?a=b")
        index = client.request(message("GET", "/static/sub/"))
        assert (index.status, index.body) == (200, b"<p>sub")
        assert index.fields["content-type"] == "text/html; charset=utf-8"
        assert client.request(message("GET", "/static/")).status == 404
        assert client.request(message("DELETE", "/static/data.bin")).status == 405


def test_a_file_larger_than_what_memory_may_grow_by(serve, site):
    size = 2 * 1024**3
    with (site / "large").open("wb") as large:
        large.truncate(size)
    app = Kyoukai("site")
    app.static("", site)
    room = bytearray(1024 * 1024)
    with serve(app).connect() as client:
        client.request(message("GET", "/data.bin"))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.send(message("GET", "/large", "Range: bytes=1-"))
        assert client.receive_head().fields["content-length"] == str(size - 1)
        received = len(client.buffer)
        while received < size - 1:
            count = client.socket.recv_into(room)
            assert count
            received += count
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024
        client.buffer = b""
        assert client.request(message("GET", "/data.bin")).body == DATA


def test_by_tls(serve, site, tls, trusting):
    app = Kyoukai("site")
    app.static("", site)
    with serve(app, ssl=tls).connect(context=trusting) as client:
        assert client.request(message("GET", "/data.bin")).body == DATA
        assert client.request(message("GET", "/data.bin", "Range: bytes=7-99999")).body == DATA[7:100_000]
        assert client.request(message("GET", "/data.bin")).body == DATA


def test_http_1_0(server):
    answer = server.request(message("GET", "/sent", "Range: bytes=0-99", version="1.0"))
    assert (answer.status, answer.body) == (206, DATA[:100])


def test_no_file_stays_open(server):
    def opened():
        names = [os.path.join("/proc/self/fd", name) for name in os.listdir("/proc/self/fd")]
        return [name for name in names if os.path.realpath(name).endswith(("data.bin", "site"))]

    with server.connect() as client:
        for fields in (
            ["Range: bytes=0-4"],
            ["Range: bytes=300000-"],
            ["If-None-Match: *"],
            ['If-Match: "x"'],
        ):
            client.request(message("GET", "/static/data.bin", *fields))
        client.request(message("HEAD", "/static/data.bin"), "HEAD")
        client.request(message("GET", "/static/missing"))
        server.wait_until(lambda: not opened())

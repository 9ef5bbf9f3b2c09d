"""Files, early hints and trailers of hosted applications, by the wires that have them."""

import asyncio
import contextlib
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from ...serving import error_records, message
from .speaking import body, hosted, respond, start

pytestmark = pytest.mark.every_wire

Serve = Any

TE = ("TE: trailers", "Connection: TE")
CONTENT = bytes(range(256)) * 4096


@pytest.fixture
def path(tmp_path: Path) -> str:
    file = tmp_path / "file"
    file.write_bytes(CONTENT)
    return str(file)


@pytest.fixture
def sendfile(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note what the kernel is asked to send."""
    sent: list[int] = []
    original = os.sendfile

    def note(out: int, file: int, offset: int, count: int) -> int:
        size = original(out, file, offset, count)
        sent.append(size)
        return size

    monkeypatch.setattr(os, "sendfile", note)
    return sent


def open_files() -> list[str]:
    """Return the names of the files that this process has open."""
    names = []
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):
            names.append(os.readlink(f"/proc/self/fd/{descriptor}"))
    return names


def test_pathsend(serve: Serve, path: str, sendfile: list[int]) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        fields = [(b"content-length", b"%d" % len(CONTENT))] if scope["path"] == "/declared" else []
        await send(start(200, *fields))
        await send({"type": "http.response.pathsend", "path": path})
        # It is the end.
        await send(body(b"more"))

    server = hosted(serve, application)
    with server.connect() as client:
        for target in ("/", "/declared"):
            answer = client.request(message("GET", target))
            assert answer.fields["content-length"] == str(len(CONTENT))
            assert answer.body == CONTENT
            head = client.request(message("HEAD", target), "HEAD")
            assert (head.status, head.fields["content-length"]) == (200, str(len(CONTENT)))
        server.wait_until(lambda: path not in open_files())
    assert sum(sendfile) == (0 if server.by_http2 else 2 * len(CONTENT))


def test_a_file_of_another_size_than_declared_is_a_500(serve: Serve, path: str, caplog: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, (b"content-length", b"3")))
        await send({"type": "http.response.pathsend", "path": path})

    assert hosted(serve, application).request(message()).status == 500
    assert len(error_records(caplog)) == 1


def test_zero_copy_send(serve: Serve, path: str, sendfile: list[int]) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        with open(path, "rb") as file:  # noqa: ASYNC230 - a file of a test
            kind = "http.response.zerocopysend"
            size = 3 + 5 + 7 + len(CONTENT) - 16
            fields = [(b"content-length", b"%d" % size)] if scope["path"] == "/declared" else []
            await send(start(200, *fields))
            await send(body(b"one", more=True))
            await send({"type": kind, "file": file, "offset": 4, "count": 5, "more_body": True})
            # The file stands where it stood.
            assert file.tell() == 0
            file.seek(9)
            await send({"type": kind, "file": file, "count": 7, "more_body": True})
            # From where the one before has ended.
            await send({"type": kind, "file": file})

    server = hosted(serve, application)
    with server.connect() as client:
        for target in ("/declared", "/"):
            assert client.request(message("GET", target)).body == b"one" + CONTENT[4:]
        assert client.request(message("HEAD", "/declared"), "HEAD").status == 200
    assert sum(sendfile) == (0 if server.by_http2 else len(CONTENT) - 4)


@pytest.mark.parametrize("is_declared", [False, True])
def test_a_file_that_many_requests_share(serve: Serve, tmp_path: Path, is_declared: bool) -> None:
    """One client takes its time, and another one has its part of the file meanwhile."""
    size = 8 * 1024 * 1024
    path = tmp_path / "shared"
    path.write_bytes(b"a" * size + b"b" * size)
    exchanges: dict[str, Any] = {}

    with path.open("rb") as file:

        async def application(scope: Any, receive: Any, send: Any) -> None:
            exchanges[scope["path"]] = send.__self__.exchange
            await send(start(200, *([(b"content-length", b"%d" % size)] if is_declared else [])))
            offset = 0 if scope["path"] == "/a" else size
            kind = "http.response.zerocopysend"
            await send({"type": kind, "file": file, "offset": offset, "count": size})

        server = hosted(serve, application)
        with server.connect(receive_buffer=65536) as slow, server.connect() as other:
            slow.send(message("GET", "/a"))
            server.wait_until(lambda: "/a" in exchanges and exchanges["/a"].sent)
            assert other.request(message("GET", "/b")).body == b"b" * size
            assert exchanges["/a"].sent < size
            assert slow.receive().body == b"a" * size


@pytest.mark.parametrize("is_declared", [False, True])
def test_a_file_that_is_too_short_breaks_the_answer_off(
    serve: Serve, path: str, caplog: Any, is_declared: bool
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        size = len(CONTENT) + 1
        with open(path, "rb") as file:  # noqa: ASYNC230 - a file of a test
            await send(start(200, *([(b"content-length", b"%d" % size)] if is_declared else [])))
            await send({"type": "http.response.zerocopysend", "file": file, "count": size})

    with hosted(serve, application).connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        rest = client.receive_rest()
        assert len(rest) >= len(CONTENT)
        assert not rest.endswith(b"0\r\n\r\n")
    [record] = error_records(caplog)
    assert "the file is 1 bytes too short" in str(record.exc_info[1])


@pytest.mark.http1
def test_a_part_is_read_where_the_kernel_cannot_send_it(
    serve: Serve, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any) -> int:
        raise OSError(errno.EINVAL, "no such file system")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        with open(path, "rb") as file:  # noqa: ASYNC230 - a file of a test
            await send(start(200, (b"content-length", b"%d" % (len(CONTENT) + 3))))
            await send(body(b"one", more=True))
            await send({"type": "http.response.zerocopysend", "file": file})

    monkeypatch.setattr(os, "sendfile", refuse)
    assert hosted(serve, application).request(message()).body == b"one" + CONTENT


@pytest.mark.parametrize("event", ["body", "pathsend", "zerocopysend"])
def test_an_answer_that_is_given_up_within_its_content_is_broken_off(
    serve: Serve, tmp_path: Path, caplog: Any, event: str
) -> None:
    size = 8 * 1024 * 1024
    path = tmp_path / "large"
    path.write_bytes(bytes(size))
    exchanges, hold, seen = [], asyncio.Event(), []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        exchanges.append(send.__self__.exchange)
        with path.open("rb") as file:
            events = {
                "body": {"body": bytes(size)},
                "pathsend": {"path": str(path)},
                "zerocopysend": {"file": file},
            }
            await send(start(200, (b"content-length", b"%d" % size)))
            sending = asyncio.ensure_future(send({"type": f"http.response.{event}", **events[event]}))
            await hold.wait()
            sending.cancel()
            await asyncio.wait([sending])
        seen.append(sending.cancelled())
        with pytest.raises(RuntimeError):
            await send(start())
        await send(body(b"SECOND"))

    server = hosted(serve, application)
    with server.connect(receive_buffer=65536) as client:
        client.send(message())
        server.wait_until(lambda: exchanges and exchanges[0].sent)
        server.call(hold.set)
        assert client.receive_head().status == 200
        rest = client.receive_rest()
        assert len(rest) < size
        assert set(rest) <= {0}
    assert seen == [True]
    [record] = error_records(caplog)
    assert "cannot continue" in str(record.exc_info[1])


def test_a_part_that_is_longer_than_declared_breaks_the_answer_off(
    serve: Serve, path: str, caplog: Any
) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        with open(path, "rb") as file:  # noqa: ASYNC230 - a file of a test
            await send(start(200, (b"content-length", b"10")))
            await send(body(b"one", more=True))
            await send({"type": "http.response.zerocopysend", "file": file, "more_body": True})

    with hosted(serve, application).connect() as client:
        client.send(message())
        assert client.receive_head().status == 200
        assert client.receive_rest() == b"one"
    assert len(error_records(caplog)) == 1


def test_early_hints(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        hint = {
            "type": "http.response.early_hint",
            "links": [b"</a.css>; rel=preload", b"</b.js>; rel=preload"],
        }
        await send(hint)
        await send(start())
        await send(hint)
        await send(body(b"hello"))

    server = hosted(serve, application)
    with server.connect() as client:
        client.send(message())
        for _ in range(2):
            head = client.receive_until(b"\r\n\r\n").lower()
            assert b" 103 " in head
            assert head.count(b"\r\nlink: ") == 2
        assert client.receive().body == b"hello"


@pytest.mark.http1
def test_no_early_hints_for_http_1_0(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>"]})
        await respond(send, b"hello")

    answer = hosted(serve, application).request(message(version="1.0"))
    assert (answer.status, answer.body) == (200, b"hello")


async def with_trailers(scope: Any, receive: Any, send: Any) -> None:
    """Answer with trailers, in two events."""
    await send(start(200, (b"trailer", b"x-a, x-b"), trailers=True))
    await send(body(b"one", more=scope["path"] == "/more"))
    if scope["path"] == "/more":
        await send(body(b"two"))
    event = {"type": "http.response.trailers", "headers": [(b"x-a", b"1")], "more_trailers": True}
    await send(event)
    await send({"type": "http.response.trailers", "headers": [[b"x-b", b"2"]]})


def test_trailers(serve: Serve) -> None:
    with hosted(serve, with_trailers).connect() as client:
        for target, content in (("/", b"3\r\none\r\n"), ("/more", b"two\r\n")):
            client.send(message("GET", target, *TE))
            assert client.receive_head().fields["transfer-encoding"] == "chunked"
            rest = client.receive_until(b"\r\n\r\n")
            assert content in rest
            assert rest.lower().endswith(b"0\r\nx-a: 1\r\nx-b: 2\r\n\r\n")
        # Who keeps none gets none.
        assert client.request(message("GET", "/more")).body == b"onetwo"
        assert client.request(message("HEAD", "/more", *TE), "HEAD").status == 200


@pytest.mark.parametrize("wrong", ["forbidden", "never"])
def test_trailers_that_do_not_come(serve: Serve, caplog: Any, wrong: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send(start(200, trailers=True))
        await send(body(b"one"))
        if wrong == "forbidden":
            await send({"type": "http.response.trailers", "headers": [(b"content-length", b"1")]})

    with hosted(serve, application).connect() as client:
        client.send(message("GET", "/", *TE))
        assert client.receive_head().status == 200
        assert not client.receive_rest().endswith(b"0\r\n\r\n")
    assert len(error_records(caplog)) == 1

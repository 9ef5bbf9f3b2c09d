import asyncio
import io
import threading
from pathlib import Path
from typing import IO, Any

import pytest
from werkzeug.wrappers import Response

from kyoukai.web import HTTPRequestContext, Kyoukai, files, send_file, send_from_directory
from kyoukai.web.files import FilePart

from .asking import ask

DATA = bytes(range(256)) * 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(DATA)
    return path


def sent(path_or_file: Any, *, headers: dict[str, str] | None = None, **options: Any) -> Response:
    """Return the answer of a handler that sends a file."""
    app = Kyoukai("files")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        return await send_file(ctx, path_or_file, **options)

    return ask(app, headers=headers or {})


def test_a_path(path: Path) -> None:
    response = sent(path)
    status = path.stat()
    assert (response.status_code, response.mimetype) == (200, "application/octet-stream")
    assert response.content_length == len(DATA)
    assert response.get_etag() == (f"{status.st_mtime_ns:x}-{status.st_size:x}", False)
    assert response.last_modified is not None
    assert response.last_modified.timestamp() == int(status.st_mtime)
    assert (response.accept_ranges, response.cache_control.no_cache) == ("bytes", True)
    assert response.headers["Content-Disposition"] == "inline; filename=file.bin"
    assert b"".join(response.iter_encoded()) == DATA
    response.close()


def test_the_response_is_of_the_applications_class(path: Path) -> None:
    class MyResponse(Response):
        pass

    app = Kyoukai("files", response_class=MyResponse)

    @app.route("/")
    def index(ctx: HTTPRequestContext) -> Any:
        # What a plain function returns is awaited, where it can be.
        return send_file(ctx, path)

    with ask(app) as response:
        assert type(response) is MyResponse


def test_options(path: Path) -> None:
    with sent(
        str(path),
        mimetype="text/plain",
        as_attachment=True,
        download_name="é.txt",
        etag="tag",
        last_modified=0,
        max_age=60,
    ) as response:
        assert response.content_type == "text/plain; charset=utf-8"
        assert response.headers["Content-Disposition"] == (
            "attachment; filename=e.txt; filename*=UTF-8''%C3%A9.txt"
        )
        assert response.get_etag() == ("tag", False)
        assert response.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        assert (response.cache_control.max_age, response.cache_control.public) == (60, True)


def test_without_conditions(path: Path) -> None:
    with sent(path, conditional=False, etag=False, headers={"Range": "bytes=0-1"}) as response:
        assert (response.status_code, response.content_length) == (200, len(DATA))
        assert response.get_etag() == (None, None)


@pytest.mark.parametrize("kind", ["path", "opened", "memory"])
def test_a_part(path: Path, kind: str) -> None:
    source: Any = {
        "path": lambda: path,
        "opened": lambda: path.open("rb"),
        "memory": lambda: io.BytesIO(DATA),
    }
    with sent(source[kind](), mimetype="application/x", headers={"Range": "bytes=5000-9999"}) as response:
        assert (response.status_code, response.content_length) == (206, 5000)
        assert response.headers["Content-Range"] == f"bytes 5000-9999/{len(DATA)}"
        # What the server lets the kernel send from.
        assert isinstance(response.response, FilePart)
        assert response.response.file.tell() == 5000
        assert b"".join(response.iter_encoded()) == DATA[5000:10000]


def test_file_with_an_offset_has_no_known_size(path: Path) -> None:
    file = path.open("rb")
    file.seek(10)
    with sent(file, mimetype="application/x", headers={"Range": "bytes=0-1"}) as response:
        assert (response.status_code, response.content_length) == (200, None)
        assert b"".join(response.iter_encoded()) == DATA[10:]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Range": "bytes=90000-"}, 416),
        ({"If-Match": '"other"'}, 412),
        ({"If-None-Match": "*"}, 304),
    ],
)
def test_the_file_is_closed(path: Path, headers: dict[str, str], status: int) -> None:
    file = path.open("rb")
    response = sent(file, mimetype="application/x", headers=headers)
    assert response.status_code == status
    response.close()
    assert file.closed


def test_neither_name_nor_type(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = path.open("rb")
    assert sent(file).status_code == 500
    assert file.closed
    assert "mimetype" in caplog.text


def test_a_file_in_text_mode(path: Path) -> None:
    with path.open() as file:
        assert sent(file, mimetype="text/plain").status_code == 500


@pytest.mark.parametrize("name", ["missing", ""])
def test_a_path_that_leads_to_no_file(path: Path, name: str) -> None:
    # The path is the author's, and so is the mistake.
    assert sent(path.parent / name).status_code == 500


def test_it_is_opened_in_a_thread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[threading.Thread] = []
    opened = files.open_regular

    def open_regular(*args: Any) -> IO[bytes]:
        threads.append(threading.current_thread())
        return opened(*args)

    monkeypatch.setattr(files, "open_regular", open_regular)
    sent(path).close()
    assert threads[0] is not threading.main_thread()


def test_cancelled_open_leaves_no_file_open(path: Path) -> None:
    begun, closed, go_on = threading.Event(), threading.Event(), threading.Event()

    def make() -> Response:
        begun.set()
        go_on.wait(20)
        response = Response()
        response.call_on_close(closed.set)
        return response

    async def main() -> None:
        task = asyncio.create_task(files.respond_in_thread(make))
        assert await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        await asyncio.sleep(0)
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert closed.is_set()

    asyncio.run(main())


def from_directory(directory: Path, path: str, **options: Any) -> Response:
    app = Kyoukai("files")

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> Response:
        return await send_from_directory(ctx, directory, path, **options)

    return ask(app)


def test_from_a_directory(path: Path) -> None:
    (path.parent / "sub").mkdir()
    (path.parent / "sub" / "a.css").write_bytes(b"a {}")
    with from_directory(path.parent, "sub/a.css", max_age=5) as response:
        assert (response.content_type, response.content_length) == ("text/css; charset=utf-8", 4)
        assert (response.headers["Content-Disposition"], response.cache_control.max_age) == (
            "inline; filename=a.css",
            5,
        )
    (path.parent / "sub" / ".b").write_bytes(b"b")
    with from_directory(path.parent, "sub/.b", dot_files=True) as response:
        assert (response.status_code, response.content_length) == (200, 1)
    with from_directory(path.parent, "sub/a.css", download_name="b.txt") as response:
        assert response.mimetype == "text/plain"


@pytest.mark.parametrize("name", ["", "..", "../file.bin", ".hidden", "sub", "missing", "a\0", "/etc/passwd"])
def test_missing_files(path: Path, name: str) -> None:
    (path.parent / "sub").mkdir()
    (path.parent / ".hidden").write_bytes(b"")
    assert from_directory(path.parent / "sub" if ".." in name else path.parent, name).status_code == 404

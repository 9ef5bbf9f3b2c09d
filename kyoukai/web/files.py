"""Files as responses: opened in a thread, with conditional and range requests.

Werkzeug makes the response. Its range would be a plain iterator, each step of which takes a thread. Here the
range is a file positioned at its start, which the kernel sends like a whole file.
"""

import functools
import io
import os
import stat
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import IO, Any

from werkzeug import utils
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from kyoukai.core.exchange.closing import close_quietly
from kyoukai.core.serving.threads import run_in_thread

from .conditional_requests import apply_conditions
from .context import HTTPRequestContext
from .relative_paths import beside_caller
from .safe_paths import open_beneath, open_regular, read_path


class FilePart(FileWrapper):
    """A number of bytes of a file, from its current position.

    :param size: the number of bytes.
    """

    def __init__(self, file: IO[bytes], size: int) -> None:
        super().__init__(file)
        self.left = size

    def __next__(self) -> bytes:
        # Not called where the kernel sends the file: the server then uses the Content-Length.
        data = self.file.read(min(self.buffer_size, self.left))
        if not data:
            raise StopIteration
        self.left -= len(data)
        return data


def send_file(
    ctx: HTTPRequestContext,
    path_or_file: str | os.PathLike[str] | IO[bytes],
    mimetype: str | None = None,
    *,
    as_attachment: bool = False,
    download_name: str | None = None,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    max_age: int | None = None,
) -> Coroutine[Any, Any, Response]:
    """Return (awaited) a response that sends a file and obeys the request's conditions.

    It obeys ``Range``, ``If-None-Match``, ``If-Modified-Since``, ``If-Match``, ``If-Unmodified-Since`` and
    ``If-Range`` (RFC 9110 sections 13 and 14). The file is opened in a thread.

    :param ctx: the context of the request.
    :param path_or_file: a path, relative to the folder of the calling module, that must not come from a
        client; or a file in binary mode, positioned at its start, which is closed after the answer.
    :param mimetype: the media type; by default guessed from the name, or ``application/octet-stream``.
    :param as_attachment: whether a browser saves the file instead of showing it.
    :param download_name: the file name for saving; by default that of the path. A file without a path needs
        this or ``mimetype``.
    :param conditional: whether conditions and ranges are obeyed.
    :param etag: the entity tag, without quotes; ``True``: made from size and modification time.
    :param last_modified: the modification time, a number being seconds since 1970; by default the file's own.
    :param max_age: seconds that clients may cache the file without revalidation; by default they revalidate.
    :raises OSError: if the path cannot be opened, or is not a regular file.
    :raises werkzeug.exceptions.PreconditionFailed: if a condition of the request fails.
    :raises werkzeug.exceptions.RequestedRangeNotSatisfiable: if the range is outside of the file.
    :raises TypeError: if neither media type nor name is known.
    :raises ValueError: if the file is in text mode.
    """
    options = {
        "mimetype": mimetype,
        "as_attachment": as_attachment,
        "download_name": download_name,
        "conditional": conditional,
        "etag": etag,
        "last_modified": last_modified,
        "max_age": max_age,
    }
    return respond_in_thread(functools.partial(_send, ctx, beside_caller(path_or_file), options))


def send_from_directory(
    ctx: HTTPRequestContext,
    directory: str | os.PathLike[str],
    path: str,
    *,
    dot_files: bool = False,
    **options: Any,
) -> Coroutine[Any, Any, Response]:
    """Return (awaited) a response that sends a file of a directory, by a path that a client may choose.

    The answer is 404 if the path leads out of the directory, by ``..`` or by a symbolic link, if a name in it
    begins with a dot, or if it is not a regular file.

    :param ctx: the context of the request.
    :param directory: relative to the folder of the calling module; it must not come from a client.
    :param path: relative to ``directory``, with slashes between its parts.
    :param dot_files: whether names that begin with a dot are served.
    :param options: options of :func:`send_file`.
    :raises werkzeug.exceptions.NotFound: if there is no such file.
    """
    folder, parts = beside_caller(directory), read_path(path, dot_files=dot_files)

    def find() -> Response:
        file = open_beneath(folder, parts) if parts else None
        if file is None or not parts:
            raise NotFound
        return respond(ctx, file, {"download_name": parts[-1], **options})

    return respond_in_thread(find)


async def respond_in_thread(make: Callable[[], Response]) -> Response:
    """Make a response in a thread; close it if the caller no longer waits for it."""
    return await run_in_thread(make, "the opening of a file", discard=close_quietly)


def respond(ctx: HTTPRequestContext, file: IO[bytes], options: dict[str, Any]) -> Response:
    """Return a response that sends an opened file; close the file on failure.

    :param options: options of :func:`send_file`.
    """
    try:
        return _respond(ctx, file, **options)
    except BaseException:
        file.close()
        raise


def _send(ctx: HTTPRequestContext, source: Any, options: dict[str, Any]) -> Response:
    if isinstance(source, (str, os.PathLike)):
        file = open_regular(os.fspath(source))
        name = options["download_name"]
        options = {**options, "download_name": os.path.basename(source) if name is None else name}
        return respond(ctx, file, options)
    return respond(ctx, source, options)


def _respond(
    ctx: HTTPRequestContext,
    file: IO[bytes],
    *,
    conditional: bool = True,
    etag: bool | str = True,
    last_modified: datetime | int | float | None = None,
    **options: Any,
) -> Response:
    status = _status(file)
    if status is not None:
        if last_modified is None:
            last_modified = status.st_mtime
        if etag is True:
            # Describe the opened file: its name may refer to another one by now.
            etag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
    response = utils.send_file(
        file,
        # No environ: its own file wrapper is ignored, as the server knows Werkzeug's.
        {},
        conditional=False,
        etag=etag,
        last_modified=last_modified,
        response_class=ctx.app.response_class,
        **options,
    )
    size = response.content_length if status is None else status.st_size
    response.content_length = size
    if conditional:
        apply_conditions(response, ctx.environ, size)
    start = response.content_range.start
    if response.status_code == 206 and start is not None:
        file.seek(start)
        response.response = FilePart(file, response.content_length or 0)
    return response


def _status(file: IO[bytes]) -> os.stat_result | None:
    """Return the status of an opened regular file at its start; otherwise ``None``."""
    if not isinstance(file, (io.BufferedReader, io.FileIO)):
        return None
    status = os.fstat(file.fileno())
    return status if stat.S_ISREG(status.st_mode) and not file.tell() else None

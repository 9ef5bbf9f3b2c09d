"""The events of extensions: files, early hints and trailers of an answer."""

import os
from collections.abc import Iterable
from typing import Any, BinaryIO, Final, Protocol

from kyoukai.core.applications.answer_stream import AnswerStream
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.serving.threads import run_in_thread

from .answer_heads import Start, read_headers

PATHSEND: Final = "http.response.pathsend"


class Call(Protocol):
    """What they need of a call: see :class:`~.http.HTTPCall`."""

    exchange: Exchange
    start: Start | None
    stream: AnswerStream | None
    trailers: list[Any] | None

    def begin_stream(self, size: int | None = None) -> AnswerStream:
        """Return what sends the content; its head is sent."""

    def end(self) -> None:
        """Note that the answer is sent."""


async def send_early_hint(call: Call, message: dict[str, Any]) -> None:
    """Take an event ``http.response.early_hint``: a 103 with links (RFC 8297).

    It is left out where the client takes none, and behind the head of the answer.

    :raises TypeError: if a link is no bytes.
    :raises InvalidResponseError: if one cannot be sent.
    """
    links: Iterable[bytes] = message.get("links", ())
    call.exchange.send_early_hints(read_headers((b"link", link) for link in links))


async def send_trailers(call: Call, message: dict[str, Any]) -> None:
    """Take an event ``http.response.trailers``. They are left out where the client keeps none.

    :raises RuntimeError: if ``http.response.start`` has not announced them, or the content is not at its end.
    :raises TypeError: if one is no pair of bytes.
    :raises InvalidResponseError: if one cannot be sent, or not behind the content.
    """
    if call.trailers is None:
        raise RuntimeError("http.response.trailers needs http.response.start with trailers=True")
    stream = call.begin_stream()
    call.trailers += read_headers(message.get("headers", ()))
    if not message.get("more_trailers", False):
        await stream.end(trailers=call.trailers)
        call.end()


async def send_path(call: Call, message: dict[str, Any]) -> None:
    """Take an event ``http.response.pathsend``: the content is a whole file.

    :raises TypeError: if the path is no str.
    :raises RuntimeError: if a part of the content has been sent.
    :raises OSError: if the file cannot be opened.
    :raises InvalidResponseError: if its size is not what Content-Length says.
    """
    path = message["path"]
    if not isinstance(path, str):
        raise TypeError(f"the path of a file must be a str, not {path!r}")
    if call.start is None or call.stream is not None:
        raise RuntimeError("http.response.pathsend has to follow http.response.start")
    file, size = await run_in_thread(lambda: open_file(path), PATHSEND, discard=close_opened)
    try:
        stream = call.begin_stream(size)
        await stream.send_file(file, size)
        if call.trailers is None:
            await stream.end()
            call.end()
    finally:
        await run_in_thread(file.close, PATHSEND, is_due=True)


async def send_zero_copy(call: Call, message: dict[str, Any]) -> None:
    """Take an event ``http.response.zerocopysend``: a part of the content is a part of a file.

    :raises RuntimeError: if ``http.response.start`` has not been sent.
    :raises OSError: if the file cannot be read.
    :raises InvalidResponseError: if the content is not as long as its Content-Length, or the file ends before
        the part does.
    """
    file: BinaryIO = message["file"]
    offset, count = message.get("offset"), message.get("count")
    stream = call.begin_stream()
    # Who says the offset leaves the file where it stands: other requests may send it at the same time.
    begin = file.tell() if offset is None else offset
    if count is None:
        count = max(os.fstat(file.fileno()).st_size - begin, 0)
    if offset is None:
        # The next event may say none, and goes on behind this part.
        file.seek(begin + count)
    await stream.send_file(file, count, begin)
    if not message.get("more_body", False) and call.trailers is None:
        await stream.end()
        call.end()


def open_file(path: str) -> tuple[BinaryIO, int]:
    """Return a file and its size in bytes.

    :raises OSError: if there is none that can be read.
    """
    file = open(path, "rb")  # noqa: SIM115 - its caller closes it
    try:
        return file, os.fstat(file.fileno()).st_size
    except BaseException:
        file.close()
        raise


def close_opened(opened: tuple[BinaryIO, int]) -> None:
    """Close a file that nobody is left to send."""
    opened[0].close()

"""Events of ASGI extensions: files, early hints and trailers."""

import os
from collections.abc import Iterable
from typing import Any, BinaryIO, Final, Protocol

from kyoukai.core.applications.answer_stream import AnswerStream
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.serving.threads import run_in_thread

from .answer_heads import Start, read_headers

PATHSEND: Final = "http.response.pathsend"


class Call(Protocol):
    """The part of a call that the extensions use: see :class:`~.http.HTTPCall`."""

    exchange: Exchange
    start: Start | None
    stream: AnswerStream | None
    trailers: list[Any] | None

    def begin_stream(self, size: int | None = None) -> AnswerStream:
        """Send the head, and return the object that sends the content."""

    def end(self) -> None:
        """Mark the answer as sent."""


async def send_early_hint(call: Call, message: dict[str, Any]) -> None:
    """Handle an ``http.response.early_hint`` event: send a 103 with links (RFC 8297).

    The 103 is omitted after the head of the answer, and if the client does not accept it.

    :raises TypeError: if a link is not bytes.
    :raises InvalidResponseError: if a link cannot be sent.
    """
    links: Iterable[bytes] = message.get("links", ())
    call.exchange.send_early_hints(read_headers((b"link", link) for link in links))


async def send_trailers(call: Call, message: dict[str, Any]) -> None:
    """Handle an ``http.response.trailers`` event. Trailers are omitted if the client does not accept them.

    :raises RuntimeError: if ``http.response.start`` did not announce trailers, or the content is not
        complete.
    :raises TypeError: if a trailer is not a pair of bytes.
    :raises InvalidResponseError: if a trailer cannot be sent, or is not allowed after the content.
    """
    if call.trailers is None:
        raise RuntimeError("http.response.trailers needs http.response.start with trailers=True")
    stream = call.begin_stream()
    call.trailers += read_headers(message.get("headers", ()))
    if not message.get("more_trailers", False):
        await stream.end(trailers=call.trailers)
        call.end()


async def send_path(call: Call, message: dict[str, Any]) -> None:
    """Handle an ``http.response.pathsend`` event: the content is a whole file.

    :raises TypeError: if the path is not a str.
    :raises RuntimeError: if a part of the content has been sent.
    :raises OSError: if the file cannot be opened.
    :raises InvalidResponseError: if the size of the file differs from Content-Length.
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
    """Handle an ``http.response.zerocopysend`` event: a part of the content is a part of a file.

    :raises RuntimeError: if ``http.response.start`` has not been sent.
    :raises OSError: if the file cannot be read.
    :raises InvalidResponseError: if the content differs from its Content-Length, or the file ends before the
        part does.
    """
    file: BinaryIO = message["file"]
    offset, count = message.get("offset"), message.get("count")
    stream = call.begin_stream()
    # With an explicit offset, do not move the file's position: other requests may send the file at the same
    # time.
    begin = file.tell() if offset is None else offset
    if count is None:
        count = max(os.fstat(file.fileno()).st_size - begin, 0)
    if offset is None:
        # The next event may have no offset, and continues after this part.
        file.seek(begin + count)
    await stream.send_file(file, count, begin)
    if not message.get("more_body", False) and call.trailers is None:
        await stream.end()
        call.end()


def open_file(path: str) -> tuple[BinaryIO, int]:
    """Return a file and its size in bytes.

    :raises OSError: if the path is not a readable file.
    """
    file = open(path, "rb")  # noqa: SIM115 - its caller closes it
    try:
        return file, os.fstat(file.fileno()).st_size
    except BaseException:
        file.close()
        raise


def close_opened(opened: tuple[BinaryIO, int]) -> None:
    """Close a file that will not be sent."""
    opened[0].close()

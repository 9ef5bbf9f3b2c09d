"""Closing a response, its body and its callbacks, and the files of its request.

A body that ran in a thread is closed in a thread, in the same context, when nothing else of it runs. So a
``finally`` that blocks delays its own connection only. A body that ran in the loop is closed there.
"""

import asyncio
import functools
import io
import logging
import os
from collections.abc import AsyncIterable, Callable, Coroutine
from types import GeneratorType
from typing import Any, Final, Protocol

from werkzeug.datastructures import iter_multi_items
from werkzeug.wrappers import Request, Response
from werkzeug.wsgi import FileWrapper

from kyoukai.private_names import close_callbacks, has_rolled

from ..faults import is_fault
from ..serving.strands import InStrand, Strand, take_strand
from ..serving.threads import run_in_thread

logger: Final = logging.getLogger("kyoukai.protocol")


MAX_CLASSES: Final = 64
"""The most response classes for which the result of :func:`is_plain` is kept."""

plain_classes: Final[set[type]] = set()
"""The response classes that :func:`is_plain` found plain."""


def is_plain(cls: type[Response]) -> bool:
    """Return whether a response class keeps Werkzeug's ``status`` and ``close``."""
    plain = cls.status is Response.status and cls.close is Response.close
    if plain and len(plain_classes) < MAX_CLASSES:
        plain_classes.add(cls)
    return plain


class Closable(Protocol):
    """An object with ``close()``: a request, a response, a generator."""

    def close(self) -> object:
        """Close it."""


def close_quietly(message: Closable) -> None:
    """Close a request or a response, and log what that raises."""
    try:
        message.close()
    except BaseException as exc:
        if not is_fault(exc):
            raise
        _log_closing(message, exc)


def _log_closing(message: object, exc: BaseException) -> None:
    logger.error("closing a %s failed", type(message).__name__, exc_info=exc)


class Former:
    """Closes a response that another one has replaced, and whose body the other may have read.

    :param response: the response that is not sent.
    :param in_loop: whether its body was read in the loop. Then it is closed there, and callbacks that were
        registered in a thread are called in one.
    """

    def __init__(self, response: Response, *, in_loop: bool = False) -> None:
        self.response = response
        self.in_loop = in_loop

    def __call__(self) -> None:
        """Close the response here."""
        self.response.close()


def close_both(environ: dict[str, Any], response: Response | None) -> Coroutine[Any, Any, None] | None:
    """Close a response, if there is one, and its request.

    :return: ``None`` if both are closed, or an awaitable that closes them, which may take time.
    """
    # Most bodies are in memory and need no closing.
    if response is not None and (
        type(response.response) is not list
        or response._on_close
        or not (type(response) in plain_classes or is_plain(type(response)))
    ):
        return _close_in_turn(environ, response)
    if "CONTENT_TYPE" in environ:
        return _close_request(environ)
    # Without a content type, Werkzeug has parsed no files.
    environ.pop("werkzeug.request", None)
    return None


async def _close_in_turn(environ: dict[str, Any], response: Response) -> None:
    try:
        await close_stream(response)
    finally:
        closing = _close_request(environ)
        if closing is not None:
            await closing


def _close_request(environ: dict[str, Any]) -> Coroutine[Any, Any, None] | None:
    """Close the files of a request's form; return an awaitable if some are on disk."""
    # Break the cycle: the environ and the request refer to each other.
    request = environ.pop("werkzeug.request", None)
    if request is None or "CONTENT_TYPE" not in environ:
        return None
    # Werkzeug spools uploads to disk; if the form is incomplete, only the request knows of them.
    if "files" in request.__dict__ or environ["CONTENT_TYPE"][:10].lower() == "multipart/":
        if not _is_in_memory(request):
            # Closing a large file takes time: the system frees its blocks.
            close = functools.partial(close_quietly, request)
            return run_in_thread(close, "the closing of uploaded files", is_due=True)
        close_quietly(request)
    return None


def _is_in_memory(request: Request) -> bool:
    noted = vars(request)
    streams = [file.stream for _, file in iter_multi_items(noted["files"])] if "files" in noted else []
    return not any(map(_is_on_disk, (*streams, *noted.get("file_streams", ()))))


def _is_on_disk(stream: Any) -> bool:
    # Werkzeug's SpooledTemporaryFile stays in memory while it is small.
    rolled = has_rolled(stream)
    return type(stream) is not io.BytesIO if rolled is None else rolled


async def close_stream(response: Response, strand: Strand | None = None, *, in_loop: bool = False) -> None:
    """Close a response with any kind of body, and log what that raises.

    What ran or was registered in a thread is closed in a thread, in the same context.

    :param strand: the strand in which the body was read, if the server did not read it.
    :param in_loop: whether another body has read this one in the loop. That body closes an asynchronous one.
    """
    body: Any = response.response
    strand = take_strand(body) if strand is None else strand
    try:
        # Werkzeug's Response.close calls close(); an async generator has aclose().
        aclose = None if in_loop else getattr(body, "aclose", None)
        if aclose is not None:
            await aclose()
    except BaseException as exc:
        if not is_fault(exc):
            raise
        logger.error("closing the body of a response failed", exc_info=exc)
    finally:
        await _close_parts(response, _parts(response, body, strand, in_loop), strand)


async def _close_parts(response: Response, parts: list[Callable[[], object]], strand: Strand | None) -> None:
    """Do as Werkzeug's ``Response.close``, each part in its own place, even if another one raises."""
    cancellation: asyncio.CancelledError | None = None
    for close in parts:
        try:
            if isinstance(close, Former):
                await close_stream(close.response, strand, in_loop=close.in_loop)
            elif isinstance(close, InStrand):
                await run_in_thread(
                    close.function, f"{_name(close.function)}, which closes", close.strand, is_due=True
                )
            else:
                close()
        except BaseException as exc:
            if is_fault(exc):
                _log_closing(response, exc)
            elif isinstance(exc, asyncio.CancelledError):
                cancellation = cancellation or exc
            else:
                raise
    try:
        if cancellation is not None:
            raise cancellation
    finally:
        cancellation = None  # Its traceback refers to this frame: a cycle.


def _parts(response: Response, body: Any, strand: Strand | None, in_loop: bool) -> list[Callable[[], object]]:
    """Return the functions that close a response. A function for a thread is an :class:`InStrand`."""
    has_own = type(response).close is not Response.close
    parts: list[Callable[[], object]] = []
    if has_own or hasattr(body, "close"):
        close = response.close if has_own else body.close
        is_threaded = (
            not in_loop and (strand is not None or _may_block(body)) and not (_is_over(body) and not has_own)
        )
        parts.append(InStrand(close, strand or Strand()) if is_threaded else close)
    return parts if has_own else [*parts, *close_callbacks(response)]


def _name(function: Callable[..., object]) -> str:
    name: str = getattr(function, "__qualname__", type(function).__qualname__)
    return name


def _is_over(body: Any) -> bool:
    """Return whether a body is a finished generator, which needs no closing."""
    return isinstance(body, GeneratorType) and body.gi_frame is None


def _may_block(body: Any) -> bool:
    """Return whether closing a body may block, so that it is done in a thread."""
    if isinstance(body, AsyncIterable) or not hasattr(body, "close"):
        return False
    if not isinstance(body, FileWrapper) or type(body).close is not FileWrapper.close:
        return True
    file = body.file
    if type(file) is not io.BufferedReader or type(file.raw) is not io.FileIO:
        return True
    # A file that was read and still has a name is closed at once.
    return not file.closed and (file.raw.writable() or not os.fstat(file.fileno()).st_nlink)

"""Closing what was sent: a response, its body and its callbacks, and the files of its request.

What ran in a thread is closed in a thread, in the same context, once nothing else of it runs: a ``finally``
that blocks keeps nobody but its own connection waiting. What ran in the loop is closed there.
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
"""How many classes of responses are kept of which it is known how they are read and closed."""

plain_classes: Final[set[type]] = set()
"""Classes of responses that :func:`is_plain`."""


def is_plain(cls: type[Response]) -> bool:
    """Return whether a response of this class keeps its status where Werkzeug does, and closes as it does."""
    plain = cls.status is Response.status and cls.close is Response.close
    if plain and len(plain_classes) < MAX_CLASSES:
        plain_classes.add(cls)
    return plain


class Closable(Protocol):
    """What has ``close()``: a request, a response, a generator."""

    def close(self) -> object:
        """Close it."""


def close_quietly(message: Closable) -> None:
    """Close a request or a response, and log what its closing raises."""
    try:
        message.close()
    except BaseException as exc:
        if not is_fault(exc):
            raise
        _log_closing(message, exc)


def _log_closing(message: object, exc: BaseException) -> None:
    logger.error("closing a %s failed", type(message).__name__, exc_info=exc)


class Former:
    """Closes the response whose place another took, where that may have read its body.

    :param response: the one that is not sent.
    :param in_loop: whether its body was read in the loop: it is closed there, and what a thread gave in one.
    """

    def __init__(self, response: Response, *, in_loop: bool = False) -> None:
        self.response = response
        self.in_loop = in_loop

    def __call__(self) -> None:
        """Close it where this is called."""
        self.response.close()


def close_both(environ: dict[str, Any], response: Response | None) -> Coroutine[Any, Any, None] | None:
    """Close a response, where there is one, and its request.

    :return: ``None`` if both are closed, or an awaitable that closes them: it may take a while.
    """
    # A body in memory, which most are, has nothing to be closed.
    if response is not None and (
        type(response.response) is not list
        or response._on_close
        or not (type(response) in plain_classes or is_plain(type(response)))
    ):
        return _close_in_turn(environ, response)
    if "CONTENT_TYPE" in environ:
        return _close_request(environ)
    # Werkzeug looks for no files where nothing says what the body is.
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
    """Close the files of a request's form; what is on a disk, by what is returned."""
    # The environ refers to the request as the request does to it.
    request = environ.pop("werkzeug.request", None)
    if request is None or "CONTENT_TYPE" not in environ:
        return None
    # Werkzeug spools uploaded files to disk; those of a form that broke off are the request's affair.
    if "files" in request.__dict__ or environ["CONTENT_TYPE"][:10].lower() == "multipart/":
        if not _is_in_memory(request):
            # The system frees the space of a file when it is closed, which takes a while for a large one.
            close = functools.partial(close_quietly, request)
            return run_in_thread(close, "the closing of uploaded files", is_due=True)
        close_quietly(request)
    return None


def _is_in_memory(request: Request) -> bool:
    noted = vars(request)
    streams = [file.stream for _, file in iter_multi_items(noted["files"])] if "files" in noted else []
    return not any(map(_is_on_disk, (*streams, *noted.get("file_streams", ()))))


def _is_on_disk(stream: Any) -> bool:
    # A SpooledTemporaryFile, which Werkzeug makes, is in memory as long as it is small.
    rolled = has_rolled(stream)
    return type(stream) is not io.BytesIO if rolled is None else rolled


async def close_stream(response: Response, strand: Strand | None = None, *, in_loop: bool = False) -> None:
    """Close a response, whatever its body is, and log what that raises.

    What ran in a thread, or was given in one, is closed in one, and in the same context.

    :param strand: where the body was read, if that was not by the server.
    :param in_loop: whether another body has read this one in the loop; it closes one that is asynchronous.
    """
    body: Any = response.response
    strand = take_strand(body) if strand is None else strand
    try:
        # Werkzeug's Response.close knows close(); an async generator has aclose().
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
    """Do what Werkzeug's ``Response.close`` does, each part where it belongs, whatever one of them raises."""
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
        cancellation = None  # Its traceback leads back to here: a cycle.


def _parts(response: Response, body: Any, strand: Strand | None, in_loop: bool) -> list[Callable[[], object]]:
    """Return what is called to close a response; what a thread is for is an :class:`InStrand`."""
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
    """Return whether a body is a generator that has come to its end, so that nothing is left to be closed."""
    return isinstance(body, GeneratorType) and body.gi_frame is None


def _may_block(body: Any) -> bool:
    """Return whether a body is closed in a thread, since that may take a while: not what the loop reads."""
    if isinstance(body, AsyncIterable) or not hasattr(body, "close"):
        return False
    if not isinstance(body, FileWrapper) or type(body).close is not FileWrapper.close:
        return True
    file = body.file
    if type(file) is not io.BufferedReader or type(file.raw) is not io.FileIO:
        return True
    # Of a file that is read and has a name, the system only takes the descriptor back.
    return not file.closed and (file.raw.writable() or not os.fstat(file.fileno()).st_nlink)

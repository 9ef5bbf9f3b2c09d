"""One request to a WSGI application, in one thread, from the call to ``close()`` (PEP 3333).

The head of the answer is passed on with the first piece of the body, as PEP 3333 requires. The rest goes
through a pipe, so that the thread waits for a slow client.
"""

import asyncio
import contextlib
import io
import logging
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Final, NamedTuple, Protocol, TypeGuard
from wsgiref.types import WSGIApplication

from werkzeug.wsgi import FileWrapper

from kyoukai.core.errors import ProtocolError
from kyoukai.core.exchange.body_stream import ClientGoneError
from kyoukai.core.serving.strands import note_strand, running_strand

from .pipe import Pipe, PipeBody, ReaderGoneError

logger: Final = logging.getLogger("kyoukai.wsgi")

BUFFER_SIZE: Final = 256 * 1024
"""Bytes of the body that the thread may produce ahead of the client."""


class Client(Protocol):
    """The part of a connection or an exchange that a call uses."""

    @property
    def client_gone(self) -> bool:
        """Whether the client can no longer receive anything."""


ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
OptionalExcInfo = ExcInfo | tuple[None, None, None] | None


class Begun(NamedTuple):
    """An answer whose head is known."""

    status: str
    """Code and reason."""
    headers: list[tuple[str, str]]
    body: bytes | PipeBody | FileWrapper
    """The whole body, or an iterator over it, or a file on disk, which the sender closes."""


class WSGICall:
    """Calls a WSGI application once, and passes its answer on.

    :param application: the application to call.
    :param environ: its environ. The call owns it from now on.
    :param loop: the event loop that waits for :attr:`begun`.
    :param client: its ``client_gone`` tells whether the client is gone. Then the application is not called.
    :param buffer_size: bytes of the body that the application may produce ahead of the client.
    """

    __slots__ = (
        "_application",
        "_buffer_size",
        "_client",
        "_environ",
        "_file",
        "_has_whole",
        "_headers",
        "_is_abandoned",
        "_is_sent",
        "_length",
        "_loop",
        "_pipe",
        "_status",
        "begun",
    )

    def __init__(
        self,
        application: WSGIApplication,
        environ: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        client: Client | None = None,
        buffer_size: int = BUFFER_SIZE,
    ) -> None:
        self._application = application
        self._environ = environ
        self._loop = loop
        self._client = client
        self._buffer_size = buffer_size
        self._is_abandoned = False
        self._pipe: Pipe | None = None
        self._status = ""
        self._headers: list[tuple[str, str]] = []
        self._length: str | None = None
        self._is_sent = False
        self._has_whole = False
        self._file: object = None
        self.begun: asyncio.Future[Begun] = loop.create_future()
        """The answer, as soon as its head is known, or the exception raised before that."""

    def run(self) -> None:
        """Make the call and pass its answer on, in a thread. It raises nothing."""
        if self._client is not None and self._client.client_gone:
            # The client left before a thread was free.
            self._in_loop(_reject, self.begun, ClientGoneError("the client is gone"), self._request)
            return
        result: Iterable[bytes] | None = None
        try:
            try:
                result = self._application(self._environ, self.start_response)
                self._send(result)
            finally:
                close = getattr(result, "close", None)
                if close is not None and result is not self._file:
                    close()
        except ReaderGoneError:
            logger.debug("%s: its client is gone", self._request)
        except BaseException as exc:
            # A SystemExit would end the process in the loop, and a future refuses StopIteration: make both an
            # ordinary error of this request.
            self._fail(exc if _is_usual(exc) else _wrapped(exc))

    def abandon(self) -> None:
        """Make the application's next write fail, because nobody waits for its answer."""
        self._is_abandoned = True
        if self._pipe is not None:
            self._pipe.abandon()

    def drop(self) -> None:
        """Close the unused answer, from the loop."""
        begun = self.begun
        if not begun.done():
            begun.cancel()
        elif not begun.cancelled():
            error = begun.exception()
            if error is None:
                _close(begun.result())
            elif isinstance(error, Exception):
                _log(error, self._request, "with nobody to answer")

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptionalExcInfo = None, /
    ) -> Callable[[bytes], object]:
        """Set the status and the header fields. The application calls this (PEP 3333).

        :param exc_info: the exception for which a new head replaces an earlier one.
        :return: :meth:`write`.
        :raises RuntimeError: if a head was set before, and there is no ``exc_info``.
        :raises TypeError: if the arguments do not have the types of PEP 3333.
        :raises BaseException: the exception in ``exc_info``, if the head has been sent.
        """
        try:
            if exc_info is not None and exc_info[1] is not None:
                if self._is_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            elif self._status:
                raise RuntimeError("start_response was called twice, without exc_info")
        finally:
            exc_info = None  # Its traceback refers to this frame: avoid the cycle.
        if not isinstance(status, str) or not status[:3].isdecimal():
            raise TypeError(f"the status must be a str such as '200 OK', not {status!r}")
        if not isinstance(headers, list):
            raise TypeError(f"the headers must be a list of tuples of str, not {headers!r}")
        fields, length = [], None
        for name, value in headers:
            if not isinstance(name, str) or not isinstance(value, str):
                raise TypeError(f"the headers must be a list of tuples of str, not {headers!r}")
            fields.append((name, value))
            if len(name) == 14 and name.lower() == "content-length":
                length = value
        self._headers, self._length, self._status = fields, length, status
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body. ``start_response`` returned this method.

        :raises TypeError: if the piece is not ``bytes``.
        :raises RuntimeError: if there is no status yet, or the whole body was already sent.
        :raises BrokenPipeError: if the client is gone.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI application's body must be bytes, not {data!r:.80}")
        if not data:
            return
        if self._has_whole:
            raise RuntimeError("the body is longer than its Content-Length")
        if not self._is_sent:
            if self._length == str(len(data)):
                # One write for head and body.
                self._pass_on(data)
                self._has_whole = True
                return
            self._pass_on(self._open_body())
        if self._pipe is not None:
            self._pipe.write(data)

    @property
    def _request(self) -> str:
        path = self._environ["SCRIPT_NAME"] + self._environ["PATH_INFO"]
        return f"{self._environ['REQUEST_METHOD']} {path!r}"

    def _send(self, result: Iterable[bytes]) -> None:
        """Send the body that the application returned."""
        if not self._is_sent:
            if self._length is not None and _is_file(result):
                # The server sends the file, and then closes it.
                strand = running_strand()
                if strand is not None:
                    note_strand(result, strand)
                self._pass_on(result)
                self._file, self._has_whole = result, True
                return
            if isinstance(result, list | tuple) and result:
                # PEP 3333, "Handling the Content-Length Header": a body of one piece gets a Content-Length.
                result = [result[0] if len(result) == 1 else b"".join(result)]
                if self._length is None and result[0]:
                    self._length = str(len(result[0]))
                    self._headers.append(("Content-Length", self._length))
        for piece in result:
            self.write(piece)
        if not self._is_sent:
            # An answer to HEAD may have no piece although GET would.
            is_head = self._environ["REQUEST_METHOD"] == "HEAD"
            self._pass_on(self._open_body() if is_head and self._length is None else b"")
        if self._pipe is not None:
            self._pipe.end()

    def _open_body(self) -> PipeBody:
        """Return the iterator over the pieces of the body."""
        pipe = self._pipe = Pipe(self._loop, self._buffer_size)
        if self._is_abandoned:
            # The loop sets one flag before it reads the other; this thread does it in the opposite order.
            pipe.abandon()
        return PipeBody(pipe)

    def _pass_on(self, body: Any) -> None:
        """Give the loop the head, and the body or its iterator."""
        if not self._status:
            raise RuntimeError("the WSGI application did not call start_response before its body")
        self._is_sent = True
        self._in_loop(_resolve, self.begun, Begun(self._status, self._headers, body))

    def _fail(self, error: Exception) -> None:
        """Give the loop the error, or log it if nobody waits for it."""
        if not self._is_sent:
            self._in_loop(_reject, self.begun, error, self._request)
        elif self._pipe is None or not self._pipe.end(error):
            _log(error, self._request, "after its answer")

    def _in_loop(self, function: Callable[..., None], *args: Any) -> None:
        # The loop is closed, so nobody waits.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)


def _is_file(result: object) -> bool:
    """Return whether the server can send the body itself, because it is a file on disk."""
    return type(result) is FileWrapper and isinstance(result.file, io.BufferedReader | io.FileIO)


def _is_usual(exc: BaseException) -> TypeGuard[Exception]:
    return isinstance(exc, Exception) and not isinstance(exc, StopIteration)


def _wrapped(exc: BaseException) -> RuntimeError:
    error = RuntimeError(f"the WSGI application raised {exc!r}")
    error.__cause__ = exc
    return error


def _close(begun: Begun) -> None:
    if not isinstance(begun.body, bytes):
        begun.body.close()


def _resolve(future: "asyncio.Future[Begun]", begun: Begun) -> None:
    if future.done():
        _close(begun)  # The waiting task was cancelled.
    else:
        future.set_result(begun)


def _reject(future: "asyncio.Future[Begun]", error: Exception, name: str) -> None:
    if future.done():
        _log(error, name, "with nobody to answer")
    else:
        future.set_exception(error)


def _log(error: Exception, name: str, when: str) -> None:
    """Log an exception that nobody handles. One that the client caused is logged at DEBUG."""
    level = logging.DEBUG if isinstance(error, ClientGoneError | ProtocolError) else logging.ERROR
    logger.log(level, "%s: the WSGI application failed, %s", name, when, exc_info=error)

"""One request as a WSGI application answers it: in one thread, from the call to ``close()`` (PEP 3333).

The head of the answer is passed on with the first piece of the body, as PEP 3333 has it; the rest goes
through a pipe, so that the thread is as fast as the client.
"""

import asyncio
import contextlib
import io
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from types import TracebackType
from typing import Any, Final, TypeGuard
from wsgiref.types import WSGIApplication

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from kyoukai.core.errors import ProtocolError
from kyoukai.core.exchange.body_stream import ClientGoneError
from kyoukai.core.exchange.closing import close_stream
from kyoukai.core.serving.strands import Strand, note_strand
from kyoukai.core.serving.threads import Work, outlast, threads, watch

from .pipe import Pipe, PipeBody, ReaderGoneError
from .wrappers import Response as OwnResponse

logger: Final = logging.getLogger("kyoukai.web")

ExcInfo = tuple[type[BaseException], BaseException, TracebackType]
OptionalExcInfo = ExcInfo | tuple[None, None, None] | None


class WSGICall:
    """Calls a WSGI application once, and makes a response of what it does.

    :param application: what is called.
    :param environ: its environ.
    :param loop: the loop that waits for :attr:`response`.
    :param buffer_size: bytes of the body that the application may be ahead of the client.
    """

    def __init__(
        self,
        application: WSGIApplication,
        environ: dict[str, Any],
        loop: asyncio.AbstractEventLoop,
        buffer_size: int,
    ) -> None:
        self._application = application
        self._environ = environ
        self._loop = loop
        self._pipe = Pipe(loop, buffer_size)
        self._status = ""
        self._headers = Headers()
        self._is_sent = False
        self._has_whole = False
        self._file: object = None
        self._strand: Strand | None = None
        self.response: asyncio.Future[Response] = loop.create_future()
        """The answer, as soon as its head is known, or what the application raised before."""

    def run(self) -> None:
        """Do all that there is to do; in a thread. Nothing is raised here."""
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
            logger.debug("%s: its client is gone", self._name)
        except BaseException as exc:
            # What would end the process if it got into the loop, and what a future does not take,
            # is an error of this one request.
            self._fail(exc if _is_usual(exc) else _wrapped(exc))

    async def answer(self, pool: Executor, name: str) -> Response:
        """Have a thread do it, and return the answer as soon as its head is known.

        A cancellation waits for the thread, which is told of it when it next writes.

        :param pool: whose thread.
        :param name: what the log calls the application.
        :raises Exception: what the application raised before.
        """
        # What the application finds is this request's context, as a handler does.
        self._strand = strand = Strand()
        work = Work(self.run, strand, name)
        running = threads.get().begin(work, pool)
        try:
            await watch(self.response)
        except asyncio.CancelledError:
            self.abandon()
            if work.withdraw():
                running.cancel()  # It never will begin.
            else:
                await self._outlast(running)
            raise
        return self.response.result()

    def abandon(self) -> None:
        """Let the application know, when it next writes, that nobody waits for its answer."""
        self._pipe.abandon()

    async def _outlast(self, running: "asyncio.Future[Any]") -> None:
        """Wait until the thread has let go, and close what it has answered to nobody."""
        try:
            await outlast(running)
        finally:
            # From now on, it would be for nobody.
            if not self.response.cancel():
                error = self.response.exception()
                if isinstance(error, Exception):
                    _log(error, self._name, "with nobody to answer")
                else:
                    await close_stream(self.response.result())

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: OptionalExcInfo = None, /
    ) -> Callable[[bytes], object]:
        """Take status and header fields; what PEP 3333 has an application call.

        :param exc_info: why they take the place of those that were given before.
        :return: :meth:`write`.
        :raises RuntimeError: if they were given before, and there is no ``exc_info``.
        :raises TypeError: if they are not of the types that PEP 3333 has.
        :raises BaseException: that of ``exc_info``, if the head has been sent.
        """
        try:
            if exc_info is not None and exc_info[1] is not None:
                if self._is_sent:
                    raise exc_info[1].with_traceback(exc_info[2])
            elif self._status:
                raise RuntimeError("start_response was called twice, without exc_info")
        finally:
            exc_info = None  # Its traceback leads back to here: a cycle.
        if not isinstance(status, str) or not status[:3].isdecimal():
            raise TypeError(f"the status must be a str such as '200 OK', not {status!r}")
        if not isinstance(headers, list):
            raise TypeError(f"the headers must be a list of tuples of str, not {headers!r}")
        self._headers = Headers(headers)
        self._status = status
        return self.write

    def write(self, data: bytes) -> None:
        """Send a piece of the body: what ``start_response`` returned.

        :raises TypeError: if it is not ``bytes``.
        :raises RuntimeError: if there is no status yet, or there was a whole body already.
        :raises BrokenPipeError: if the client is gone.
        """
        if not isinstance(data, bytes):
            raise TypeError(f"a WSGI application's body must be bytes, not {data!r:.80}")
        if not data:
            return
        if self._has_whole:
            raise RuntimeError("the body is longer than its Content-Length")
        if not self._is_sent:
            if self._headers.get("Content-Length") == str(len(data)):
                # One write for head and body.
                self._pass_on([data])
                self._has_whole = True
                return
            self._pass_on(PipeBody(self._pipe))
        self._pipe.write(data)

    @property
    def _name(self) -> str:
        path = self._environ["SCRIPT_NAME"] + self._environ["PATH_INFO"]
        return f"{self._environ['REQUEST_METHOD']} {path!r}"

    def _send(self, result: Iterable[bytes]) -> None:
        """Send what the application returned."""
        if not self._is_sent and "Content-Length" in self._headers and _is_file(result):
            # The server sends it, and closes it then.
            if self._strand is not None:
                note_strand(result, self._strand)
            self._pass_on(result)
            self._file, self._has_whole = result, True
            return
        if not self._is_sent and isinstance(result, list | tuple) and len(result) > 1:
            result = [b"".join(result)]
            self._headers.setdefault("Content-Length", str(len(result[0])))
        elif not self._is_sent and isinstance(result, list | tuple) and result and result[0]:
            # PEP 3333, "Handling the Content-Length Header": one piece is all there is.
            self._headers.setdefault("Content-Length", str(len(result[0])))
        for piece in result:
            self.write(piece)
        if not self._is_sent:
            # That of HEAD would have had one, for all that is known.
            is_head = self._environ["REQUEST_METHOD"] == "HEAD"
            self._pass_on(PipeBody(self._pipe) if is_head and "Content-Length" not in self._headers else [])
        self._pipe.end()

    def _pass_on(self, body: object) -> None:
        """Let the loop have the head, and the body or what it comes by."""
        if not self._status:
            raise RuntimeError("the WSGI application did not call start_response before its body")
        response = OwnResponse([], self._status)
        response.headers = self._headers
        response.response = body  # type: ignore[assignment]
        self._is_sent = True
        self._in_loop(_resolve, self.response, response)

    def _fail(self, error: Exception) -> None:
        """Let the loop have what went wrong, or log it where nobody would take it."""
        if not self._is_sent:
            self._in_loop(_reject, self.response, error, self._name)
        elif self._has_whole or not self._pipe.end(error):
            _log(error, self._name, "after its answer")

    def _in_loop(self, function: Callable[..., None], *args: Any) -> None:
        # A loop that is closed waits for nothing.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(function, *args)


def _is_file(result: object) -> bool:
    """Return whether the server can send it by itself: a file as it lies on the disk."""
    return type(result) is FileWrapper and isinstance(result.file, io.BufferedReader | io.FileIO)


def _is_usual(exc: BaseException) -> TypeGuard[Exception]:
    return isinstance(exc, Exception) and not isinstance(exc, StopIteration)


def _wrapped(exc: BaseException) -> RuntimeError:
    error = RuntimeError(f"the WSGI application raised {exc!r}")
    error.__cause__ = exc
    return error


def _resolve(future: "asyncio.Future[Response]", response: Response) -> None:
    if future.done():
        response.close()  # Whoever waited was cancelled.
    else:
        future.set_result(response)


def _reject(future: "asyncio.Future[Response]", error: Exception, name: str) -> None:
    if future.done():
        _log(error, name, "with nobody to answer")
    else:
        future.set_exception(error)


def _log(error: Exception, name: str, when: str) -> None:
    """Log what an application raised that nobody takes; what its client did is no fault of it."""
    level = logging.DEBUG if isinstance(error, ClientGoneError | ProtocolError) else logging.ERROR
    logger.log(level, "%s: the WSGI application failed, %s", name, when, exc_info=error)

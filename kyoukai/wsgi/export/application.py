"""The WSGI callable (PEP 3333) for a Kyoukai application.

The threads of the WSGI server wait while the application answers in the one event loop of the process,
through its export to ASGI.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

from kyoukai.asgi.export.application import ASGIExport

from .call import Call
from .scope import read_scope


class WSGIExport:
    """Makes a WSGI application of a Kyoukai application of either form.

    The event loop runs in a thread of its own. It and the application start with the first request of a
    process, after a server has forked. Both stop with the process, or by :meth:`close`.

    :param app: the application, or ``module:attribute``.
    :param settings: those of :class:`~kyoukai.asgi.ASGIExport`.
    :raises ConfigurationError: if a setting is invalid.
    """

    def __init__(self, app: Any = None, **settings: Any) -> None:
        self._export = ASGIExport(app, **settings)
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._pid = 0

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request of a WSGI server (PEP 3333).

        :param environ: the request.
        :param start_response: called with status and header fields.
        :return: the body, in pieces.
        :raises BaseException: an exception from the start of the application.
        """
        loop = self._loop
        if loop is None or self._pid != os.getpid():
            loop = self._begin()
        call = Call(environ, start_response, loop)
        asyncio.run_coroutine_threadsafe(self._answer(read_scope(environ), call), loop)
        return call.begin()

    async def _answer(self, scope: dict[str, Any], call: Call) -> None:
        failure: BaseException | None = None
        try:
            await self._export(scope, call.receive, call.send)
        except BaseException as exc:
            failure = exc
        call.end(failure)

    def close(self) -> None:
        """Stop the application and end its loop. The next request starts both again.

        :raises BaseException: an exception from the stop.
        """
        with self._lock:
            loop, thread = self._loop, self._thread
            self._loop = self._thread = None
            if loop is None or thread is None or self._pid != os.getpid():
                return
        atexit.unregister(self.close)
        try:
            asyncio.run_coroutine_threadsafe(self._stop(loop), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    async def _stop(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            await self._export.stop()
        finally:
            await loop.shutdown_asyncgens()
            await loop.shutdown_default_executor()

    def _begin(self) -> asyncio.AbstractEventLoop:
        """Return the loop of this process, and start it if there is none."""
        with self._lock:
            if self._loop is None or self._pid != os.getpid():
                self._loop = asyncio.new_event_loop()
                self._pid = os.getpid()
                self._thread = threading.Thread(target=self._loop.run_forever, name="kyoukai", daemon=True)
                self._thread.start()
                atexit.register(self.close)
            return self._loop

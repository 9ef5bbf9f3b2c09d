"""Hosting a WSGI application (PEP 3333) such as one of Flask or Django."""

import asyncio
import inspect
import logging
import os
from typing import TYPE_CHECKING, Any, Final, NoReturn
from wsgiref.types import WSGIApplication as Function

from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from kyoukai.core.applications.answer_stream import check_unanswered
from kyoukai.core.applications.exchange_calls import write_answer
from kyoukai.core.errors import ConfigurationError, ProtocolError, identified
from kyoukai.core.exchange.closing import close_stream
from kyoukai.core.exchange.environ import build_environ
from kyoukai.core.semantics.methods import ALL
from kyoukai.core.serving.application import BodyPlan
from kyoukai.core.serving.threads import max_threads

from .call import WSGICall
from .environ import adapt
from .heads import find_head
from .workers import Workers

if TYPE_CHECKING:
    from asphalt.core import Context

    from kyoukai.core.exchange.exchange import Exchange

logger: Final = logging.getLogger("kyoukai.wsgi")

MAX_WAITING: Final = 1000
"""The most requests that may wait for a thread. Precedent: gunicorn's ``worker_connections``."""

RETRY_AFTER: Final = 1
"""Seconds in ``Retry-After`` of a 503, when too many requests wait."""

STREAMED: Final = BodyPlan(stream=True)


class WSGIApplication:
    """Answers each request in a thread by calling a WSGI application (PEP 3333).

    It is an application of :class:`the lower form <kyoukai.ExchangeApplication>`, so no Werkzeug request is
    made. Request bodies are read as they arrive; answers are sent as fast as the client reads. ``close()`` is
    called once, even if the client disconnects. If the client disconnects before a thread is free, the
    application is not called.

    :param application: called with environ and ``start_response``.
    :param threads: how many requests run at a time. ``None``: ``max_threads``, or the number of cores plus 4,
        at most 32.
    :param max_waiting: how many more requests may wait for a thread. Further ones get a 503.
    :param root_path: the path prefix that a proxy has removed, ``SCRIPT_NAME``. A prefix from a trusted proxy
        overrides it.
    :raises ConfigurationError: if the application is not callable or is a coroutine function, or a setting is
        invalid.
    """

    interface = "wsgi"
    plans_every_body = False
    declared_methods = frozenset({ALL})
    """Empty: the application decides which methods exist."""

    def __init__(
        self,
        application: Function,
        *,
        threads: int | None = None,
        max_waiting: int = MAX_WAITING,
        root_path: str = "",
    ) -> None:
        if not callable(application):
            raise ConfigurationError(f"a WSGI application must be a function, not {application!r}")
        called = (application, type(application).__call__)
        if any(map(inspect.iscoroutinefunction, called)):
            raise ConfigurationError(f"{_describe(application)} is a coroutine function, and none of WSGI is")
        if not isinstance(root_path, str) or (root_path and not root_path.startswith("/")):
            raise ConfigurationError(f"root_path is {root_path!r}; it must be empty, or begin with a slash")
        if threads is not None:
            _check_number("threads", threads, 1)
        _check_number("max_waiting", max_waiting, 0)
        self.application = application
        self.threads = threads or max_threads.get() or min(32, (os.cpu_count() or 1) + 4)
        self.max_waiting = max_waiting
        self._workers = Workers(_describe(application), self.threads)
        # PEP 3333, "Unicode Issues": each byte of a path is the character with that number.
        self._root_path = root_path.rstrip("/").encode().decode("latin-1")
        self._is_full = False

    def __repr__(self) -> str:
        return f"<WSGIApplication {self._workers.name} in {self.threads} threads>"

    @property
    def lifecycle(self) -> "WSGIApplication":
        """The object that starts and stops the application: itself."""
        return self

    async def start(self, ctx: "Context") -> None:
        """Do nothing: threads start when they are first needed."""

    async def stop(self, grace: float, abort: asyncio.Event | None = None) -> None:
        """End the threads. The server calls this when it has waited for them.

        :param grace: unused, like ``abort``.
        """
        self._workers.stop()

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        """Return a plan that streams every body."""
        return STREAMED

    async def process_exchange(self, exchange: "Exchange", parent_context: "Context") -> None:
        """Answer one request.

        :raises ServiceUnavailable: if too many requests wait.
        :raises Exception: any exception of the application.
        """
        workers = self._workers
        if len(workers.jobs) - self.threads >= self.max_waiting:
            self._refuse()
        if self._is_full and len(workers.jobs) <= self.threads:
            self._is_full = False
        call = WSGICall(self.application, self._make_environ(exchange), exchange.owner.loop, exchange)
        try:
            status, headers, body = await workers.answer(call)
        except ProtocolError:
            raise  # The error of the request's body has its own status.
        except HTTPException as exc:
            # An HTTPException would become the answer. PEP 3333 treats it like any other exception.
            raise RuntimeError("the WSGI application raised an HTTP error") from exc
        try:
            check_unanswered(exchange)
            size = len(body) if isinstance(body, bytes) else None
            head = find_head(status, headers, size, exchange.head.method)
            rest = write_answer(exchange, head, body)
            if rest is not None:
                await rest
        finally:
            if isinstance(body, FileWrapper):
                await close_stream(Response(body, direct_passthrough=True))
            elif not isinstance(body, bytes):
                body.close()

    def _make_environ(self, exchange: "Exchange") -> dict[str, Any]:
        environ = build_environ(exchange.head, exchange.environ, exchange.body, exchange.content)
        forwarding = exchange.server.forwarding
        if forwarding is not None:
            forwarding.apply(environ)
        if self._root_path and not environ["SCRIPT_NAME"]:
            environ["SCRIPT_NAME"] = self._root_path
        adapt(environ)
        environ["wsgi.multithread"] = self.threads > 1
        return environ

    def _refuse(self) -> NoReturn:
        """Refuse a request because too many are waiting.

        :raises ServiceUnavailable: always.
        """
        if not self._is_full:
            self._is_full = True
            text = "%s: all of %d threads are taken, and %d requests wait; further ones are answered with 503"
            logger.warning(text, self._workers.name, self.threads, self.max_waiting)
        raise identified(ServiceUnavailable(retry_after=RETRY_AFTER), "threads-busy")


def _describe(application: Any) -> str:
    """Return the name by which the author will recognize an application."""
    named = application if hasattr(application, "__qualname__") else type(application)
    return f"{named.__module__}.{named.__qualname__}"


def _check_number(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} is {value!r}; it must be a whole number, at least {least}")

"""WSGI applications mounted at a URL prefix, such as Flask's or Django's.

Each request is answered in a thread of the application's own pool. The application sees the environ of PEP
3333, with the prefix in ``SCRIPT_NAME``.
"""

import asyncio
from typing import Any, Final
from wsgiref.types import WSGIApplication

from werkzeug.datastructures import Headers
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.wsgi.call import Begun, WSGICall
from kyoukai.wsgi.environ import adapt
from kyoukai.wsgi.workers import Workers

from .calling import describe, is_coroutine_function
from .context import HTTPRequestContext
from .mounts import Mount, split_path
from .wrappers import Response as OwnResponse

THREADS: Final = 10
"""The default number of threads of an application, as in cheroot and a2wsgi."""


class WSGIMount(Mount):
    """A WSGI application, as a handler.

    :param application: called with environ and ``start_response`` (PEP 3333).
    :param threads: how many requests it answers at a time; others wait.
    :raises ConfigurationError: if it cannot be called, is a coroutine function, or ``threads`` is below 1.
    """

    def __init__(self, application: WSGIApplication, threads: int = THREADS) -> None:
        # Do not check the signature: decorators such as Werkzeug's hide it.
        if not callable(application):
            raise ConfigurationError(f"a WSGI application must be a function, not {application!r}")
        if is_coroutine_function(application):
            raise ConfigurationError(
                f"{describe(application)} is a coroutine function, not a WSGI application"
            )
        if not isinstance(threads, int) or isinstance(threads, bool) or threads < 1:
            raise ConfigurationError(f"threads must be an int above 0, not {threads!r}")
        super().__init__(application)
        self.threads = threads
        self._workers = Workers(describe(application), threads)

    async def __call__(self, ctx: HTTPRequestContext, rest: str | None = None, **params: Any) -> Response:
        """Answer a request: see :class:`~kyoukai.wsgi.call.WSGICall`.

        :param rest: the path after the prefix and a slash; ``None``: the path is the prefix without a slash.
        :param params: values of the variables in the prefix.
        :raises Exception: an exception of the application before its answer began.
        """
        environ = make_environ(ctx.environ, rest, params)
        environ["wsgi.multithread"] = self.threads > 1
        return await self.answer(environ, ctx.environ.get("kyoukai.protocol"))

    async def answer(self, environ: dict[str, Any], client: Any = None) -> Response:
        """Return the application's answer.

        :param environ: the environ for the application, which becomes its own.
        :param client: its ``client_gone`` tells whether the client still waits.
        :raises Exception: an exception of the application before its answer began.
        """
        call = WSGICall(self.application, environ, asyncio.get_running_loop(), client)
        return _make_response(await self._workers.answer(call))


def make_environ(environ: dict[str, Any], rest: str | None, params: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of a mounted application, with the prefix in ``SCRIPT_NAME``.

    :param rest: see :class:`WSGIMount`. The path itself is kept byte for byte as sent.
    """
    own = environ.copy()
    own.pop("werkzeug.request", None)
    adapt(own)
    script, path = split_path(own["PATH_INFO"], rest)
    own["SCRIPT_NAME"] = own.get("SCRIPT_NAME", "").rstrip("/") + script
    own["PATH_INFO"] = path
    if params:
        # https://wsgi.readthedocs.io/en/latest/specifications/routing_args.html
        own["wsgiorg.routing_args"] = ((), params)
    return own


def _make_response(begun: Begun) -> Response:
    """Return the application's answer as a response, which closes its body."""
    body = begun.body
    try:
        response = OwnResponse([], begun.status)
        response.headers = Headers(begun.headers)
    except BaseException:
        if not isinstance(body, bytes):
            body.close()
        raise
    if not isinstance(body, bytes):
        response.response = body  # type: ignore[assignment]
    elif body:
        response.response = [body]
    return response

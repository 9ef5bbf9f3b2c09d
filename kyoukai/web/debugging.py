"""Debug mode: Werkzeug's debugger and its console answer exceptions without an error handler.

A user of the console has all rights of the server process. So the debugger is shown only to a client on this
machine that uses a name of this machine, for example ``localhost``, without a proxy that announces itself.
The console asks for the PIN in the log. Other clients get the usual 500.
"""

import io
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

from asphalt.core import Context
from werkzeug import wrappers
from werkzeug.debug import DebuggedApplication
from werkzeug.debug.tbtools import DebugTraceback

from kyoukai.core.exchange.error_response import OFFERED
from kyoukai.server.locality import comes_from_here

from .wrappers import Response
from .wsgi import WSGIMount

logger: Final = logging.getLogger("kyoukai.web")

ProcessRequest = Callable[[wrappers.Request, Context], Awaitable[wrappers.Response]]

ERROR: Final = "kyoukai.debugged_error"
"""The environ variable that passes an exception to Werkzeug's debugger."""


class Debugger:
    """Werkzeug's debugger for one application.

    :param process_request: answers requests that are not for the debugger.
    """

    def __init__(self, process_request: ProcessRequest) -> None:
        self._process_request = process_request
        self._debugged = DebuggedApplication(_raise_again, evalex=True)
        # Evaluating console input may take any time.
        self._mount = WSGIMount(self._debugged, threads=4)
        warn(self._debugged)

    async def process_request(self, request: wrappers.Request, parent_context: Context) -> wrappers.Response:
        """Answer a request of the debugger's page; pass others to the application."""
        if request.args.get("__debugger__") == "yes" and self.is_for(request.environ):
            return await self._mount.answer(_debug_environ(request))
        return await self._process_request(request, parent_context)

    def is_for(self, environ: dict[str, Any]) -> bool:
        """Return whether the client of a request may see the debugger."""
        return may_see(self._debugged, environ)

    async def page(self, request: wrappers.Request, error: Exception) -> wrappers.Response | None:
        """Return the page for an exception, or ``None`` if the client may not see it.

        :return: the debugger for a client that prefers HTML, the traceback as text for others.
        """
        if not self.is_for(request.environ):
            return None
        accepted = (
            request.accept_mimetypes.best_match(OFFERED, OFFERED[0]) if request.accept_mimetypes else ""
        )
        if accepted != "text/html":
            text = DebugTraceback(error).render_traceback_text()
            return Response(text, 500, mimetype="text/plain")
        return await self._mount.answer(_debug_environ(request) | {ERROR: error})


def warn(debugged: DebuggedApplication) -> None:
    """Log that the debugger is on, and the PIN of its console."""
    logger.warning(
        "debug mode, never for production: clients on this machine see the debugger, whose PIN is %s",
        debugged.pin or "off",
    )


def may_see(debugged: DebuggedApplication, environ: dict[str, Any]) -> bool:
    """Return whether the client of a request may see a debugger."""
    # DNS rebinding: another site's name may resolve to this machine.
    return comes_from_here(environ) and debugged.check_host_trust(environ)


def _debug_environ(request: wrappers.Request) -> dict[str, Any]:
    environ = request.environ.copy()
    environ.pop("werkzeug.request", None)
    # The log already has the traceback.
    environ["wsgi.errors"] = io.StringIO()
    return environ


def _raise_again(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Raise the exception for the debugger: a WSGI application."""
    __traceback_hide__ = True
    error = environ.pop(ERROR, None)
    if error is None:
        # An unknown request of the debugger's page, for example from before a restart.
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    raise error

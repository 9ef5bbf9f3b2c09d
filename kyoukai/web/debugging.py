"""Debug mode: an exception that nothing claims is answered with Werkzeug's debugger, and its console.

Who can use the console can do on this machine what the server can. So the debugger is shown to none
but a client on this machine that asks by a name of this machine, ``localhost`` say, with no proxy between
that says so, and the console asks for the PIN that is in the log. Everyone else gets the 500 that there is
without debug mode.
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
"""The environ's variable that an exception is handed to Werkzeug's debugger by."""


class Debugger:
    """Werkzeug's debugger for one application.

    :param process_request: what answers all that is not for the debugger.
    """

    def __init__(self, process_request: ProcessRequest) -> None:
        self._process_request = process_request
        self._debugged = DebuggedApplication(_raise_again, evalex=True)
        # To evaluate what is typed into a console may take as long as it likes.
        self._mount = WSGIMount(self._debugged, threads=4)
        warn(self._debugged)

    async def process_request(self, request: wrappers.Request, parent_context: Context) -> wrappers.Response:
        """Answer a request of the debugger's page; leave others to the application."""
        if request.args.get("__debugger__") == "yes" and self.is_for(request.environ):
            return await self._mount.answer(_debug_environ(request))
        return await self._process_request(request, parent_context)

    def is_for(self, environ: dict[str, Any]) -> bool:
        """Return whether the client of a request may see the debugger."""
        return may_see(self._debugged, environ)

    async def page(self, request: wrappers.Request, error: Exception) -> wrappers.Response | None:
        """Return what shows an exception, or nothing where the client may not see it.

        :return: the debugger to a client that accepts HTML best, the traceback as text to others.
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
    """Log that there is a debugger, and the PIN of its console."""
    logger.warning(
        "debug mode, never for production: clients on this machine see the debugger, whose PIN is %s",
        debugged.pin or "off",
    )


def may_see(debugged: DebuggedApplication, environ: dict[str, Any]) -> bool:
    """Return whether the client of a request may see a debugger."""
    # A page of another site can have its own name lead to this machine.
    return comes_from_here(environ) and debugged.check_host_trust(environ)


def _debug_environ(request: wrappers.Request) -> dict[str, Any]:
    environ = request.environ.copy()
    environ.pop("werkzeug.request", None)
    # The traceback is in the log already.
    environ["wsgi.errors"] = io.StringIO()
    return environ


def _raise_again(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Raise what the debugger is to show: a WSGI application."""
    __traceback_hide__ = True
    error = environ.pop(ERROR, None)
    if error is None:
        # A request of the debugger's page that it does not know, such as one of before a restart.
        start_response("404 Not Found", [("Content-Length", "0")])
        return []
    raise error

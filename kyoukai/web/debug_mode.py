"""Turns on debug mode: the application's own, and Werkzeug's debugger if available."""

import logging
from collections.abc import Iterable
from typing import Any, Final
from wsgiref.types import StartResponse, WSGIApplication

from werkzeug.debug import DebuggedApplication

from kyoukai.asgi import ASGIApplication
from kyoukai.core.errors import ConfigurationError
from kyoukai.wsgi import WSGIApplication as HostedWSGI

from .application import Kyoukai
from .debugging import may_see, warn

logger: Final = logging.getLogger("kyoukai.web")


def set_debug_mode(app: Any) -> None:
    """Put an application into debug mode.

    An ASGI or WSGI application with an attribute ``debug``, such as Flask's or Starlette's, gets it set.
    Werkzeug's debugger shows exceptions of a WSGI application to clients on this machine.

    :param app: the application as it is served.
    :raises ConfigurationError: if it has no debug mode.
    """
    if isinstance(app, Kyoukai):
        app.debug = True
    elif isinstance(app, HostedWSGI):
        _tell(app.application)
        app.application = DebuggedWSGI(app.application)
    elif not isinstance(app, ASGIApplication):
        raise ConfigurationError(f"debug needs an application of the class Kyoukai, not {app!r}")
    elif _tell(app.application):
        logger.warning(
            "debug mode is on, never for production: every client sees the application's error pages"
        )
    else:
        raise ConfigurationError(
            f"debug needs an application that has a debug mode: {app.application!r} has no attribute debug"
        )


class DebuggedWSGI:
    """A WSGI application with Werkzeug's debugger for clients on this machine.

    :param application: the application whose exceptions are shown.
    """

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application
        self._debugged = DebuggedApplication(application, evalex=True)
        warn(self._debugged)

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        if may_see(self._debugged, environ):
            return self._debugged(environ, start_response)
        return self._application(environ, start_response)


def _tell(application: Any) -> bool:
    """Turn on an application's own debug mode; return whether it has one."""
    if not isinstance(getattr(application, "debug", None), bool):
        return False
    application.debug = True
    return True

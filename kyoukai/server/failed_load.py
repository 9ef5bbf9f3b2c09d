"""In development, serve an error page in place of an application that cannot be loaded.

A browser then shows the error instead of a refused connection, and saving a corrected file loads the
application.
"""

import html
import logging
from collections.abc import Mapping
from typing import Any, Final

from werkzeug.sansio.utils import host_is_trusted
from werkzeug.wrappers import Request, Response

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.applications import resolve_application
from kyoukai.server.locality import comes_from_here
from kyoukai.server.tracebacks import format_users_part

logger: Final = logging.getLogger("kyoukai.server")

HOSTS: Final = [".localhost", "127.0.0.1", "[::1]"]

PAGE: Final = (
    "<!doctype html><title>The application cannot be loaded</title>"
    "<h1>The application cannot be loaded</h1><pre>{}</pre>"
    "<p>It is loaded again as soon as a file is saved; then reload this page.</p>\n"
)


class FailedLoad:
    """Answers every request with 500. Clients on this machine also get the reason.

    :param reason: the text of the page.
    """

    request_class = Request

    def __init__(self, reason: str) -> None:
        self.reason = reason

    def finalize(self) -> None:
        """Log the error. Called when logging has been set up."""
        logger.error(
            "the application cannot be loaded; an error page is served until a file is saved:\n%s",
            self.reason,
        )

    async def process_request(self, request: Request, parent_context: object) -> Response:
        """Answer a request."""
        headers = {"Cache-Control": "no-store"}
        # Check the Host: a page of another site can make its own name resolve to this machine (DNS
        # rebinding).
        if comes_from_here(request.environ) and host_is_trusted(request.environ.get("HTTP_HOST"), HOSTS):
            return Response(PAGE.format(html.escape(self.reason)), 500, headers, mimetype="text/html")
        return Response("Internal Server Error\n", 500, headers, mimetype="text/plain")


def load_or_explain(settings: Mapping[str, Any]) -> Any:
    """Return the application of a component's settings, or an error page if it cannot be loaded."""
    try:
        return resolve_application(settings["app"], settings)
    except ConfigurationError as error:
        reason = str(error)
    except (Exception, SystemExit) as error:
        reason = format_users_part(error)
    return FailedLoad(reason)

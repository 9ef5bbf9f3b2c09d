"""Naming a request and its handler in a log line about an answer that cannot be sent.

The connection does not know the handler. The application is asked only when there is something to log.
"""

from typing import Any

from ..faults import is_fault
from .request_ids import named


def origin(app: object, environ: dict[str, Any]) -> str:
    """Return the id of a request, and its handler if known, for the end of a log line.

    :param app: an application that may have ``name_handler(environ)``.
    :param environ: the request's. If the server answered by itself, it has no path, and the result is empty.
    """
    if "PATH_INFO" not in environ:
        return ""
    request = named(environ)
    name_handler = getattr(app, "name_handler", None)
    if name_handler is None:
        return request
    try:
        # A copy, so that the application cannot change the environ.
        name = name_handler(dict(environ))
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # The application finds the route again, which may fail as it did before.
        return request
    return f"{request}; its handler is {name}" if name else request

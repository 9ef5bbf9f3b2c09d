"""Which request it was and whose answer, for a line of the log about one that cannot be sent.

The connection does not know, and an application that answers well is never asked.
"""

from typing import Any

from ..faults import is_fault
from .request_ids import named


def origin(app: object, environ: dict[str, Any]) -> str:
    """Return the id of a request, and who answers it where that is known, as the end of a line of the log.

    :param app: an application that may have ``name_handler(environ)``.
    :param environ: of the request; one that the server answered by itself has no path.
    """
    if "PATH_INFO" not in environ:
        return ""
    request = named(environ)
    name_handler = getattr(app, "name_handler", None)
    if name_handler is None:
        return request
    try:
        # What the handler left in the environ stays its own.
        name = name_handler(dict(environ))
    except BaseException as exc:
        if not is_fault(exc):
            raise
        # It finds the route anew, by code of the application's, which may fail as it has failed before.
        return request
    return f"{request}; its handler is {name}" if name else request

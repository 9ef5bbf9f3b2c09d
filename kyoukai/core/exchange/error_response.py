"""The short answer that an HTTP error becomes, in the form that the client accepts best."""

import json
from html import escape
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

# In the order of preference where the client has none: `*/*` of a command-line client gets text.
OFFERED: Final = ("text/plain", "text/html", "application/json", "application/problem+json")

HTML: Final = (
    '<!doctype html>\n<html lang="en">\n<title>{code} {name}</title>\n'
    "<h1>{name}</h1>\n<p>{description}</p>\n</html>\n"
)


def error_response(
    error: HTTPException, accept: str = "", response_class: type[Response] = Response
) -> Response:
    """Return the answer that ``error`` means.

    :param error: gives the status, the description and, by ``get_headers``, further fields such as
        ``Allow`` or ``Retry-After``. An error that carries a whole response keeps it. What it has as
        ``problem_members``, a mapping, JSON has too (RFC 9457 section 3.2).
    :param accept: the request's ``Accept`` field, or nothing.
    :param response_class: the class of the answer.
    """
    if error.response is not None:
        return error.get_response()
    code = error.code or 500
    name, description = error.name, error.description or error.name
    mimetype = (
        parse_accept_header(accept, MIMEAccept).best_match(OFFERED, OFFERED[0]) if accept else OFFERED[0]
    )
    if mimetype == "text/html":
        body = HTML.format(code=code, name=escape(name), description=escape(description))
    elif mimetype == "text/plain":
        body = f"{code} {name}: {description}\n"
    else:
        # RFC 9457 section 3.1: these three members are defined there.
        members = {"status": code, "title": name, "detail": description}
        body = json.dumps(members | dict(getattr(error, "problem_members", ()))) + "\n"
    response = response_class(body, status=code, mimetype=mimetype)
    for field, value in error.get_headers():
        if field.lower() != "content-type":
            response.headers.add(field, value)
    return response

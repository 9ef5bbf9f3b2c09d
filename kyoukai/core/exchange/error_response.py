"""The short response for an HTTP error, in the format that the client prefers."""

import json
from html import escape
from typing import Final

from werkzeug.datastructures import MIMEAccept
from werkzeug.exceptions import HTTPException
from werkzeug.http import parse_accept_header
from werkzeug.wrappers import Response

from ..errors import identifier_of

# In the server's order of preference: the `*/*` of a command-line client gets text.
OFFERED: Final = ("text/plain", "text/html", "application/json", "application/problem+json")

HTML: Final = (
    '<!doctype html>\n<html lang="en">\n<title>{code} {name}</title>\n'
    "<h1>{name}</h1>\n<p>{description}</p>\n{refusal}</html>\n"
)


def error_response(
    error: HTTPException, accept: str = "", response_class: type[Response] = Response
) -> Response:
    """Return the response for an HTTP error.

    :param error: its status, description and the fields of ``get_headers``, such as ``Allow`` or
        ``Retry-After``, are used. If it carries a whole response, that is returned. The mapping in its
        attribute ``problem_members``, if any, is added to JSON (RFC 9457 section 3.2). The
        ``identifier`` of a refusal follows the description in text, is a paragraph in HTML, and the member
        ``refusal`` in JSON.
    :param accept: the request's ``Accept`` field, or an empty string.
    :param response_class: the class of the response.
    """
    if error.response is not None:
        return error.get_response()
    code = error.code or 500
    identifier = identifier_of(error)
    name, description = error.name, error.description or error.name
    mimetype = (
        parse_accept_header(accept, MIMEAccept).best_match(OFFERED, OFFERED[0]) if accept else OFFERED[0]
    )
    if mimetype == "text/html":
        refusal = f"<p><code>{escape(identifier)}</code></p>\n" if identifier else ""
        body = HTML.format(code=code, name=escape(name), description=escape(description), refusal=refusal)
    elif mimetype == "text/plain":
        body = f"{code} {name}: {description}{f' ({identifier})' if identifier else ''}\n"
    else:
        # RFC 9457 section 3.1 defines these three members.
        members = {"status": code, "title": name, "detail": description}
        if identifier:
            members["refusal"] = identifier
        body = json.dumps(members | dict(getattr(error, "problem_members", ()))) + "\n"
    response = response_class(body, status=code, mimetype=mimetype)
    for field, value in error.get_headers():
        if field.lower() != "content-type":
            response.headers.add(field, value)
    return response

"""The part of a WSGI environ that depends on a request's head alone (PEP 3333).

A field's name becomes a variable's name, and one client can send any number of different names,
so the table of those seen is bounded.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..errors import refused

MAX_NAMES: Final = 1024
"""How many field names the table keeps. RFC 9110 and the IANA registry have some 250."""

MAX_NAME_SIZE: Final = 64
"""The longest field name that the table keeps, in bytes."""

DROPPED: Final = ""
"""The variable of a field that never reaches an environ."""

SINGLETONS: Final = {
    "HTTP_HOST": "host-repeated",
    "CONTENT_LENGTH": "content-length-repeated",
    "CONTENT_TYPE": "content-type-repeated",
}
"""Variables of fields that a request may have only once, and what a second one is refused as.

RFC 9112 section 3.2 says so of Host; section 6.3 rule 5 lets equal Content-Length values pass,
and smugglers live on it. RFC 9110 section 8.3 has one Content-Type.
"""

# A field has a name of its own, or one that begins with HTTP_: it hides nothing of these. A request's
# own variables, and its connection's, have their places already: CPython sets a key for less than it
# adds one.
HEAD: Final[dict[str, Any]] = {
    "wsgi.version": (1, 0),
    "wsgi.url_scheme": "http",
    "wsgi.errors": None,
    "wsgi.multithread": True,
    "wsgi.multiprocess": False,
    "wsgi.run_once": False,
    "wsgi.input": None,
    "wsgi.input_terminated": True,
    "SERVER_NAME": "",
    "SERVER_PORT": "",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "",
    "SCRIPT_NAME": "",
    "REQUEST_METHOD": "",
    "PATH_INFO": "",
    "QUERY_STRING": "",
    "RAW_URI": "",
    "REQUEST_URI": "",
    "kyoukai.protocol": None,
}
"""What the environ of each request has of its head, with what is the same in all of them."""

_variables: dict[bytes, str] = {}


def variable_name(field_name: bytes) -> str:
    """Return the variable for a field's name, or :data:`DROPPED`.

    A name with an underscore is dropped: it would be taken for the one with a dash.
    """
    if b"_" in field_name:
        return DROPPED
    name = field_name.decode("latin-1").upper().replace("-", "_")
    return name if name in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{name}"


def _learn(field_name: bytes) -> str:
    variable = variable_name(field_name)
    if len(_variables) < MAX_NAMES and len(field_name) <= MAX_NAME_SIZE:
        _variables[field_name] = variable
    return variable


def field_variables(fields: Sequence[tuple[bytes, bytes]], max_fields: int) -> dict[str, str]:
    """Return the header fields as variables of an environ.

    Values are latin-1 (PEP 3333), and fields of one name are joined: by comma (RFC 9110 section
    5.3), cookies by semicolon (RFC 9113 section 8.2.3).

    :raises HeaderFieldsTooLarge: if there are more than ``max_fields``.
    :raises BadRequest: if a field comes twice that may come only once.
    """
    if len(fields) > max_fields:
        raise refused("fields-too-many")
    known = _variables
    variables: dict[str, str] = {}
    for name, value in fields:
        variable = known.get(name)
        if variable is None:
            variable = _learn(name)
        # RFC 9112 section 5.1: the white space around a value is not part of it. llhttp leaves some.
        text = value.decode("latin-1").strip(" \t")
        if variable not in variables:
            variables[variable] = text
        elif variable in SINGLETONS:
            raise refused(SINGLETONS[variable])
        else:
            variables[variable] += ("; " if variable == "HTTP_COOKIE" else ",") + text
    variables.pop(DROPPED, None)
    return variables


def head_variables(
    method: str, target: bytes, version: str, path: str, query: str, variables: dict[str, str], software: str
) -> dict[str, Any]:
    """Return what the environ of a request has of its head, and of no connection.

    :param target: as sent.
    :param path: percent-decoded.
    :param variables: what :func:`field_variables` returned.
    :param software: the Server field of answers.
    """
    environ = HEAD.copy()
    environ |= variables
    environ["SERVER_SOFTWARE"] = software
    environ["REQUEST_METHOD"] = method
    environ["PATH_INFO"] = path
    environ["QUERY_STRING"] = query
    environ["RAW_URI"] = environ["REQUEST_URI"] = target.decode("latin-1")
    # RFC 9110 section 2.5: a higher minor version is served as the highest that is known.
    if not version.startswith("1."):
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
    elif version == "1.0":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    return environ

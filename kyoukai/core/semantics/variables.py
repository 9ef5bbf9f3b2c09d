"""The part of a WSGI environ that depends on a request's head alone (PEP 3333).

Names of fields become names of variables. A client can send any number of different names, so the cache of
them is bounded.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..errors import refused

MAX_NAMES: Final = 1024
"""The most field names in the cache. RFC 9110 and the IANA registry have some 250."""

MAX_NAME_SIZE: Final = 64
"""Bytes of the longest field name in the cache."""

DROPPED: Final = ""
"""The variable name of a field that is left out of the environ."""

SINGLETONS: Final = {
    "HTTP_HOST": "host-repeated",
    "CONTENT_LENGTH": "content-length-repeated",
    "CONTENT_TYPE": "content-type-repeated",
}
"""Variables of fields that a request may have only once, and what a second one is refused as.

RFC 9112 section 3.2 says so of Host. Section 6.3 rule 5 allows equal Content-Length values, which request
smuggling relies on. RFC 9110 section 8.3 has one Content-Type.
"""

# No field overwrites one of these: a field's variable begins with HTTP_, or is CONTENT_LENGTH or
# CONTENT_TYPE. The variables of the request and of its connection are present too, since CPython sets an
# existing key faster than it adds one.
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
"""The environ of each request as far as its head decides, with the constant variables."""

_variables: dict[bytes, str] = {}


def variable_name(field_name: bytes) -> str:
    """Return the variable for a field's name, or :data:`DROPPED`.

    A name with an underscore is dropped: its variable is the same as that of the name with a dash.
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

    Values are latin-1 (PEP 3333). Fields with the same name are joined by commas (RFC 9110 section 5.3),
    cookies by semicolons (RFC 9113 section 8.2.3).

    :raises HeaderFieldsTooLarge: if there are more than ``max_fields``.
    :raises BadRequest: if a field occurs twice that may occur only once.
    """
    if len(fields) > max_fields:
        raise refused("fields-too-many")
    known = _variables
    variables: dict[str, str] = {}
    for name, value in fields:
        variable = known.get(name)
        if variable is None:
            variable = _learn(name)
        # RFC 9112 section 5.1: white space around a value is not part of it. llhttp leaves some.
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
    """Return the environ of a request as far as its head decides.

    :param target: as sent.
    :param path: percent-decoded.
    :param variables: the result of :func:`field_variables`.
    :param software: the Server field of answers.
    """
    environ = HEAD.copy()
    environ |= variables
    environ["SERVER_SOFTWARE"] = software
    environ["REQUEST_METHOD"] = method
    environ["PATH_INFO"] = path
    environ["QUERY_STRING"] = query
    environ["RAW_URI"] = environ["REQUEST_URI"] = target.decode("latin-1")
    # RFC 9110 section 2.5: a higher minor version is served as the highest known one.
    if not version.startswith("1."):
        environ["SERVER_PROTOCOL"] = f"HTTP/{version}"
    elif version == "1.0":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    return environ

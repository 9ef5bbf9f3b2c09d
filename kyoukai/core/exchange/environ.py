"""From an exchange to a WSGI environ (PEP 3333).

A field's name becomes a variable's name, and one client can send any number of different names,
so the table of those seen is bounded.
"""

import sys
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

from ..errors import BadRequest, HeaderFieldsTooLarge
from .request_body import make_input

if TYPE_CHECKING:
    from .exchange import Exchange

MAX_NAMES: Final = 1024
"""How many field names the table keeps. RFC 9110 and the IANA registry have some 250."""

MAX_NAME_SIZE: Final = 64
"""The longest field name that the table keeps, in bytes."""

DROPPED: Final = ""
"""The variable of a field that never reaches an environ."""

SINGLETONS: Final = frozenset({"HTTP_HOST", "CONTENT_LENGTH", "CONTENT_TYPE"})
"""Variables of fields that a request may have only once.

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


def field_variables(fields: list[tuple[bytes, bytes]], max_fields: int) -> dict[str, str]:
    """Return the header fields as variables of an environ.

    Values are latin-1 (PEP 3333), and fields of one name are joined: by comma (RFC 9110 section
    5.3), cookies by semicolon (RFC 9113 section 8.2.3).

    :raises HeaderFieldsTooLarge: if there are more than ``max_fields``.
    :raises BadRequest: if a field comes twice that may come only once.
    """
    if len(fields) > max_fields:
        raise HeaderFieldsTooLarge
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
            raise BadRequest("A field that may come only once came twice.")
        else:
            variables[variable] += ("; " if variable == "HTTP_COOKIE" else ",") + text
    variables.pop(DROPPED, None)
    return variables


def head_environ(exchange: "Exchange", software: str) -> dict[str, Any]:
    """Return what the environ of a request has of its head, and of no connection.

    :param exchange: its head was accepted.
    :param software: the Server field of answers.
    """
    environ = HEAD.copy()
    environ |= exchange.variables
    environ["SERVER_SOFTWARE"] = software
    environ["REQUEST_METHOD"] = exchange.method
    environ["PATH_INFO"] = exchange.path
    environ["QUERY_STRING"] = exchange.query
    environ["RAW_URI"] = environ["REQUEST_URI"] = exchange.target.decode("latin-1")
    if exchange.version == "1.0":
        environ["SERVER_PROTOCOL"] = "HTTP/1.0"
    return environ


def connection_environ(
    *,
    scheme: str,
    server: tuple[str, int],
    peer: tuple[str, int] | None,
    protocol: object,
) -> dict[str, Any]:
    """Return the variables that all requests of one connection share, and others do not.

    :param server: the address and port listened on.
    :param peer: the client's address and port; ``None`` where it has none (a Unix socket) or is
        gone already.
    :param protocol: the connection, as ``kyoukai.protocol``.
    """
    environ: dict[str, Any] = {
        "wsgi.errors": sys.stderr,
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1]),
        "kyoukai.protocol": protocol,
    }
    if scheme != "http":
        environ["wsgi.url_scheme"] = scheme
    if peer is not None:
        environ["REMOTE_ADDR"] = peer[0]
        environ["REMOTE_PORT"] = str(peer[1])
    return environ


def build_environ(exchange: "Exchange", shared: dict[str, Any]) -> dict[str, Any]:
    """Return the environ of one request.

    :param exchange: its head was accepted, and its body is whole, or streamed.
    :param shared: what :func:`connection_environ` returned.
    """
    environ: dict[str, Any] = exchange.environ | shared
    content = exchange.content
    if content is None:
        content = BytesIO()
    elif type(content) is not BytesIO:
        return _stream_environ(environ, exchange, content)
    elif content.tell():
        # It came in pieces. It gives up the room that it has left; whoever reads all of it gets its own
        # bytes, not a copy.
        content.getvalue()
        content.seek(0)
    environ["wsgi.input"] = content
    if exchange.decoder is not None:
        # What the fields said of the body is no longer so.
        del environ["HTTP_CONTENT_ENCODING"]
        environ["CONTENT_LENGTH"] = str(exchange.decoder.size)
    if exchange.trailers:
        environ["kyoukai.trailers"] = exchange.trailers
    return environ


def _stream_environ(environ: dict[str, Any], exchange: "Exchange", stream: Any) -> dict[str, Any]:
    """Return the environ of a request whose body is streamed."""
    environ["kyoukai.body"] = stream
    environ["wsgi.input"] = make_input(stream)
    if exchange.decoder is not None:
        # How many bytes it stands for is not known yet.
        del environ["HTTP_CONTENT_ENCODING"]
        environ.pop("CONTENT_LENGTH", None)
    return environ

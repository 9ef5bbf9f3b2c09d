"""The fields of the access log: their names, meanings and sources.

A field is computed only if the template uses it. Header fields have names that begin with ``request.`` or
``response.``, such as ``request.accept-language``; case does not matter.
"""

from collections.abc import Callable
from datetime import datetime
from time import perf_counter
from typing import Any, Final, NamedTuple

from kyoukai.core.exchange.access import answered_refusal, client_address, client_name
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.exchange.request_ids import request_id_of
from kyoukai.core.serving.observing import route_of
from kyoukai.server.log_files import current_trace_id

MAX_LOGGED_SIZE: Final = 8 * 1024
"""Characters of a value that are logged: the default limit of a request target."""

Read = Callable[[Exchange, Any, Any], str | int | float | None]
"""Returns the value for an exchange, its request and its response; ``None``: unknown."""


class Field(NamedTuple):
    """A field."""

    meaning: str
    read: Read
    form: str = "%s"
    """The format of a number, as for ``%``."""


def _target(exchange: Exchange, request: Any, response: Any) -> str:
    return cut(exchange.head.target.decode("latin-1"))


def _request_line(exchange: Exchange, request: Any, response: Any) -> str:
    head = exchange.head
    return f"{head.method or '-'} {cut(head.target.decode('latin-1')) or '-'} HTTP/{head.version}"


def _query(exchange: Exchange, request: Any, response: Any) -> str:
    return cut(exchange.head.target.partition(b"?")[2].decode("latin-1"))


def _path(exchange: Exchange, request: Any, response: Any) -> str:
    return cut(exchange.head.target.partition(b"?")[0].decode("latin-1"))


def _refusal(exchange: Exchange, request: Any, response: Any) -> str | None:
    return answered_refusal(exchange) or None


def _now(exchange: Exchange, request: Any, response: Any) -> str:
    return datetime.now().astimezone().isoformat(timespec="milliseconds")


def _client(exchange: Exchange, request: Any) -> dict[str, Any]:
    """Return a WSGI environ with the client's address. Without a request, no other variable is known yet."""
    return exchange.client_environ if request is None else exchange.environ


def _scheme(exchange: Exchange, request: Any, response: Any) -> str:
    environ = exchange.client_environ if request is None else request.environ
    scheme: str = environ.get("wsgi.url_scheme", "http")
    return scheme


def request_field(name: str) -> Read:
    """Return a function that reads a header field of the request."""
    wanted = name.lower().encode("latin-1")

    def read(exchange: Exchange, request: Any, response: Any) -> str | None:
        values = [value for name, value in exchange.head.fields if name.lower() == wanted]
        return cut(b", ".join(values).decode("latin-1")) if values else None

    return read


def response_field(name: str) -> Read:
    """Return a function that reads a header field of the response, as the application set it."""
    wanted = name.lower()

    def read(exchange: Exchange, request: Any, response: Any) -> str | None:
        head = exchange.answer_head
        if head is not None:
            values = [value for name, value in head.fields if name.lower() == wanted]
        elif response is not None and response.status_code == exchange.status:
            values = response.headers.getlist(wanted)
        else:
            # The server replaced the application's answer.
            return None
        return cut(", ".join(values)) if values else None

    return read


def cut(text: str) -> str:
    """Return ``text``, cut to the logged length."""
    return text if len(text) <= MAX_LOGGED_SIZE else f"{text[:MAX_LOGGED_SIZE]}..."


FIELDS: Final[dict[str, Field]] = {
    "time": Field("end of writing the answer: local time in ISO 8601, with milliseconds", _now),
    "client": Field(
        "the client's address; with the port, unless the address comes from a proxy's field",
        lambda exchange, request, response: client_name(request, _client(exchange, request)),
    ),
    "address": Field(
        "the client's address without a port",
        lambda exchange, request, response: client_address(request, _client(exchange, request)),
    ),
    "method": Field(
        "the method, such as `GET`", lambda exchange, request, response: exchange.head.method or None
    ),
    "target": Field("path and query, as the client sent them", _target),
    "path": Field("the path, as the client sent it", _path),
    "query": Field("the query, without its question mark", _query),
    "protocol": Field(
        "`HTTP/` and the version, such as `HTTP/1.1`",
        lambda exchange, request, response: f"HTTP/{exchange.head.version}",
    ),
    "request_line": Field("method, target and protocol, separated by spaces", _request_line),
    "scheme": Field("`http` or `https`", _scheme),
    "host": Field("the Host field of the request", request_field("host")),
    "status": Field("the status of the answer", lambda exchange, request, response: exchange.status),
    "refusal": Field(
        "the [identifier](../reference/refusals.md) of the refusal, if the answer has the refusal's status",
        _refusal,
    ),
    "sent": Field(
        "bytes of the response body that were sent", lambda exchange, request, response: exchange.sent
    ),
    "received": Field(
        "bytes of the request body that were received, before a content coding is removed",
        lambda exchange, request, response: exchange.received,
    ),
    "duration": Field(
        "seconds from the end of the request's head to the end of its answer",
        lambda exchange, request, response: perf_counter() - exchange.began,
        "%.6f",
    ),
    "duration_ms": Field(
        "`duration` in milliseconds",
        lambda exchange, request, response: 1000 * (perf_counter() - exchange.began),
        "%.3f",
    ),
    "route": Field(
        "the rule of the route that matched the request, such as `/guests/<int:id>`",
        lambda exchange, request, response: route_of(request),
    ),
    "request_id": Field(
        "the request's id: see below", lambda exchange, request, response: request_id_of(exchange, request)
    ),
    "trace_id": Field(
        "the OpenTelemetry id of the trace, 32 hexadecimal digits",
        lambda exchange, request, response: current_trace_id(),
    ),
    "referer": Field("the Referer field of the request", request_field("referer")),
    "user_agent": Field("the User-Agent field of the request", request_field("user-agent")),
}
"""All fields by name, except header fields."""

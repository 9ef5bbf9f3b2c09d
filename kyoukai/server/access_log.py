"""The access log: one line for each response, on the logger ``kyoukai.access`` at level INFO.

::

    127.0.0.1:50712 "GET /guests?page=2 HTTP/1.1" 200 1432 0.000317

The format is a template of text and fields in braces, :data:`~kyoukai.server.access_fields.FIELDS`, or it is
JSON. It is compiled once. Values sent by clients are escaped, so that a client can forge neither a line nor a
column: spaces are escaped too if the template has no quotes around the field. ``-`` stands for an unknown
value.
"""

import json
import logging
import re
import string
from collections.abc import Callable, Sequence
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.access import escape
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.limits import suggest
from kyoukai.core.semantics.grammar import TOKEN
from kyoukai.core.serving.observing import TunnelEnd

from .access_fields import FIELDS, Field, request_field, response_field

ACCESS: Final = "kyoukai.access"
"""The name of the logger."""

DEFAULT_FORMAT: Final = '{client} "{request_line}" {status} {sent} {duration}'

JSON: Final = "json"

JSON_FIELDS: Final = (
    "time",
    "client",
    "method",
    "target",
    "protocol",
    "status",
    "sent",
    "received",
    "duration",
    "route",
    "request_id",
    "trace_id",
    "referer",
    "user_agent",
)
"""The default fields of JSON. A format can name others: ``json:client,status``."""

SOURCES: Final[dict[str, Callable[[str], Any]]] = {"request": request_field, "response": response_field}

MakeLine = Callable[[Exchange, Any, Any], str]
"""Formats a line from an exchange, its request and its response."""


class AccessLog:
    """Logs responses. It is an observer of a server: see :mod:`kyoukai.core.serving.observing`.

    :param template: the format of a line.
    :raises ConfigurationError: if the template is invalid.
    """

    def __init__(self, template: str = DEFAULT_FORMAT) -> None:
        self.logger = logging.getLogger("kyoukai.access")
        self.make_line = compile_format(template)

    def __call__(self, exchange: Exchange, request: Any, response: Any) -> None:
        """Log one response. Nothing is formatted if the logger is disabled or no response was begun."""
        if exchange.status and self.logger.isEnabledFor(logging.INFO):
            self.logger.info("%s", self.make_line(exchange, request, response))

    def tunnel_ended(self, exchange: Exchange, request: Any, end: TunnelEnd) -> None:
        """Log the end of a tunnel: the line of its request, with the bytes that it carried."""
        if self.logger.isEnabledFor(logging.INFO):
            line = self.make_line(exchange, request, None)
            self.logger.info("%s", with_end(line, end))


def with_end(line: str, end: TunnelEnd) -> str:
    """Add a tunnel's end to a line, text or JSON; numbers are received/sent."""
    if line.startswith("{"):
        return json.dumps({**json.loads(line), end.protocol: end._asdict()})
    messages, sizes = f"{end.received}/{end.sent}", f"{end.received_size}/{end.sent_size}"
    return f"{line} {end.protocol} code={end.code} messages={messages} bytes={sizes}"


def compile_format(template: object) -> MakeLine:
    """Return a function that formats lines by a template.

    :raises ConfigurationError: if the template is invalid or names an unknown field.
    """
    if not isinstance(template, str) or not template:
        raise ConfigurationError(f"access_log_format is {template!r}; it must be a text, such as 'json'")
    kind, colon, names = template.partition(":")
    if kind == JSON:
        wanted = [name.strip() for name in names.split(",")] if colon else JSON_FIELDS
        return _compile_json(wanted)
    return _compile_text(template)


def find_field(name: str) -> Field:
    """Return the field with this name.

    :raises ConfigurationError: if there is none.
    """
    field = FIELDS.get(name)
    if field is not None:
        return field
    source, dot, header = name.partition(".")
    if dot and source in SOURCES:
        if re.fullmatch(TOKEN, header.encode()) is None:
            raise ConfigurationError(f"access_log_format has {name!r}; {header!r} is not a field name")
        return Field("", SOURCES[source](header))
    known = [*FIELDS, "request.NAME", "response.NAME"]
    raise ConfigurationError(f"access_log_format has the unknown field {name!r}; {suggest(name, known)}")


def _compile_text(template: str) -> MakeLine:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as exc:
        raise ConfigurationError(f"access_log_format is {template!r}: {exc}") from exc
    text, fields, is_quoted = "", [], False
    for literal, name, form, conversion in parts:
        if any(ord(character) < 0x20 for character in literal):
            raise ConfigurationError(
                f"access_log_format is {template!r}; it must not contain control characters"
            )
        is_quoted ^= literal.count('"') % 2 == 1
        text += literal.replace("%", "%%")
        if name is None:
            continue
        if form or conversion:
            raise ConfigurationError(f"access_log_format has {name!r} with a format or conversion; remove it")
        text += "%s"
        fields.append((find_field(name), is_quoted))
    getters = [_text_of(field, is_quoted) for field, is_quoted in fields]

    def make_line(exchange: Exchange, request: Any, response: Any) -> str:
        return text % tuple([get(exchange, request, response) for get in getters])

    return make_line


def _text_of(field: Field, is_quoted: bool) -> MakeLine:
    read, form = field.read, field.form

    def get(exchange: Exchange, request: Any, response: Any) -> str:
        value = read(exchange, request, response)
        if value is None or value == "":
            return "-"
        if type(value) is not str:
            return form % value
        if value.isalnum() and value.isascii():
            return value
        escaped = escape(value)
        return escaped if is_quoted else escaped.replace(" ", "\\x20")

    return get


def _compile_json(names: Sequence[str]) -> MakeLine:
    fields = {name: find_field(name).read for name in names}

    def make_line(exchange: Exchange, request: Any, response: Any) -> str:
        values: dict[str, Any] = {"logger": ACCESS}
        for name, read in fields.items():
            value = read(exchange, request, response)
            if isinstance(value, str):
                value = _readable(value)
            elif isinstance(value, float):
                value = round(value, 6)
            values[name] = value
        return json.dumps(values)

    return make_line


def _readable(text: str) -> str:
    """Decode a value as UTF-8 where possible; HTTP decoded the client's bytes as latin-1."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:
        return text

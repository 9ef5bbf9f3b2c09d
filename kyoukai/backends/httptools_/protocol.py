"""The connection over ``httptools.HttpRequestParser``."""

import re
from typing import Final

from httptools import (
    HttpParserCallbackError,
    HttpParserError,
    HttpParserInvalidMethodError,
    HttpParserUpgrade,
    HttpRequestParser,
)
from werkzeug.exceptions import HTTPException, InternalServerError

from kyoukai.core.errors import BadRequest, NotImplementedByServer, VersionNotSupported
from kyoukai.core.policy import METHODS
from kyoukai.core.protocol import HTTPProtocol
from kyoukai.core.states import BODY

from .continuation import continue_message

# RFC 9112 section 3: method SP request-target SP HTTP-version, at the start or after a message.
# llhttp refuses a method that it does not know, and garbage, in the same words; this tells them
# apart.
REQUEST_LINE: Final = re.compile(
    rb"(?:\A(?:\r\n)*|\r\n\r\n)([!#$%&'*+.^_`|~0-9A-Za-z-]+) [\x21-\xff]+ HTTP/[0-9]\.[0-9]\r\n"
)

NO_VERSION_YET: Final = "0.0"
"""What a parser says that has seen no version since it was made."""

# What llhttp says of an HTTP/2 connection preface (RFC 9113 section 3.4).
PREFACE: Final = ("Pause on PRI/Upgrade", "Expected HTTP/2 Connection Preface")


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed by llhttp. Parameters are those of ``HTTPProtocol``."""

    parser: HttpRequestParser
    _refused: bytes = b""

    def make_parser(self) -> HttpRequestParser:
        """Return a new parser.

        It is strict in all but the version: llhttp knows four versions and refuses HTTP/1.2 with a
        400, where RFC 9110 section 2.5 has it served. The policy judges the version.
        """
        parser = HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_version=True)
        return parser

    def resume_parser(self, exc: Exception, data: bytes) -> bool:
        """Go on after llhttp has stopped for an upgrade; return whether that is why it stopped."""
        if not isinstance(exc, HttpParserUpgrade):
            self._refused = data
            return False
        rest = data[exc.args[0] :]
        if self.state is not BODY:
            # The request is whole. What follows may be the other protocol's: see `replace`.
            if self.exchanges:
                self.hold(rest)
            return True
        self.exchange.upgrade = False
        self.parser = continue_message(self, self.exchange.framing)
        if rest:
            self.data_received(rest)
        return True

    def inspect_partial_head(self, data: bytes) -> HTTPException | None:
        """Refuse HTTP/0.9: llhttp takes its request line, ``GET /``, and waits for fields."""
        is_line = bool(self.exchange.target) and data.endswith(b"\n")
        if is_line and self.parser.get_http_version() == NO_VERSION_YET:
            return VersionNotSupported()
        return None

    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return the HTTP error that an exception out of llhttp means."""
        if isinstance(exc, HTTPException):
            return exc
        if isinstance(exc, HttpParserCallbackError):
            # What the callback raised is kept as the context.
            cause = exc.__context__
            return cause if isinstance(cause, HTTPException) else InternalServerError()
        if isinstance(exc, HttpParserInvalidMethodError):
            methods = (method.decode("ascii") for method in REQUEST_LINE.findall(self._refused))
            is_request = any(method not in METHODS for method in methods)
            return NotImplementedByServer() if is_request else BadRequest()
        if isinstance(exc, HttpParserError):
            return VersionNotSupported() if str(exc) in PREFACE else BadRequest()
        return InternalServerError()

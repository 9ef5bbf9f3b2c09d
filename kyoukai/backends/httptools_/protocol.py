"""The connection over ``httptools.HttpRequestParser``."""

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser
from werkzeug.exceptions import HTTPException, InternalServerError

from kyoukai.core.errors import BadRequest
from kyoukai.core.http1.protocol import HTTPProtocol
from kyoukai.core.http1.states import BODY

from .continuation import continue_message


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed by llhttp. Parameters are those of ``HTTPProtocol``."""

    parser: HttpRequestParser

    def make_parser(self) -> HttpRequestParser:
        """Return a new parser.

        It is strict in all but the version: llhttp knows four versions and refuses HTTP/1.2 with a
        400, where RFC 9110 section 2.5 has it served.
        """
        parser = HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_version=True)
        return parser

    def resume_parser(self, exc: Exception) -> bool:
        """Go on after llhttp has stopped for an upgrade; return whether that is why it stopped."""
        if not isinstance(exc, HttpParserUpgrade):
            return False
        if self.state is BODY:
            self.parser = continue_message(self, self.exchange.framing)
        return True

    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return the HTTP error that an exception out of llhttp means."""
        if isinstance(exc, HttpParserCallbackError):
            # What the callback raised is kept as the context.
            cause = exc.__context__
            return cause if isinstance(cause, HTTPException) else InternalServerError()
        if isinstance(exc, HttpParserError):
            return BadRequest()
        return exc if isinstance(exc, HTTPException) else InternalServerError()

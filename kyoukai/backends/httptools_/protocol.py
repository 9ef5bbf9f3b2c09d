"""The connection that uses ``httptools.HttpRequestParser``."""

from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from kyoukai.core.http1.protocol import HTTPProtocol

from .continuation import continue_message

if TYPE_CHECKING:
    from kyoukai.core.semantics.framing import Framing


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed by llhttp. Parameters are those of ``HTTPProtocol``."""

    parser_errors = (HttpParserError,)
    parser: HttpRequestParser

    def make_parser(self) -> HttpRequestParser:
        """Return a new parser.

        It is strict, except for the version: llhttp knows four versions and refuses HTTP/1.2 with a 400, but
        RFC 9110 section 2.5 requires servers to handle it.
        """
        parser = HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_version=True)
        return parser

    def resume_parser(self, exc: Exception, framing: "Framing | None") -> bool:
        """Continue if llhttp has stopped at an upgrade; see :meth:`HTTPProtocol.resume_parser`."""
        if not isinstance(exc, HttpParserUpgrade):
            return False
        if framing is not None:
            self.parser = continue_message(self, framing)
        return True

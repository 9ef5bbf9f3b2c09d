"""The connection over the pure-Python :class:`~kyoukai.backends.reference.parser.RequestParser`."""

from werkzeug.exceptions import HTTPException, InternalServerError

from kyoukai.core.protocol import HTTPProtocol

from .parser import RequestParser
from .upgrade import UpgradeOffered


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed in Python. Parameters are those of ``HTTPProtocol``."""

    def make_parser(self) -> RequestParser:
        """Return a new parser, which holds no more than the server's limits."""
        limits = self.limits
        return RequestParser(
            self,
            max_head_size=limits.max_head_size,
            max_target_size=limits.max_target_size,
            max_field_size=limits.max_field_size,
            max_fields=limits.max_fields,
        )

    def resume_parser(self, exc: Exception, data: bytes) -> bool:
        """Wait for the answer where the parser has stopped for an upgrade."""
        if not isinstance(exc, UpgradeOffered):
            return False
        if self.exchanges:
            self.hold(exc.rest)
        return True

    def translate_exception(self, exc: Exception) -> HTTPException:
        """Return ``exc``: this parser raises the HTTP error itself."""
        return exc if isinstance(exc, HTTPException) else InternalServerError()

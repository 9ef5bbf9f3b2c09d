"""The connection that uses the pure-Python :class:`~kyoukai.backends.reference.parser.RequestParser`."""

from kyoukai.core.http1.protocol import HTTPProtocol

from .parser import RequestParser


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed in Python. Parameters are those of ``HTTPProtocol``.

    The parser raises the server's own refusals, so :attr:`parser_errors` stays empty.
    """

    def make_parser(self) -> RequestParser:
        """Return a new parser with the server's limits. The connection enforces the limit of bodies."""
        return RequestParser(self, self.limits, is_checked=True)

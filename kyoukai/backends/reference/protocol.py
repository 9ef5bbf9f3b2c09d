"""The connection over the pure-Python :class:`~kyoukai.backends.reference.parser.RequestParser`."""

from kyoukai.core.http1.protocol import HTTPProtocol

from .parser import RequestParser


class KyoukaiProtocol(HTTPProtocol):
    """One HTTP/1 connection, parsed in Python. Parameters are those of ``HTTPProtocol``.

    Its parser raises the server's own refusals, so that there are no :attr:`parser_errors` to name.
    """

    def make_parser(self) -> RequestParser:
        """Return a new parser, which keeps to the server's limits; how large a body is, it is told."""
        return RequestParser(self, self.limits, is_checked=True)

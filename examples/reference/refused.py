from werkzeug.exceptions import HTTPException

from kyoukai import HTTPProtocol, ProtocolError, refused
from kyoukai.core.contract.parser import RequestParser


class ParseError(Exception):
    """What a parser raises for bad input: it has a reason of its own."""

    reason = "chunk size"


class Protocol(HTTPProtocol):
    parser_errors = (ParseError,)

    def make_parser(self) -> RequestParser:
        raise NotImplementedError

    def translate_exception(self, exc: Exception) -> HTTPException:
        is_size = isinstance(exc, ParseError) and exc.reason == "chunk size"
        return refused("chunk-size-malformed" if is_size else "message-malformed")


error: ProtocolError = refused("chunk-size-malformed")
print(error.code, error.identifier)  # 400 chunk-size-malformed

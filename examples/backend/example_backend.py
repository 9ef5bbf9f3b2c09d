from kyoukai import HTTP1Backend, HTTPProtocol
from kyoukai.backends.reference import RequestParser


class ExampleProtocol(HTTPProtocol):
    """One connection. It names the parser, and the exceptions that the parser raises for bad input."""

    # Yours go here. Those are a 400; anything else that the parser raises is a bug: 500, and a traceback.
    parser_errors = ()

    def make_parser(self) -> RequestParser:
        return RequestParser(self)  # Yours goes here; this one is borrowed.


class ExampleBackend(HTTP1Backend):
    """The backend class that the entry point names. The server makes one object of it."""

    api_version = 1
    protocol_class = ExampleProtocol

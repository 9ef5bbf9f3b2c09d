from asyncio import Protocol
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException

from kyoukai import HTTP1_FEATURES, Backend, HTTPProtocol
from kyoukai.backends.reference import RequestParser


class ExampleParser(RequestParser):
    """Your parser goes here; this one is borrowed."""

    def should_upgrade(self) -> bool:
        return False  # It reads on as HTTP/1.1, whatever the client offers.


class ExampleProtocol(HTTPProtocol):
    """One connection: what a parser is, and what its errors mean."""

    def make_parser(self) -> ExampleParser:
        return ExampleParser(self)

    def translate_exception(self, exc: Exception) -> HTTPException:
        return exc if isinstance(exc, HTTPException) else BadRequest()


class ExampleBackend(Backend):
    """What the entry point names; made once a server."""

    api_version = 1
    features = HTTP1_FEATURES

    def create_protocol(self, *connection: Any) -> Protocol:
        return ExampleProtocol(*connection)

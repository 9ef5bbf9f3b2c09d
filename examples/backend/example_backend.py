from asyncio import Protocol
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException

from kyoukai import HTTP1_FEATURES, Backend, HTTPProtocol
from kyoukai.backends.reference import RequestParser


class ExampleProtocol(HTTPProtocol):
    """One connection: what a parser is, and what its errors mean."""

    def make_parser(self) -> RequestParser:
        return RequestParser(self)  # Yours goes here; this one is borrowed.

    def translate_exception(self, exc: Exception) -> HTTPException:
        return exc if isinstance(exc, HTTPException) else BadRequest()


class ExampleBackend(Backend):
    """What the entry point names; made once a server."""

    api_version = 1
    features = HTTP1_FEATURES

    def create_protocol(self, *connection: Any) -> Protocol:
        return ExampleProtocol(*connection)

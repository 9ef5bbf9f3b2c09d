from asyncio import Protocol
from typing import Any

from httptools import HttpParserCallbackError, HttpRequestParser
from werkzeug.exceptions import BadRequest, HTTPException

from kyoukai import HTTP1_FEATURES, Backend, HTTPProtocol


class ExampleProtocol(HTTPProtocol):
    """One connection: what a parser is, and what its errors mean."""

    def make_parser(self) -> HttpRequestParser:
        return HttpRequestParser(self)

    def translate_exception(self, exc: Exception) -> HTTPException:
        cause = exc.__context__ if isinstance(exc, HttpParserCallbackError) else exc
        return cause if isinstance(cause, HTTPException) else BadRequest()


class ExampleBackend(Backend):
    """What the entry point names; made once a server."""

    api_version = 1
    features = HTTP1_FEATURES

    def create_protocol(self, *connection: Any) -> Protocol:
        return ExampleProtocol(*connection)

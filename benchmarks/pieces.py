"""The pieces of a request that are measured by themselves, as functions without arguments.

They show where time goes. They use internal modules of the package, and change with them. `benchmarks.guard`
and `python -m benchmarks` measure whole requests.
"""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, Final

import httptools
from werkzeug.wrappers import Request, Response

from benchmarks import apps, content
from benchmarks.guard.script import REQUESTS
from kyoukai.backends.reference import RequestParser
from kyoukai.core.exchange.answer import prepare_answer
from kyoukai.core.exchange.environ import build_environ, connection_environ
from kyoukai.core.http1.message import sent_head
from kyoukai.core.http1.response_writer import ResponseWriter
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.policy import accept
from kyoukai.core.semantics.request_head import RequestHead

LIMITS: Final = Limits()
DATE: Final = "Sun, 06 Nov 1994 08:49:37 GMT"


class Callbacks:
    """Parser callbacks that do nothing."""

    def on_message_begin(self) -> None:
        """Do nothing."""

    def on_url(self, url: bytes) -> None:
        """Do nothing."""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Do nothing."""

    def on_headers_complete(self) -> None:
        """Do nothing."""

    def on_body(self, body: bytes) -> None:
        """Do nothing."""

    def on_message_complete(self) -> None:
        """Do nothing."""


def parser(make: Callable[[Callbacks], Any], request: bytes) -> Callable[[], object]:
    """Return a function that parses a request on a persistent connection."""
    feed = make(Callbacks()).feed_data
    return lambda: feed(request)


def policy(request: bytes) -> Callable[[], object]:
    """Return a function that applies the policy to a head."""
    return lambda: accept(sent_head(request), LIMITS, software="kyoukai")


def make_environ(request: bytes) -> dict[str, Any]:
    """Return the environ of a request without a body."""
    return build_environ(accepted(request), shared(), None)


def accepted(request: bytes) -> RequestHead:
    """Return the accepted head of a request without a body."""
    return accept(sent_head(request), LIMITS, software="kyoukai").head


def shared() -> dict[str, Any]:
    """Return the variables of a connection."""
    address = ("127.0.0.1", 8000)
    return connection_environ(scheme="http", server=address, peer=address)


def environ(request: bytes) -> Callable[[], object]:
    """Return a function that makes the environ of an accepted head."""
    head, connection = accepted(request), shared()
    return lambda: build_environ(head, connection, None)


def routing(path: str) -> Callable[[], object]:
    """Return a function that finds the route of a path, for a new request as a connection makes it."""
    apps.kyoukai.finalize()
    match = apps.kyoukai.router.match
    variables = make_environ(REQUESTS["hello"]) | {"PATH_INFO": path}

    def find() -> object:
        ctx: Any = SimpleNamespace(request=Request(variables), environ=variables, route=None, params={})
        found = match(ctx, ctx.request)
        if ctx.route is None:
            raise RuntimeError(f"no route has {path}")
        return found

    return find


def serialize() -> Callable[[], object]:
    """Return a function that makes a response and serializes it."""
    variables, writer = make_environ(REQUESTS["hello"]), ResponseWriter()

    def answer() -> object:
        head, body = prepare_answer(Response(content.TEXT, mimetype="text/plain"), variables)
        return writer.head(head, "1.1", False, DATE, "kyoukai"), body

    return answer


def make_pieces() -> dict[str, Callable[[], object]]:
    """Return all pieces, by name."""
    found: dict[str, Callable[[], object]] = {}
    for name in ("hello", "browser"):
        request = REQUESTS[name]
        found[f"parser, httptools, {name}"] = parser(httptools.HttpRequestParser, request)
        found[f"parser, reference, {name}"] = parser(RequestParser, request)
        found[f"policy, {name}"] = policy(request)
        found[f"environ, {name}"] = environ(request)
    found["routing, a fixed path"] = routing("/")
    found["routing, two parameters"] = routing("/users/ada/posts/42")
    found["serialize"] = serialize()
    return found

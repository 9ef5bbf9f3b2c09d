"""Hosting an ASGI 3 application as an application of the lower form."""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from kyoukai.core.connection.connection import Connection
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.answer_writer import AnswerWriter
from kyoukai.core.exchange.exchange import Exchange
from kyoukai.core.faults import is_end
from kyoukai.core.known import Known
from kyoukai.core.semantics.methods import ALL
from kyoukai.core.semantics.request_head import RequestHead
from kyoukai.core.serving.application import BodyPlan

from .endings import leave_unanswered, note_failure
from .http import HTTPCall
from .lifespan import MODES, lifespans_of
from .scope import (
    ASGI_VERSION,
    HTTP_SPEC_VERSION,
    ConnectionScope,
    Extensions,
    HeadScope,
    connection_values,
    note_forwarded,
)
from .tls import tls_facts
from .websocket_requests import asks_for_websocket, make_settings, process_websocket

if TYPE_CHECKING:
    from asphalt.core import Context

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
ASGICallable = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

STREAMED: Final = BodyPlan(stream=True)

MAX_KNOWN: Final = 256
"""The number of cached heads, with the scopes made from them."""

MAX_KNOWN_SIZE: Final = 2048
"""The largest cached head, in bytes."""


class ASGIApplication:
    """Hosts an ASGI 3 application on any wire: an :class:`~kyoukai.ExchangeApplication`.

    :param application: called with ``scope``, ``receive`` and ``send``.
    :param root_path: the path prefix that a proxy has removed, without a slash at its end. A prefix from a
        trusted proxy overrides it.
    :param lifespan: ``"on"``: use the lifespan protocol; ``"off"``: do not use it; ``"auto"``: use it if the
        application supports it.
    :param websocket: limits and deadlines of its WebSockets, by name, as for
        :class:`~kyoukai.websocket.WebSocketSettings`. By default, pages of every origin may connect, because
        ASGI applications check origins themselves.
    :raises ConfigurationError: if a parameter is invalid.
    """

    interface = "asgi"
    declared_methods: Iterable[str] = (ALL,)
    """The application receives every method in upper case."""

    def __init__(
        self,
        application: ASGICallable,
        *,
        root_path: str = "",
        lifespan: str = "auto",
        websocket: Mapping[str, Any] | None = None,
    ) -> None:
        if not callable(application):
            raise ConfigurationError(f"an ASGI application is called, and {application!r} cannot be")
        if not isinstance(root_path, str) or (root_path and not root_path.startswith("/")):
            raise ConfigurationError(f"root_path is {root_path!r}; it must be empty, or begin with a slash")
        if lifespan not in MODES:
            raise ConfigurationError(f"lifespan is {lifespan!r}; it must be one of {', '.join(MODES)}")
        self.application = application
        self.root_path = root_path.rstrip("/")
        self.lifecycle = lifespans_of(application, lifespan)
        """Its start and stop, shared by all hosts of the same callable."""
        self.going_on: set[HTTPCall] = self.lifecycle.going_on
        """Calls that still run after their answer."""
        self.websocket = make_settings(websocket)
        """The settings of its WebSockets, or ``None`` if the library for WebSockets is missing."""
        self._heads: Known[int, HeadScope] = Known(MAX_KNOWN)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        """Return a plan that streams every body."""
        return STREAMED

    async def process_exchange(self, exchange: Exchange, parent_context: "Context") -> None:
        """Answer one request.

        :raises Exception: an exception of the application, or one for an unfinished answer.
        """
        if exchange.head.upgrade and asks_for_websocket(exchange.head):
            await process_websocket(self, exchange)
            return
        call = HTTPCall(exchange, self.going_on)
        scope = self.make_scope(exchange)
        try:
            await self.application(scope, call.receive, call.send)
        except BaseException as exc:
            if is_end(exc):
                raise
            note_failure(call, exc)
        finally:
            self.going_on.discard(call)
            if call.stream is not None:
                # Send what the application sent before it failed.
                call.stream.flush()
        if not call.is_over:
            leave_unanswered(call)

    def make_scope(self, exchange: Exchange) -> dict[str, Any]:
        """Return the scope of a request."""
        head, owner = exchange.head, exchange.owner
        known = self._heads.get(id(head))
        if known is None or known.head is not head:
            known = self._read_head(head)
        connection: ConnectionScope | None = getattr(owner, "hosted", None)
        # Another application may have answered on this connection before.
        if connection is None or connection.environ is not exchange.environ or connection.host is not self:
            connection = self._read_connection(exchange)
            if isinstance(owner, Connection):
                owner.hosted = connection
        scope = known.values | connection.values
        scope["asgi"] = {"version": ASGI_VERSION, "spec_version": HTTP_SPEC_VERSION}
        scope["headers"] = known.fields.copy()
        scope["state"] = connection.state.copy()
        scope["extensions"] = connection.extensions.copy(head.version)
        if exchange.server.forwarding is not None:
            environ = exchange.client_environ
            scope |= connection_values(environ, connection.uds)
            note_forwarded(scope, head, environ, self.root_path)
        return scope

    def _read_connection(self, exchange: Exchange) -> ConnectionScope:
        owner: Any = exchange.owner
        environ = exchange.environ
        uds = owner.server_ip if getattr(owner, "server_port", None) == 0 else None
        # TLS between a client and a trusted proxy is not TLS on this connection.
        is_secure = getattr(owner, "is_secure", False)
        secured = owner.transport.get_extra_info("ssl_object") if is_secure else None
        tls = None if secured is None else tls_facts(secured, environ)
        sends_files = type(exchange).send_file is not AnswerWriter.send_file and not is_secure
        extensions = Extensions(owner.features, sends_files, tls)
        return ConnectionScope(self, environ, uds, extensions, self.lifecycle.state_of(owner.loop))

    def _read_head(self, head: RequestHead) -> HeadScope:
        scope, key = HeadScope(head, self.root_path), id(head)
        # The cache keeps the head alive, so its id() is not reused.
        if self._heads.is_wanted(key) and scope.size <= MAX_KNOWN_SIZE:
            self._heads.keep(key, scope)
        return scope

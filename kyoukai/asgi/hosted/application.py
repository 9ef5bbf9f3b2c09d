"""An application of ASGI 3, as one of the lower form."""

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
"""Heads that are kept with what is made of them, for the next requests that have the same."""

MAX_KNOWN_SIZE: Final = 2048
"""Bytes of the largest head that is kept."""


class ASGIApplication:
    """Hosts an application of ASGI 3: an :class:`~kyoukai.ExchangeApplication`, for any wire.

    :param application: called with ``scope``, ``receive`` and ``send``.
    :param root_path: where it is mounted, without a slash at its end: a proxy in front has taken that off the
        paths that come here. A prefix that a trusted proxy names takes its place.
    :param lifespan: ``"on"``: it is started and stopped by the lifespan protocol; ``"off"``: it is not;
        ``"auto"``: it is, if it knows that protocol.
    :param websocket: limits and deadlines of its WebSockets, by name: what
        :class:`~kyoukai.websocket.WebSocketSettings` takes. By default pages of every origin may connect:
        applications look at that by themselves.
    :raises ConfigurationError: if one of them is no such thing.
    """

    interface = "asgi"
    declared_methods: Iterable[str] = (ALL,)
    """It is asked by every method that is in capitals."""

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
        """Its start and its stop, which all have that host the same callable."""
        self.going_on: set[HTTPCall] = self.lifecycle.going_on
        """The calls that go on behind their answers."""
        self.websocket = make_settings(websocket)
        """The settings of its WebSockets; ``None``: the library that they need is missing."""
        self._heads: Known[int, HeadScope] = Known(MAX_KNOWN)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan:
        """Return that every body is read as it comes."""
        return STREAMED

    async def process_exchange(self, exchange: Exchange, parent_context: "Context") -> None:
        """Answer one request.

        :raises Exception: what the application raises, or what it has left undone.
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
                # What was sent before something failed is the client's.
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
        # A connection that a trusted proxy has by TLS is none here.
        is_secure = getattr(owner, "is_secure", False)
        secured = owner.transport.get_extra_info("ssl_object") if is_secure else None
        tls = None if secured is None else tls_facts(secured, environ)
        sends_files = type(exchange).send_file is not AnswerWriter.send_file and not is_secure
        extensions = Extensions(owner.features, sends_files, tls)
        return ConnectionScope(self, environ, uds, extensions, self.lifecycle.state_of(owner.loop))

    def _read_head(self, head: RequestHead) -> HeadScope:
        scope, key = HeadScope(head, self.root_path), id(head)
        # While it is kept the head lives, and no other one has its number.
        if self._heads.is_wanted(key) and scope.size <= MAX_KNOWN_SIZE:
            self._heads.keep(key, scope)
        return scope

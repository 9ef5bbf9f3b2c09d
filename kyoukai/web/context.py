"""The context of one request: the first argument of a handler, and the signals of the request.

Its parent is the Asphalt context that the server runs in: resources that the request does not have are looked
up there. It is open while the request is answered, and closed when ``process_request`` returns. A streamed
body is sent after that: it must keep the resources that it needs.
"""

import functools
import inspect
import logging
from asyncio import get_running_loop
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from asphalt.core import Context, Signal, TeardownError
from asphalt.core.context import ContextState
from werkzeug.routing import MapAdapter, Rule
from werkzeug.wrappers import Request

from kyoukai.core.exchange.body_stream import BodyStream
from kyoukai.core.exchange.early_hints import read_early_hints
from kyoukai.core.exchange.request_ids import named, request_id
from kyoukai.core.exchange.witness import bear_witness
from kyoukai.core.faults import contained
from kyoukai.core.semantics.field_pairs import FieldPairs
from kyoukai.core.serving.strands import Strand, running_strand
from kyoukai.core.serving.threads import run_in_thread
from kyoukai.private_names import running_loop

from .bodies import stream_of
from .cached_attribute import CachedAttribute
from .calling import describe, is_coroutine_function
from .node import Node
from .route import Route
from .route_events import (
    RequestSignal,
    RouteCompletedEvent,
    RouteEvent,
    RouteInvokedEvent,
    RouteMatchedEvent,
)
from .sessions import Session
from .web_application import WebApplication

if TYPE_CHECKING:
    from kyoukai.websocket import WebSocket

# Looking up an enum member takes a third of a microsecond in Python 3.11.
OPEN: Final = ContextState.open
CLOSED: Final = ContextState.closed

logger = logging.getLogger("kyoukai.web")

# Characters that a fragment does not quote; https://url.spec.whatwg.org/#url-fragment-string
FRAGMENT_SAFE: Final = "%!#$&'()*+,/:;=?@"


class HTTPRequestContext(Context):
    """The context of one request: the request, its route, its session, and Asphalt's resources.

    :param parent_context: the parent, whichever context is current.
    :param request: an instance of the application's ``request_class``.
    :param app: the application that answers.
    """

    route_matched = RequestSignal(RouteMatchedEvent)
    route_invoked = RequestSignal(RouteInvokedEvent)
    route_completed = RequestSignal(RouteCompletedEvent)

    route: Route | None = None
    """The route of the request, once it is found."""

    place: Node | None = None
    """The blueprint whose error handlers answer, where no route matches."""

    params: CachedAttribute[Mapping[str, Any]] = CachedAttribute(lambda ctx: {**ctx.found})
    """The values of the rule's variables and defaults, once the route is found."""

    found: Mapping[str, Any] = MappingProxyType({})
    """The same values, as cached by the router; do not change them."""

    session: CachedAttribute[Session] = CachedAttribute(lambda ctx: ctx.open_session())
    """The session of this client, as the application's ``sessions`` keeps it: a dict."""

    observed = False
    """Whether a signal of this context, or the session, has been used."""

    has_teardown = False
    """Whether a teardown callback was ever added."""

    websocket: "WebSocket | None" = None
    """The WebSocket, if the route is one for WebSockets."""

    has_finished = False
    """Whether the ``after`` hooks have run before the handler's end, as for a WebSocket."""

    failure: BaseException | None = None
    """The exception of the request, for the teardown callbacks."""

    _urls: MapAdapter | None = None

    # Few requests use these.
    _resources: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _resource_factories: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _resource_factories_by_context_attr: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _teardown_callbacks: CachedAttribute[list[Any]] = CachedAttribute(lambda ctx: [])

    if TYPE_CHECKING:
        # An application may set attributes of its own, as on Flask's ``g``.
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, parent_context: Context, request: Request, app: WebApplication) -> None:
        # In place of Asphalt's constructor, which takes the parent from its context variable,
        # and warns if it is passed. The tests compare these attributes with the ones it sets.
        self._parent = parent_context
        self._state = OPEN
        # Getting the running loop takes a system call in Python 3.11, and fails in threads.
        loop = parent_context._loop
        self._loop = running_loop() if loop is None else loop
        self.request = request
        self.app = app

    @property
    def environ(self) -> dict[str, Any]:
        """The WSGI environ of the request (PEP 3333)."""
        return self.request.environ

    @property
    def request_id(self) -> str:
        """The id of the request: ``X-Request-ID`` of a trusted proxy, or a new id of 32 hexadecimal digits.

        The server's log lines about the request contain it, and so may the access log.
        """
        return request_id(self.environ)

    def stream(self) -> BodyStream:
        """Return the body of the request for ``async for``; the same object each time.

        With ``stream=True`` on the route, pieces arrive as the client sends them; otherwise the whole body is
        one piece.
        """
        return stream_of(self.request)

    @property
    def rule(self) -> Rule | None:
        """The rule that matches the request's path, once it is found."""
        return self.route.rule if self.route is not None else None

    @property
    def bp(self) -> Node:
        """The blueprint of the route; if no route matches, the blueprint whose prefix the path has.

        Until the route is found, it is the application.
        """
        found = self.place if self.route is None else self.route.bp
        return self.app.lineage[-1] if found is None else found

    @property
    def proto(self) -> Any:
        """The connection, an :class:`~kyoukai.HTTPProtocol`; ``None`` for a request without a connection."""
        return self.environ.get("kyoukai.protocol")

    @property
    def _peer(self) -> Any:
        """The object that knows whether the client is there."""
        websocket = self.websocket
        return self.proto if websocket is None or websocket.connection is None else websocket.connection

    @property
    def client_gone(self) -> bool:
        """Whether the connection is lost, so that no answer can reach the client."""
        protocol = self._peer
        return protocol is not None and protocol.client_gone

    @property
    def client_ended(self) -> bool:
        """Whether the client has ended its side of the connection, or is gone.

        Most clients whose side has ended are closed. A few end their side and wait for the answer.
        """
        protocol = self._peer
        return protocol is not None and protocol.client_ended

    def open_session(self) -> Session:
        """Return the session of this client; :attr:`session` calls this once.

        :raises RuntimeError: if the application has no ``sessions``.
        """
        sessions = self.app.sessions
        if sessions is None:
            raise RuntimeError(
                f"the application {self.app.name!r} has no sessions:"
                " pass Kyoukai(..., sessions=CookieSessions(secret_key))"
            )
        session = sessions.open(self.request)
        self.observed = True
        return session

    async def wait_client_ended(self) -> None:
        """Wait until :attr:`client_ended` is true; forever for a request without a connection."""
        protocol = self._peer
        await (get_running_loop().create_future() if protocol is None else protocol.wait_client_ended())

    def send_early_hints(self, fields: FieldPairs) -> bool:
        """Send header fields of the answer ahead of it, in a 103 Early Hints (RFC 8297).

        It may be called several times, and from threads. Nothing is sent if the client or the backend does
        not support it: see :meth:`HTTPProtocol.send_early_hints`.

        :param fields: pairs of name and value, or a mapping of names to values.
        :return: whether the fields were sent.
        :raises ValueError: if a field cannot be sent.
        """
        send = getattr(self.proto, "send_early_hints", None)
        if send is None or self._state is CLOSED:
            read_early_hints(fields)  # Check the fields without a server too.
            return False
        return bool(send(fields))

    def add_teardown_callback(self, callback: Callable[..., Any], pass_exception: bool = False) -> None:
        """Call ``callback`` when this context closes, as in any other context.

        A callback that a plain function adds runs in a thread with the same context variables. If it returns
        an awaitable, this is awaited.

        :param pass_exception: whether the callback gets the exception of the request, or ``None``.
        """
        strand = running_strand()
        if strand is not None and not is_coroutine_function(callback):
            callback = functools.partial(_call_in_thread, strand, callback)
        # If a callback raises a BaseException other than an Exception, Asphalt drops the remaining ones.
        super().add_teardown_callback(contained(callback, "a teardown callback"), pass_exception)
        self.has_teardown = True

    async def tear_down(self, exception: BaseException | None) -> bool:
        """Call the teardown callbacks, log their exceptions, and return whether all succeeded.

        :param exception: the exception of the request, for the callbacks.
        """
        if not self._teardown_callbacks:
            return True
        try:
            await self.close(exception)
        except TeardownError as exc:
            method, path = self.request.method, self.request.path
            logger.error("%s %r: teardown failed%s", method, path, named(self.environ), exc_info=exc)
            bear_witness(exc, self.environ)
            return False
        return True

    async def announce(self, topic: str, *details: Any) -> None:
        """Dispatch an event on the signal ``topic``, and wait for its listeners.

        Without a route, nothing happens.
        """
        signal: Signal[RouteEvent] | None = self.__dict__.get(topic)
        if signal is not None and signal.listeners and self.route is not None:
            await signal.dispatch(self.route, self.params, *details)

    def url_for(
        self,
        endpoint: str,
        /,
        *,
        _external: bool = False,
        _anchor: str | None = None,
        _method: str | None = None,
        **values: Any,
    ) -> str:
        """Return the URL of an endpoint.

        :param endpoint: the names of its blueprints and its own, joined by dots. A leading dot makes it
            relative to the blueprint of this request's route; each further dot goes one blueprint up.
        :param _external: whether to include scheme and host, as the client sees them.
        :param _anchor: the fragment.
        :param _method: a method that the route must accept, if several routes share the endpoint.
        :param values: values of the rule's variables; others go into the query.
        :raises werkzeug.routing.BuildError: if there is no such endpoint, or a value is missing.
        """
        if endpoint.startswith("."):
            blueprint, endpoint = self.bp, endpoint[1:]
            while endpoint.startswith(".") and blueprint.parent is not None:
                blueprint, endpoint = blueprint.parent, endpoint[1:]
            endpoint = blueprint.qualify(endpoint)
        if self._urls is None:
            self._urls = self.app.router.bind(self.request)
        url = self._urls.build(endpoint, values, method=_method, force_external=_external)
        return url if _anchor is None else f"{url}#{quote(_anchor, safe=FRAGMENT_SAFE)}"


async def _call_in_thread(strand: Strand, callback: Callable[..., Any], *args: Any) -> None:
    work = functools.partial(callback, *args)
    result = await run_in_thread(work, describe(callback), strand, is_due=True)
    if inspect.isawaitable(result):
        await result

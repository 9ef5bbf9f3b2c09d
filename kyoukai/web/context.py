"""The context of one request: what a handler is given, and the signals of the request's course.

It derives from the Asphalt context that the server runs in: resources are looked up there when
the request has none of its own. It is open while the request is answered, and closed when
``process_request`` returns; a body that is streamed is sent after that, and has to hold what it
needs.
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

# To look up a member of an enumeration takes a third of a microsecond in Python 3.11.
OPEN: Final = ContextState.open
CLOSED: Final = ContextState.closed

logger = logging.getLogger("kyoukai.web")

# What may stand in a fragment as it is; https://url.spec.whatwg.org/#url-fragment-string
FRAGMENT_SAFE: Final = "%!#$&'()*+,/:;=?@"


class HTTPRequestContext(Context):
    """What is known of one request while it is answered.

    :param parent_context: the context it derives from, whichever is the current one.
    :param request: the request, as made by the application's ``request_class``.
    :param app: the application that answers.
    """

    route_matched = RequestSignal(RouteMatchedEvent)
    route_invoked = RequestSignal(RouteInvokedEvent)
    route_completed = RequestSignal(RouteCompletedEvent)

    route: Route | None = None
    """The route that takes the request, once it has been found."""

    place: Node | None = None
    """The blueprint whose error handlers answer, where no route takes the request."""

    params: CachedAttribute[Mapping[str, Any]] = CachedAttribute(lambda ctx: {**ctx.found})
    """The values of the rule's variables and defaults, once a route has been found."""

    found: Mapping[str, Any] = MappingProxyType({})
    """The same, as the router keeps them for the next request; they are not to be changed."""

    session: CachedAttribute[Session] = CachedAttribute(lambda ctx: ctx.open_session())
    """What is remembered of this client, as the application's ``sessions`` keeps it."""

    observed = False
    """Whether anyone asked for one of the signals of this context, or for the session."""

    has_teardown = False
    """Whether there was ever anything to be awaited before it closes."""

    websocket: "WebSocket | None" = None
    """The WebSocket, where a route for such takes the request."""

    has_finished = False
    """Whether the hooks after have been called before the handler is done, as they are for a WebSocket."""

    failure: BaseException | None = None
    """What the request failed with, for the teardown callbacks."""

    _urls: MapAdapter | None = None

    # What few requests put anything into.
    _resources: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _resource_factories: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _resource_factories_by_context_attr: CachedAttribute[dict[Any, Any]] = CachedAttribute(lambda ctx: {})
    _teardown_callbacks: CachedAttribute[list[Any]] = CachedAttribute(lambda ctx: [])

    if TYPE_CHECKING:
        # What else an application keeps for the time of a request, as on Flask's ``g``.
        def __setattr__(self, name: str, value: Any) -> None: ...

    def __init__(self, parent_context: Context, request: Request, app: WebApplication) -> None:
        # What Asphalt's constructor does, which would take the parent from its context variable,
        # and warns if it is passed. The tests hold these attributes to those that it sets.
        self._parent = parent_context
        self._state = OPEN
        # To ask for the running loop is a system call in Python 3.11. Threads cannot ask.
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
        """The id of the request: a trusted proxy's ``X-Request-ID``, or one made here, 32 hexadecimal digits.

        It is in the lines of the server's log about the request, and in the access log where asked for.
        """
        return request_id(self.environ)

    def stream(self) -> BodyStream:
        """Return the body of the request, to be iterated over asynchronously: it is the same each time.

        It comes as it is sent where the route says ``stream=True``; elsewhere it is in memory, in one piece.
        """
        return stream_of(self.request)

    @property
    def rule(self) -> Rule | None:
        """The rule that the request's path fits, once it has been found."""
        return self.route.rule if self.route is not None else None

    @property
    def bp(self) -> Node:
        """The blueprint of the route; where none takes the request, the one that its path is under.

        Until that has been found, it is the application.
        """
        found = self.place if self.route is None else self.route.bp
        return self.app.lineage[-1] if found is None else found

    @property
    def proto(self) -> Any:
        """The connection, an :class:`~kyoukai.HTTPProtocol`; ``None``, where the request has none."""
        return self.environ.get("kyoukai.protocol")

    @property
    def _peer(self) -> Any:
        """What knows whether the client is there."""
        websocket = self.websocket
        return self.proto if websocket is None or websocket.connection is None else websocket.connection

    @property
    def client_gone(self) -> bool:
        """Whether no answer can reach the client any more: its connection is lost."""
        protocol = self._peer
        return protocol is not None and protocol.client_gone

    @property
    def client_ended(self) -> bool:
        """Whether the client has ended its side of the connection, or is gone.

        A client that closes is seen so. One that ends its side and waits for the answer is too;
        there are few of them.
        """
        protocol = self._peer
        return protocol is not None and protocol.client_ended

    def open_session(self) -> Session:
        """Return the session of this client; :attr:`session` calls this once.

        :raises RuntimeError: if the application keeps none.
        """
        sessions = self.app.sessions
        if sessions is None:
            raise RuntimeError(
                f"the application {self.app.name!r} keeps no sessions:"
                " Kyoukai(..., sessions=CookieSessions(secret_key)) lets it"
            )
        session = sessions.open(self.request)
        self.observed = True
        return session

    async def wait_client_ended(self) -> None:
        """Wait until :attr:`client_ended` is true; for ever, where the request has no connection."""
        protocol = self._peer
        await (get_running_loop().create_future() if protocol is None else protocol.wait_client_ended())

    def send_early_hints(self, fields: FieldPairs) -> bool:
        """Tell the client fields of the answer before there is one, by a 103 (RFC 8297).

        It may be called several times, also in a thread. Nothing is sent where the client or the backend
        cannot have it: see :meth:`HTTPProtocol.send_early_hints`.

        :param fields: pairs of name and value, or a mapping from names to values.
        :return: whether it is sent.
        :raises ValueError: if a field cannot be sent.
        """
        send = getattr(self.proto, "send_early_hints", None)
        if send is None or self._state is CLOSED:
            read_early_hints(fields)  # Mistakes are mistakes without a server, too.
            return False
        return bool(send(fields))

    def add_teardown_callback(self, callback: Callable[..., Any], pass_exception: bool = False) -> None:
        """Call ``callback`` when this context closes; as in any other context.

        One that a plain function adds, which runs in a thread, is called in a thread, too, with the same
        context variables; what it returns is awaited if it can be.
        """
        strand = running_strand()
        if strand is not None and not is_coroutine_function(callback):
            callback = functools.partial(_call_in_thread, strand, callback)
        # Asphalt calls the others after one that raises an Exception, and after nothing else.
        super().add_teardown_callback(contained(callback, "a teardown callback"), pass_exception)
        self.has_teardown = True

    async def tear_down(self, exception: BaseException | None) -> bool:
        """Call the teardown callbacks, log what they raise, and return whether they all succeeded.

        :param exception: what the request failed with, for those who want to know.
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
        """Tell those who listen to the signal ``topic``, and wait until they have heard.

        Nothing happens as long as no route takes the request.
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

        :param endpoint: the names of its blueprints and its own, with dots between. With a dot
            before it, it is taken from the blueprint of this request's route; with each further dot,
            from the one above.
        :param _external: whether scheme and host are wanted too, as the client sees them.
        :param _anchor: the fragment.
        :param _method: a method that the route must take, where several share the endpoint.
        :param values: values for the rule's variables; others go into the query.
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

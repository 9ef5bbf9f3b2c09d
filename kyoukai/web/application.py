"""The application: the root of the blueprints, and the interface that a server calls.

The application is built first. Then the component that serves it, or its first request, finalizes the
application, and finds mistakes that only the whole tree shows. After that, the application does not change.
"""

import asyncio
import functools
from collections.abc import Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from asphalt.core import Context
from werkzeug import wrappers
from werkzeug.routing import BaseConverter

from kyoukai.commands.ranks import rank
from kyoukai.core.errors import ConfigurationError, ProtocolError
from kyoukai.core.serving.application import BodyPlan
from kyoukai.private_names import current_context_var
from kyoukai.server.launch import launch

from .blueprint import Blueprint
from .bodies import REFUSAL, REFUSED
from .calling import locate
from .checks import check_class, check_flag
from .context import CLOSED, HTTPRequestContext
from .declared import find_body_plans, find_methods
from .dispatch import Dispatcher, make_debugger
from .exports import make_asgi, make_wsgi
from .host_names import check_host
from .hosts import make_router
from .json_encoders import JSONEncoder, choose_encoder
from .lifecycle import Lifecycle
from .lookup import find_target, plan_body
from .responses import encoding_by
from .routing import Router
from .sessions import CookieSessions, check_sessions
from .wrappers import Request, Response

if TYPE_CHECKING:
    from kyoukai.test_client import InProcessClient, LiveClient

T = TypeVar("T")


class Kyoukai(Blueprint):
    """A web application: routes, hooks and error handlers, and the root of the tree of blueprints.

    :param name: the name in messages.
    :param request_class: the class of ``ctx.request``. A subclass of the application may set it, and the two
        below, as class attributes.
    :param response_class: the class of the responses made from the return values of handlers.
    :param context_class: the class of the contexts that handlers receive; it is called with the parent
        context, the request and the application.
    :param converters: converters for the variables of rules by name, in addition to Werkzeug's.
    :param server_name: the host that the subdomains of blueprints are prefixed to. Routes without a host
        answer requests for other hosts too.
    :param json_encoder: makes JSON from dicts and lists: a function that returns ``bytes`` or ``str``, or
        ``"orjson"`` or ``"msgspec"``; by default the standard library's. The attribute returns ``bytes``.
    :param sessions: keeps ``ctx.session``; by default there are no sessions.
    :param debug: whether clients on this machine get a traceback and a console for an exception without an
        error handler (:mod:`kyoukai.web.debugging`). It can be set until the application is finalized.
    :raises ConfigurationError: if an argument cannot be used.
    :ivar asgi: the application as an ASGI callable: see :class:`kyoukai.asgi.ASGIExport`; likewise ``wsgi``.
    """

    request_class: type[wrappers.Request] = Request
    response_class: type[wrappers.Response] = Response
    context_class: type[HTTPRequestContext] = HTTPRequestContext
    asgi = functools.cached_property(make_asgi)
    wsgi = functools.cached_property(make_wsgi)

    def __init__(
        self,
        name: str,
        *,
        request_class: type[wrappers.Request] | None = None,
        response_class: type[wrappers.Response] | None = None,
        context_class: type[HTTPRequestContext] | None = None,
        converters: Mapping[str, type[BaseConverter]] | None = None,
        server_name: str | None = None,
        json_encoder: JSONEncoder | str | None = None,
        sessions: CookieSessions | None = None,
        debug: bool = False,
    ) -> None:
        super().__init__(name)
        self.server_name = check_host("server_name", server_name, variables=False)
        self.request_class = check_class(self, "request_class", request_class, wrappers.Request)
        self.response_class = check_class(self, "response_class", response_class, wrappers.Response)
        self.context_class = check_class(self, "context_class", context_class, HTTPRequestContext)
        self.converters = dict(converters or {})
        self.json_encoder = choose_encoder(json_encoder)
        self.sessions = check_sessions(sessions)
        self.debug = check_flag("debug", debug)
        self.lifecycle = Lifecycle(self)
        """Starts and stops the application; a component calls it."""
        self._dispatcher: Dispatcher | None = None

    @property
    def domain(self) -> str | None:
        """The host that the subdomains of blueprints are prefixed to: ``server_name``."""
        return self.server_name

    def qualify(self, name: str) -> str:
        """Return ``name``: endpoints do not contain the application's name."""
        return name

    def attach(self, parent: Blueprint) -> None:
        """Refuse to become a child blueprint.

        :raises ConfigurationError: always.
        """
        raise ConfigurationError(
            f"{self.name!r} is an application and cannot be a child of blueprint {parent.name!r}"
        )

    def register_blueprint(self, blueprint: Blueprint) -> Blueprint:
        """Add a blueprint: an alias of :meth:`add_child`."""
        return self.add_child(blueprint)

    def finalize(self) -> None:
        """Check the whole application and allow no more additions. A second call does nothing.

        :raises ConfigurationError: if a rule is malformed or hides another, a handler does not accept the
            variables of its rule, or :attr:`debug` is not a bool.
        """
        if self._dispatcher is None:
            debug = check_flag("debug", self.debug)
            router = make_router(self, self.converters)
            for blueprint in self.walk():
                blueprint.finalized = True
            is_wrapped = getattr(self.process_request, "__func__", None) is not Kyoukai.process_request
            debugger = make_debugger(self.process_request) if debug else None
            if debugger is not None:  # Called in place of the method; without debug mode there is no wrapper.
                vars(self)["process_request"] = debugger.process_request
            make = encoding_by(self.json_encoder)
            self._dispatcher = Dispatcher(router, self.response_class, make, debugger, is_wrapped)

    @property
    def router(self) -> Router:
        """The router, which matches requests and builds URLs. Reading it finalizes the application."""
        return self._finalized().router

    @functools.cached_property
    def plans_every_body(self) -> bool:
        """Whether a route streams bodies or has its own body limit."""
        self.finalize()
        return bool(find_body_plans(self))

    @functools.cached_property
    def largest_body(self) -> int:
        """The largest ``max_body_size`` of a route, in bytes; 0 if no route has one."""
        self.finalize()
        return max((plan.max_size or 0 for plan in find_body_plans(self)), default=0)

    @functools.cached_property
    def declared_methods(self) -> frozenset[str]:
        """Methods of routes and mounts that are not in the IANA registry; ``"*"`` stands for every method."""
        self.finalize()
        return find_methods(self)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        """Return the body plan of the route that matches a request. A server calls this.

        :param environ: the WSGI environ of the request, without a body.
        """
        dispatcher = self._finalized()
        plan = plan_body(dispatcher.router, environ, self.request_class)
        # A wrapper of process_request may send the request to another route, which needs the body.
        return None if plan is REFUSED and dispatcher.is_wrapped else plan

    def name_handler(self, environ: dict[str, Any]) -> str:
        """Return the name and the place of the handler of a request, for the log."""
        return locate(find_target(self.router, environ, self.request_class).handler)

    async def process_request(self, request: wrappers.Request, parent_context: Context) -> wrappers.Response:
        """Answer one request, in a context whose parent is ``parent_context``.

        Errors become responses. Teardown callbacks receive the exception that was raised, HTTP errors
        included, even if an error handler answered it. If a callback raises, the answer is a 500.

        :raises BaseException: an exception that ends the task, such as its cancellation.
        """
        # One coroutine: each further one would cost as much as the routing.
        dispatcher = self._dispatcher or self._finalized()
        router = dispatcher.router
        scope = router.scope
        ctx = self.context_class(parent_context, request, self)
        # Attribute access on a context is slow, as its class has a __getattr__; its dict is fast.
        noted = ctx.__dict__
        token = current_context_var.set(ctx)
        try:
            try:
                try:
                    target, params = router.match(ctx, request)
                    scope = target.scope
                    if scope.before or "observed" in noted or REFUSAL in request.environ:
                        value, origin = await dispatcher.ask(ctx, target)
                    else:
                        origin = target.handler
                        value = await (target.invoke(ctx, **params) if params else target.invoke(ctx))
                    response = (
                        value
                        if isinstance(value, wrappers.Response)
                        else dispatcher.make_response(value, self.response_class, request, origin)
                    )
                except BaseException as exc:
                    response = await dispatcher.answer_error(ctx, scope, exc)
                if scope.after or "observed" in noted:
                    response = await dispatcher.finish(ctx, scope, response)
            except BaseException as exc:
                await ctx.tear_down(exc)
                raise
            if "has_teardown" in noted:
                response = await dispatcher.conclude(ctx, response)
        finally:
            ctx._state = CLOSED
            ctx.failure = None  # Its traceback refers to this frame: a reference cycle.
            current_context_var.reset(token)
        return response

    async def process_refusal(
        self, request: wrappers.Request, parent_context: Context, error: ProtocolError
    ) -> wrappers.Response:
        """Answer a ``request`` whose body was refused with ``error``; see :meth:`process_request`."""
        request.environ[REFUSAL] = error
        return await self.process_request(request, parent_context)

    def test_client(self, **options: Any) -> "InProcessClient":
        """Return a test client that calls this application in-process; use it by ``async with``.

        :param options: options of :class:`kyoukai.test_client.InProcessClient`.
        """
        from kyoukai.test_client import InProcessClient

        return InProcessClient(self, **options)

    def live_client(self, backend: str | Sequence[str] | None = None, **options: Any) -> "LiveClient":
        """Return a test client that serves this application on a free port and connects by sockets.

        :param backend: the name of an installed backend, ``module:attribute``, or a list of these.
        :param options: options of :class:`kyoukai.test_client.LiveClient`, and settings of the component.
        :raises ConfigurationError: if an option cannot be used.
        """
        from kyoukai.test_client import LiveClient

        return LiveClient(self, backend=backend, **options)

    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None, wait: bool = True
    ) -> "asyncio.Task[T]":
        """Start ``coroutine`` as a background task and keep a reference to it; the caller need not await it.

        Context variables are the caller's, but Asphalt's current context is the component's: a request's
        closes with its answer. An exception is logged. A stop waits for the task up to
        ``background_timeout``, then cancels it. Plain functions in threads may call this too.

        :param name: the task's name in the log.
        :param wait: whether a stop waits for the task; if not, it cancels the task at once.
        :raises RuntimeError: if the application is not being served.
        """
        return self.lifecycle.tasks.create(coroutine, name, wait=wait)

    def run(
        self,
        host: str | Sequence[str] | None = None,
        port: int | None = None,
        *,
        loop: str | None = None,
        log_level: str = "INFO",
        max_threads: int | None = None,
        debug: bool = False,
        **settings: Any,
    ) -> None:
        """Serve this application until the process is told to stop, as a configuration file would.

        :param host: the address to listen on, or a list of addresses; by default 127.0.0.1.
        :param port: the port to listen on; by default 8000.
        :param loop: ``"uvloop"`` or ``"asyncio"``; by default the event loop policy that is set, or uvloop
            where it is installed.
        :param log_level: the level, as :mod:`logging` names it, of Kyoukai's loggers and of a root logger
            that is not set up.
        :param max_threads: the number of threads for plain functions and files; by default Python's own.
        :param debug: whether to set :attr:`debug`.
        :param settings: further settings of the component or the process. Environment variables take
            precedence.
        :raises ConfigurationError: if a setting or the application cannot be used.
        :raises SystemExit: with status 1 if the start fails, for example because the port is taken.
        """
        self.debug = self.debug or debug
        settings |= {"host": host, "port": port, "loop": loop, "log_level": log_level}
        ranked = rank({"app": self, "max_threads": max_threads, **settings})
        launch({**ranked.component, **ranked.supervisor}, **ranked.process)

    def _finalized(self) -> Dispatcher:
        """Return the dispatcher; finalize the application first if necessary."""
        self.finalize()
        if self._dispatcher is None:
            raise RuntimeError(f"{self!r} overrides finalize() without calling it")
        return self._dispatcher

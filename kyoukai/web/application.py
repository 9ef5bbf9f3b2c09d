"""The application: the root of the blueprints, and what a server asks for answers.

It is put together first: routes, hooks, error handlers, blueprints. Then it is finalized, by the component
that serves it or by its first request; mistakes that only the whole can show are found there. From then on it
does not change.
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
    """An application.

    :param name: what it is called in messages.
    :param request_class: the class of the requests that handlers see. A subclass may set it, and the
        two below, as attributes of its own.
    :param response_class: the class of the responses made of what handlers return.
    :param context_class: the class of the contexts that handlers are called with; it is called
        with parent context, request and application.
    :param converters: converters for the variables of rules, besides Werkzeug's, by name.
    :param server_name: the host that blueprints' subdomains are in front of. Others are answered, too, by
        routes that have no host.
    :param json_encoder: what makes JSON of the dicts and lists that handlers return: a function to ``bytes``
        or ``str``, ``"orjson"`` or ``"msgspec"``; by default the standard library's. It makes ``bytes``.
    :param sessions: what keeps ``ctx.session``; by default nothing does.
    :param debug: whether clients on this machine see exceptions that nothing claims, with a console
        (:mod:`kyoukai.web.debugging`). It can be set until the application is finalized.
    :raises ConfigurationError: if one of them cannot be used.
    :ivar asgi: the application as servers of ASGI call it: see :class:`kyoukai.asgi.ASGIExport`; so ``wsgi``.
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
        """Its start and its stop; a component calls them."""
        self._dispatcher: Dispatcher | None = None

    @property
    def domain(self) -> str | None:
        """What the subdomains of blueprints are in front of: ``server_name``."""
        return self.server_name

    def qualify(self, name: str) -> str:
        """Return ``name``: the application's own is part of no endpoint."""
        return name

    def attach(self, parent: Blueprint) -> None:
        """Refuse to become a child.

        :raises ConfigurationError: always.
        """
        raise ConfigurationError(
            f"{self.name!r} is an application, the root of its blueprints, and no child of {parent.name!r}"
        )

    def register_blueprint(self, blueprint: Blueprint) -> Blueprint:
        """Add a blueprint; another name of :meth:`add_child`."""
        return self.add_child(blueprint)

    def finalize(self) -> None:
        """Check the whole, and let nothing be added from here on. Nothing happens the second time.

        :raises ConfigurationError: if a rule cannot be read, or hides another, or if a handler
            cannot be called with the variables of its rule; or if :attr:`debug` is no bool.
        """
        if self._dispatcher is None:
            debug = check_flag("debug", self.debug)
            router = make_router(self, self.converters)
            for blueprint in self.walk():
                blueprint.finalized = True
            is_wrapped = getattr(self.process_request, "__func__", None) is not Kyoukai.process_request
            debugger = make_debugger(self.process_request) if debug else None
            if debugger is not None:  # It is asked first; without debug mode, nobody is.
                vars(self)["process_request"] = debugger.process_request
            make = encoding_by(self.json_encoder)
            self._dispatcher = Dispatcher(router, self.response_class, make, debugger, is_wrapped)

    @property
    def router(self) -> Router:
        """What finds routes and makes URLs. The application is finalized when it is asked for."""
        return self._finalized().router

    @functools.cached_property
    def plans_every_body(self) -> bool:
        """Whether there are routes that stream bodies, or have a limit of their own."""
        self.finalize()
        return bool(find_body_plans(self))

    @functools.cached_property
    def largest_body(self) -> int:
        """The most bytes that a route takes which has a limit of its own; 0 where none has."""
        self.finalize()
        return max((plan.max_size or 0 for plan in find_body_plans(self)), default=0)

    @functools.cached_property
    def declared_methods(self) -> frozenset[str]:
        """The methods of routes and mounts besides the registered ones; ``"*"``: every method."""
        self.finalize()
        return find_methods(self)

    def receive_head(self, environ: dict[str, Any]) -> BodyPlan | None:
        """Return how the body of a request is read: as its route says. A server calls this.

        :param environ: the request's, with no body.
        """
        dispatcher = self._finalized()
        plan = plan_body(dispatcher.router, environ, self.request_class)
        # Who wraps process_request may lead the request to another route, which wants the body.
        return None if plan is REFUSED and dispatcher.is_wrapped else plan

    def name_handler(self, environ: dict[str, Any]) -> str:
        """Return the name of the handler of a request, and where it is, for a line of the log."""
        return locate(find_target(self.router, environ, self.request_class).handler)

    async def process_request(self, request: wrappers.Request, parent_context: Context) -> wrappers.Response:
        """Answer one request, in a context that derives from ``parent_context``.

        Errors become responses. Teardown callbacks get what the request failed with: whatever exception was
        raised on the way, HTTP errors included, whether or not a handler made a response of it. If one of
        them raises, the answer is a 500, since what the response promises may not have happened.

        :raises BaseException: what ends the task, such as its cancellation.
        """
        # One coroutine, since each further one would cost as much as the routing does.
        dispatcher = self._dispatcher or self._finalized()
        router = dispatcher.router
        scope = router.scope
        ctx = self.context_class(parent_context, request, self)
        # To ask a context takes long, as its class has a __getattr__; to ask its own dict does not.
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
            ctx.failure = None  # Its traceback leads back to here: a cycle, if it stayed.
            current_context_var.reset(token)
        return response

    async def process_refusal(
        self, request: wrappers.Request, parent_context: Context, error: ProtocolError
    ) -> wrappers.Response:
        """Answer a request whose body the server refused; ``error`` is raised in its handler's place."""
        request.environ[REFUSAL] = error
        return await self.process_request(request, parent_context)

    def test_client(self, **options: Any) -> "InProcessClient":
        """Return a client for tests that calls this application in its process, by ``async with``.

        :param options: those of :class:`kyoukai.test_client.InProcessClient`.
        """
        from kyoukai.test_client import InProcessClient

        return InProcessClient(self, **options)

    def live_client(self, backend: str | Sequence[str] | None = None, **options: Any) -> "LiveClient":
        """Return a client for tests that serves this application on a free port, and asks by sockets.

        :param backend: an installed backend's name, or ``module:attribute``; or a list of such.
        :param options: those of :class:`kyoukai.test_client.LiveClient`, settings of the component too.
        :raises ConfigurationError: if one of them cannot be used.
        """
        from kyoukai.test_client import LiveClient

        return LiveClient(self, backend=backend, **options)

    def create_task(
        self, coroutine: Coroutine[Any, Any, T], *, name: str | None = None, wait: bool = True
    ) -> "asyncio.Task[T]":
        """Begin a task in the background, which the application owns: it need not be kept or awaited.

        Context variables are the caller's, but for Asphalt's current context, which is the component's: a
        request's closes when it is answered. An exception is logged. A stop waits for the task up to the
        limit ``background_timeout``, and cancels it then. Plain functions in threads may call this too.

        :param name: what the log calls it.
        :param wait: whether a stop waits for it. What never ends by itself is cancelled without.
        :raises RuntimeError: if the application is not served.
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
        """Serve this application, as its configuration file would, until the process is told to stop.

        :param host: the address to listen on, or a list of them; by default 127.0.0.1.
        :param port: the port to listen on; by default 8000.
        :param loop: ``"uvloop"`` or ``"asyncio"``; by default the policy's that the application has set, or
            uvloop's, where it is installed.
        :param log_level: a name of :mod:`logging`, for Kyoukai's loggers and a root logger not yet set up.
        :param max_threads: threads for plain functions and for files; by default Python's own number.
        :param debug: whether to set :attr:`debug`.
        :param settings: further settings, of the component or the process; the environment outranks all.
        :raises ConfigurationError: if a setting or the application cannot be used.
        :raises SystemExit: with status 1 if the start fails, because the port is taken, say.
        """
        self.debug = self.debug or debug
        settings |= {"host": host, "port": port, "loop": loop, "log_level": log_level}
        ranked = rank({"app": self, "max_threads": max_threads, **settings})
        launch({**ranked.component, **ranked.supervisor}, **ranked.process)

    def _finalized(self) -> Dispatcher:
        """Return the dispatcher, made now if that has not been done."""
        self.finalize()
        if self._dispatcher is None:
            raise RuntimeError(f"{self!r} overrides finalize() without calling it")
        return self._dispatcher

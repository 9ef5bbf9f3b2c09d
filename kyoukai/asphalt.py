"""Kyoukai as a component of the Asphalt framework.

In a configuration file::

    component:
      type: kyoukai
      app: guestbook:app
      port: 8000
      backend: httptools
      limits:
        max_body_size: 1048576

"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

from asphalt.core import Component, Context, context_teardown

from kyoukai.commands.ranks import CommandLineNames, check_names, variable_outranks
from kyoukai.core.applications.forms import AnyApplication
from kyoukai.core.contract.backend import Backend, claimed_features
from kyoukai.core.contract.selection import create_backends, read_names
from kyoukai.core.limits import Limits
from kyoukai.core.semantics.trusted_proxies import TrustedProxies
from kyoukai.core.serving.exported import Export, export, is_wireless
from kyoukai.core.serving.server_state import Server
from kyoukai.core.stopping import Step, run_all
from kyoukai.server.applications import resolve_application
from kyoukai.server.connection_events import ConnectionLostEvent, ConnectionMadeEvent, has_listeners
from kyoukai.server.entrance import Entrance, renewals
from kyoukai.server.hosting import interface_served
from kyoukai.server.listeners import Listeners
from kyoukai.server.logs import enable_own_loggers
from kyoukai.server.observers import make_observers, make_traces
from kyoukai.server.outliving import outlive
from kyoukai.server.settings import check_field, check_mapping, check_name, check_type, make_forwarding
from kyoukai.server.signals import call_at_signals, interruptible, signals_call
from kyoukai.server.starting import starting
from kyoukai.server.startup_log import announce, hint_at_http2, loop_name, report_in_one_line
from kyoukai.server.supervisor.worker import open_entrance, this_worker
from kyoukai.server.waiting import naming_waits
from kyoukai.web.application import Kyoukai
from kyoukai.web.context import HTTPRequestContext
from kyoukai.web.lifecycle import Lifecycle
from kyoukai.web.route_events import (
    ContainedSignal,
    RouteCompletedEvent,
    RouteInvokedEvent,
    RouteMatchedEvent,
)

__all__ = (
    "BACKEND_VARIABLE",
    "DEFAULT_BACKEND",
    "CommandLineNames",
    "ConnectionLostEvent",
    "ConnectionMadeEvent",
    "HTTPRequestContext",
    "KyoukaiComponent",
    "RouteCompletedEvent",
    "RouteInvokedEvent",
    "RouteMatchedEvent",
)

logger: Final = logging.getLogger("kyoukai.server")

DEFAULT_BACKEND: Final = "httptools"

BACKEND_VARIABLE: Final = "KYOUKAI_BACKEND"
"""The environment variable that names a backend; it outranks the configuration."""


class KyoukaiComponent(Component):
    """Serves one application by one backend.

    The constructor checks every setting and loads the backend, before any socket is opened. After its start,
    the component publishes itself, the application and the backend as resources.

    :param app: the application, of Kyoukai, ASGI or WSGI, or ``module:attribute``.
    :param backend: an installed backend's name, or ``module:attribute``; ``None``: ``httptools``. A list
        has several in order of preference; each connection is served by one of them: see
        :mod:`kyoukai.core.contract.negotiation`. The environment variable ``KYOUKAI_BACKEND`` outranks it.
    :param backend_options: options of the backend, by name; of several backends, such mappings by the names
        of the backends.
    :param limits: :class:`~kyoukai.core.limits.Limits`, or its values by name.
    :param ssl: ``certificate`` and ``key`` for TLS: see :func:`~kyoukai.server.tls.make_ssl_context`.
    :param settings: ``bind``, or ``host``, ``port`` or ``uds``, the addresses: see
        :meth:`~kyoukai.server.listeners.Listeners.from_settings`; ``factory``, whether ``app`` is a
        function that returns the application; ``interface``, ``root_path``, ``lifespan`` and
        ``websocket_options``, see :class:`~kyoukai.server.hosting.Hosting`; ``server_field``, the Server
        field of every response, empty for none; ``trusted_proxies``, ``forwarded``, ``forwarded_host`` and
        ``forwarded_prefix``, see :mod:`kyoukai.core.semantics.forwarding`; ``access_log`` and
        ``access_log_format``, see :mod:`kyoukai.server.access_log`; ``cancel_on_disconnect``, whether a
        handler is cancelled when its client disconnects; ``resource_name``, the name of the resources, if a
        process has several components;
        ``traces``, see :mod:`kyoukai.server.traces`; ``trace``, see :mod:`kyoukai.server.tracing`;
        ``debug``, whether the application is in debug mode.
    :raises ConfigurationError: if a setting is unknown, or its value cannot be used.
    """

    connection_made = ContainedSignal(ConnectionMadeEvent)
    connection_lost = ContainedSignal(ConnectionLostEvent)

    def __init__(
        self,
        app: AnyApplication | Callable[..., Any] | str | None = None,
        *,
        backend: str | Sequence[str] | None = None,
        backend_options: Mapping[str, Any] | None = None,
        limits: Mapping[str, Any] | Limits | None = None,
        ssl: Any = None,
        **settings: Any,
    ) -> None:
        report_in_one_line()
        check_names(settings)
        self.app = resolve_application(app, settings)
        if check_type(settings, "debug", False):
            from kyoukai.web.debug_mode import set_debug_mode

            set_debug_mode(self.app)
        listeners = Listeners.from_settings({**settings, "ssl": ssl})
        # The variable may be meant for another server of this process.
        variable = None if is_wireless.get() or export.get() else os.environ.get(BACKEND_VARIABLE)
        names = choose_backends(backend, variable)
        self.backends = create_backends(names, check_mapping("backend_options", backend_options))
        """The backends by name, the preferred first."""
        self.address = ("", 0)
        """After the start, the host and port of the first listener, or the path of its Unix socket and 0."""
        self.urls: tuple[str, ...] = ()
        """After the start, a URL for a browser for each listener."""
        self._exported_by = ""
        self.trace = check_type(settings, "trace", False)
        self.resource_name = check_name(check_type(settings, "resource_name", "default"))
        if not isinstance(limits, Limits):
            limits = Limits.from_mapping(check_mapping("limits", limits))
        proxies = TrustedProxies(settings.get("trusted_proxies") or ())
        self.entrance = Entrance(listeners, self.backends, limits, proxies)
        """The listeners and their backends."""
        self.server = Server(
            limits,
            server_field=check_field(check_type(settings, "server_field", "kyoukai")),
            observers=make_observers(settings),
            cancel_on_disconnect=check_type(settings, "cancel_on_disconnect", False),
            features=frozenset.intersection(*map(claimed_features, self.backends.values())),
            proxies=proxies or None,
            forwarding=make_forwarding(settings, proxies),
            on_opened=self._dispatch_made,
            on_lost=self._dispatch_lost,
        )
        make_traces(settings, self.server)

    @context_teardown
    async def start(self, ctx: Context) -> AsyncGenerator[None, Exception | None]:
        """Listen. At the end of the context, let requests in progress finish, and stop.

        :raises ListenError: if an address cannot be listened on.
        :raises Exception: the exception of the application's own start.
        """
        lifecycle = getattr(self.app, "lifecycle", None)
        exporting = export.get()
        if exporting is not None:
            async with self._exported(ctx, lifecycle, exporting):
                yield
            return
        await starting.guard(naming_waits(self._begin(ctx, lifecycle)))
        enable_own_loggers()
        ctx.add_teardown_callback(outlive(ctx.loop))
        handled: list[signal.Signals] = []

        acceptor = self.entrance.prepare(self, ctx, trace=self.trace)
        self.address, self.urls = self.entrance.address, self.entrance.urls
        worker = this_worker()
        if worker is None:
            ctx.add_teardown_callback(call_at_signals(renewals(self.entrance)))
        try:
            self._publish(ctx)
            self.server.start()
            if worker is None:
                await acceptor.start()
            with interruptible(ctx) as (handled, stop):
                await starting.check()
                facts = self._facts(ctx.loop)
                if worker is None:
                    announce({"urls": self.urls, **facts})
                else:
                    worker.begin(self.entrance, self.server, stop, facts)
                yield
        finally:
            abort = asyncio.Event()
            with signals_call(abort.set, handled):
                self.entrance.listeners.remove()
                close = acceptor.close if worker is None else partial(worker.leave, acceptor, abort)
                steps: list[Step] = [close, partial(self.server.stop, abort)]
                if lifecycle is not None:
                    steps.append(partial(lifecycle.stop, self.server.limits.background_timeout, abort))
                await run_all(steps, "several steps of the stop failed")
        logger.info("stopped")

    @property
    def backend(self) -> Backend:
        """The first of :attr:`backends`."""
        return next(iter(self.backends.values()))

    @property
    def backend_name(self) -> str:
        """The names of the backends, as ``h2, httptools``; under another server ``asgi``."""
        return self._exported_by or ", ".join(self.backends)

    @property
    def url(self) -> str:
        """The first of :attr:`urls`; empty before the start."""
        return self.urls[0] if self.urls else ""

    @contextlib.asynccontextmanager
    async def _exported(
        self, ctx: Context, lifecycle: Lifecycle | None, exporting: Export
    ) -> AsyncIterator[None]:
        """Serve under another server, which handles sockets and signals, while the block runs."""
        # A server that the application starts itself, for a test say, is not exported.
        export.set(None)
        self._exported_by = exporting.name
        await self._begin_application(ctx, lifecycle)
        try:
            self._publish(ctx)
            self.server.start()
            exporting.begin(self, ctx)
            yield
        finally:
            steps: list[Step] = [partial(self.server.stop, asyncio.Event())]
            if lifecycle is not None:
                steps.append(partial(lifecycle.stop, self.server.limits.background_timeout))
            await run_all(steps, "several steps of the stop failed")

    async def _begin_application(self, ctx: Context, lifecycle: Lifecycle | None) -> None:
        """Start the application."""
        finalize = getattr(self.app, "finalize", None)
        if finalize is not None:
            finalize()
        self.server.prepare(self.app)
        if lifecycle is not None:
            await lifecycle.start(ctx)

    async def _begin(self, ctx: Context, lifecycle: Lifecycle | None) -> None:
        """Start the application, and open the sockets that listen."""
        await self._begin_application(ctx, lifecycle)
        try:
            await starting.check()
            await open_entrance(self.entrance)
        except BaseException:
            if lifecycle is not None:
                await lifecycle.stop(0)
            raise

    def _facts(self, loop: asyncio.AbstractEventLoop) -> dict[str, Any]:
        hint = hint_at_http2(self.backends, self.entrance.listeners)
        interface = interface_served(self.app)
        return {"backend": self.backend_name, "loop": loop_name(loop), "interface": interface, "hint": hint}

    def _publish(self, ctx: Context) -> None:
        name = self.resource_name
        ctx.add_resource(self, name, types=[KyoukaiComponent])
        types: list[type] = [type(self.app)]
        if isinstance(self.app, Kyoukai) and type(self.app) is not Kyoukai:
            types.append(Kyoukai)
        ctx.add_resource(self.app, name, types=types)
        ctx.add_resource(self.backend, name, types=[Backend])

    def _dispatch_made(self, protocol: object) -> None:
        if has_listeners(KyoukaiComponent.connection_made, self):
            self.connection_made.dispatch(protocol)

    def _dispatch_lost(self, protocol: object, exc: Exception | None) -> None:
        if has_listeners(KyoukaiComponent.connection_lost, self):
            self.connection_lost.dispatch(protocol, exc)


def choose_backends(configured: object, variable: str | None) -> tuple[str, ...]:
    """Return the names of the backends, from the source with the highest rank.

    :param configured: the component's ``backend``.
    :param variable: the value of ``KYOUKAI_BACKEND``, names separated by commas; an empty one sets nothing.
    :raises BackendError: if they are not names of backends.
    """
    if variable_outranks(configured, variable):
        return read_names([name.strip() for name in str(variable).split(",")])
    return read_names(DEFAULT_BACKEND if configured is None else configured)

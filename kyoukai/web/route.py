"""A route: a handler, its URL rule and methods, and its own hooks.

A handler is called with the request's context and, by name, with the values of the rule's variables and of
``defaults``.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypedDict

from werkzeug.routing import Rule

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.semantics.grammar import MAX_METHOD_SIZE
from kyoukai.core.semantics.methods import may_be_declared

from .bodies import make_plan
from .calling import (
    AnyFunction,
    CoroutineFunction,
    as_coroutine_function,
    check_call,
    describe,
    short_name,
    stream_pool,
)
from .checks import check_name
from .host_names import check_hosts
from .node import Node, find_host
from .scope import Scope


class RouteOptions(TypedDict, total=False):
    """The keyword arguments of :class:`Route`."""

    endpoint: str | None
    strict_slashes: bool | None
    defaults: Mapping[str, Any] | None
    host: str | None
    subdomain: str | None
    before: Iterable[AnyFunction]
    after: Iterable[AnyFunction]
    stream: bool
    max_body_size: int | None


class Route:
    """One route, as ``@route`` declares it. It belongs to one blueprint.

    :param handler: a coroutine function; or a plain function, which runs in a thread.
    :param url: the URL rule below the blueprint's prefix, in Werkzeug's syntax.
    :param methods: the methods to accept, registered or custom. ``GET`` includes ``HEAD``.
    :param endpoint: its name within the blueprint; by default the handler's name.
    :param strict_slashes: whether a URL that lacks the rule's trailing slash is redirected (``True``) or
        answered (``False``); by default Werkzeug's ``True``.
    :param defaults: values of handler arguments that are not variables of the rule.
    :param host: the host that it answers for, as for a blueprint; by default the blueprint's.
    :param subdomain: the prefix of the blueprint's host, or of the application's ``server_name``.
    :param before: hooks called with the context, after those of the blueprints.
    :param after: hooks called with the context and the response, before those of the blueprints.
    :param stream: whether the handler is called at the end of the head and reads the body as it arrives, by
        ``ctx.stream()``; otherwise the body is buffered first.
    :param max_body_size: the largest body in bytes; a larger one is refused with 413. It may be above or
        below the server's ``max_body_size``, which is the default.
    :raises ConfigurationError: if an argument cannot be used.
    """

    __slots__ = (
        "after",
        "before",
        "body_plan",
        "bp",
        "defaults",
        "handler",
        "host",
        "invoke",
        "methods",
        "name",
        "observed",
        "rule",
        "scope",
        "strict_slashes",
        "subdomain",
        "url",
    )

    is_websocket = False
    """Whether it takes only requests for WebSockets."""

    arguments: tuple[str, ...] = ("ctx",)
    """The positional arguments of its handler."""

    rule: Rule
    """Werkzeug's rule, made when the application is finalized."""

    scope: Scope
    """The hooks and error handlers around it, known when the application is finalized."""

    observed: Any
    """Cached by an observer of answers, such as the metrics; unset until an observer sets it."""

    def __init__(
        self,
        handler: AnyFunction,
        url: str,
        methods: Iterable[str] = ("GET",),
        *,
        endpoint: str | None = None,
        strict_slashes: bool | None = None,
        defaults: Mapping[str, Any] | None = None,
        host: str | None = None,
        subdomain: str | None = None,
        before: Iterable[AnyFunction] = (),
        after: Iterable[AnyFunction] = (),
        stream: bool = False,
        max_body_size: int | None = None,
    ) -> None:
        if not callable(handler):
            raise ConfigurationError(f"a handler must be a function, not {handler!r}")
        if not isinstance(url, str) or not url.startswith("/"):
            raise ConfigurationError(f"the URL of {describe(handler)} must start with '/': {url!r}")
        self.handler = handler
        self.body_plan = make_plan(f"the route {url!r}", stream, max_body_size)
        self.invoke: CoroutineFunction = as_coroutine_function(handler, self.pool)
        self.url = url
        self.methods = check_methods(methods)
        self.name = check_name("an endpoint", short_name(handler) if endpoint is None else endpoint)
        self.strict_slashes = strict_slashes
        self.defaults = dict(defaults or {})
        self.host, self.subdomain = check_hosts(f"the route of {describe(handler)}", host, subdomain)
        self.before = check_hooks("before", before, ("ctx",))
        self.after = check_hooks("after", after, ("ctx", "response"))
        self.bp: Node | None = None

    @property
    def endpoint(self) -> str:
        """The name for ``url_for``: the names of its blueprints and its own."""
        return self.bp.qualify(self.name) if self.bp is not None else self.name

    @property
    def url_host(self) -> str | None:
        """The host that it answers for; ``None`` for every host.

        :raises ConfigurationError: if it has a subdomain and no host above it.
        """
        return find_host(f"the route of {describe(self.handler)}", self.host, self.subdomain, self.bp)

    @property
    def pool(self) -> ThreadPoolExecutor | None:
        """The thread pool that runs a plain function; ``None``: the event loop's default executor."""
        return stream_pool if self.body_plan is not None and self.body_plan.stream else None

    def __repr__(self) -> str:
        return f"<Route {self.endpoint} {self.url!r} {'|'.join(sorted(self.methods))}>"


def check_methods(methods: object) -> frozenset[str]:
    """Return the names of ``methods`` in capitals, as they are sent.

    :raises ConfigurationError: if a method cannot be served.
    """
    if isinstance(methods, str):
        raise ConfigurationError(f"methods must be a sequence: methods=({methods!r},), not {methods!r}")
    if not isinstance(methods, Iterable):
        raise ConfigurationError(f"methods must be a sequence of str, not {methods!r}")
    names = []
    for method in methods:
        if not isinstance(method, str) or not may_be_declared(method.upper()):
            raise ConfigurationError(
                f"{method!r} cannot be the method of a route; it must be a token of at most"
                f" {MAX_METHOD_SIZE} characters, such as GET, and not CONNECT or PRI"
            )
        names.append(method.upper())
    if not names:
        raise ConfigurationError("methods must name one method at least")
    return frozenset(names)


def check_hooks(what: str, hooks: object, arguments: Sequence[str]) -> tuple[AnyFunction, ...]:
    """Return ``hooks`` as a tuple.

    :raises ConfigurationError: if it is not an iterable of functions that accept ``arguments``.
    """
    if not isinstance(hooks, Iterable):
        raise ConfigurationError(f"{what} must be a sequence of hooks, not {hooks!r}")
    checked: tuple[AnyFunction, ...] = tuple(hooks)
    for hook in checked:
        check_call(f"a hook {what}", hook, arguments)
    return checked

"""A node in the tree of blueprints: name, prefix, host, hooks, error handlers and parent.

Scopes, rules, hosts and contexts import this module, as they need no more of a blueprint. The class Blueprint
adds routes and children.
"""

from collections.abc import Callable
from typing import TypeVar

from .calling import AnyFunction, check_call
from .checks import check_name, check_prefix
from .error_handlers import ErrorKey, check_key
from .hooks import Hooks, check_serving, check_while_serving
from .host_names import check_hosts, join_host

F = TypeVar("F", bound=AnyFunction)


class Node:
    """A blueprint without its routes and children. The parameters are those of :class:`~kyoukai.Blueprint`.

    :ivar parent: the parent node; ``None`` for the application and for a blueprint outside of a tree.
    :ivar hooks: the hooks of this node.
    :ivar finalized: whether additions are refused.
    :raises ConfigurationError: if name, prefix or host cannot be used.
    """

    def __init__(
        self, name: str, *, prefix: str = "", host: str | None = None, subdomain: str | None = None
    ) -> None:
        self.name = check_name("a blueprint", name)
        self.prefix = check_prefix(f"blueprint {name!r}", prefix)
        self.host, self.subdomain = check_hosts(f"blueprint {name!r}", host, subdomain)
        self.parent: Node | None = None
        self.hooks = Hooks()
        self.finalized = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.prefix!r}>"

    @property
    def lineage(self) -> "list[Node]":
        """The nodes from the root to this one."""
        above = self.parent.lineage if self.parent is not None else []
        return [*above, self]

    @property
    def url_prefix(self) -> str:
        """The URL prefix of its routes: the prefixes of the whole lineage."""
        return "".join(node.prefix for node in self.lineage)

    @property
    def url_host(self) -> str | None:
        """The host that its routes answer for; ``None`` for every host.

        :raises ConfigurationError: if it has a subdomain and no host above it.
        """
        return find_host(f"blueprint {self.name!r}", self.host, self.subdomain, self.parent)

    @property
    def domain(self) -> str | None:
        """The host that the subdomains of child blueprints are prefixed to, if there is one."""
        return self.url_host or (self.parent.domain if self.parent is not None else None)

    def qualify(self, name: str) -> str:
        """Return the full endpoint of ``name``: the names of the blueprints before it."""
        qualified = f"{self.name}.{name}"
        return self.parent.qualify(qualified) if self.parent is not None else qualified

    def before_request(self, hook: F) -> F:
        """Register a hook that is called with the context before each handler of this blueprint; a decorator.

        If the hook returns something other than ``None``, this is the answer, and the handler is not called.

        :raises ConfigurationError: if the hook does not accept the arguments.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook before", hook, ("ctx",))
        self.hooks.before.append(hook)
        return hook

    def after_request(self, hook: F) -> F:
        """Register a hook that is called with the context and the response of each request; a decorator.

        If the hook returns something other than ``None``, this replaces the response.

        :raises ConfigurationError: if the hook does not accept the arguments.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook after", hook, ("ctx", "response"))
        self.hooks.after.append(hook)
        return hook

    def errorhandler(self, key: ErrorKey) -> Callable[[F], F]:
        """Return a decorator that registers an error handler, which is called with the context and the error.

        The error handler may return whatever a handler may return. Without a status of its own, the answer
        has the error's.

        :param key: a status, a ``range`` of statuses, or an exception class.
        :raises ConfigurationError: if ``key`` cannot be used, or has a handler in this blueprint already.
        :raises RuntimeError: if the application is finalized.
        """
        check_key(key)

        def add(handler: F) -> F:
            self._check_open()
            self.hooks.error_handlers.add(key, handler)
            return handler

        return add

    def before_serving(self, hook: F) -> F:
        """Register a hook that is called once before the server listens; a decorator.

        It is called with the component's context. An exception from the hook ends the start.

        :raises ConfigurationError: if the hook does not accept the argument.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_serving("a hook before serving", hook)
        self.hooks.serving.append((hook, False))
        return hook

    def after_serving(self, hook: F) -> F:
        """Register a hook that is called once after the last request; a decorator.

        It is called with the component's context, if the start of this blueprint began, even if the start
        failed.

        :raises ConfigurationError: if the hook does not accept the argument.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_serving("a hook after serving", hook)
        self.hooks.after_serving.append(hook)
        return hook

    def while_serving(self, hook: F) -> F:
        """Register an async generator function that runs around the time of serving; a decorator.

        It is called with the component's context, runs to its one ``yield`` before serving, and resumes after
        it.

        :raises ConfigurationError: if it is not an async generator function, or does not accept the argument.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_while_serving(hook)
        self.hooks.serving.append((hook, True))
        return hook

    def _check_open(self) -> None:
        if self.finalized:
            raise RuntimeError(
                f"blueprint {self.name!r} belongs to an application that is finalized, and may be serving"
                " requests; routes, hooks, error handlers and blueprints have to be added before that"
            )


def find_host(what: str, host: str | None, subdomain: str | None, above: Node | None) -> str | None:
    """Return the host that a blueprint or a route answers for; ``None`` for every host.

    :param what: the blueprint or route, as named in the message.
    :param host: its own host, if it has one.
    :param subdomain: its own subdomain, if it has one.
    :param above: the blueprint that contains it.
    :raises ConfigurationError: if it has a subdomain and no host above it.
    """
    if host is not None:
        return host
    if subdomain is None:
        return above.url_host if above is not None else None
    return join_host(what, subdomain, above.domain if above is not None else None)

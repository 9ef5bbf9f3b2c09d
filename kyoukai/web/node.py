"""A node of the tree of blueprints: name, prefix, host, hooks and error handlers, and the node above.

Scopes, rules, hosts and contexts need no more of a blueprint than this, and import this module. The class
Blueprint adds routes and children.
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
    """A blueprint without its routes and children. Its parameters are those of :class:`~kyoukai.Blueprint`.

    :ivar parent: the node above; ``None`` for the root, which is the application, and for a blueprint that
        has not been added to a tree.
    :ivar hooks: what it has called.
    :ivar finalized: whether nothing may be added any more.
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
        """What the URLs of its routes start with: the prefixes of the whole lineage."""
        return "".join(node.prefix for node in self.lineage)

    @property
    def url_host(self) -> str | None:
        """The host that its routes answer for; ``None``, if they do for all.

        :raises ConfigurationError: if it has a subdomain, and there is no host above it.
        """
        return find_host(f"blueprint {self.name!r}", self.host, self.subdomain, self.parent)

    @property
    def domain(self) -> str | None:
        """What the subdomains of blueprints below it are in front of, if there is anything."""
        return self.url_host or (self.parent.domain if self.parent is not None else None)

    def qualify(self, name: str) -> str:
        """Return the endpoint that ``name`` is known by outside."""
        qualified = f"{self.name}.{name}"
        return self.parent.qualify(qualified) if self.parent is not None else qualified

    def before_request(self, hook: F) -> F:
        """Call ``hook`` with the context before each handler below; a decorator.

        What it returns, if not ``None``, is the answer, and the handler is not called.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook before", hook, ("ctx",))
        self.hooks.before.append(hook)
        return hook

    def after_request(self, hook: F) -> F:
        """Call ``hook`` with the context and the response of each request below; a decorator.

        What it returns, if not ``None``, takes the response's place.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_call("a hook after", hook, ("ctx", "response"))
        self.hooks.after.append(hook)
        return hook

    def errorhandler(self, key: ErrorKey) -> Callable[[F], F]:
        """Return a decorator for a function that answers errors, called with context and error.

        It returns what a handler may return. Where that says no status, it is the error's.

        :param key: a status, a ``range`` of them, or a class of exceptions.
        :raises ConfigurationError: if it cannot be used, or has a handler in this blueprint.
        :raises RuntimeError: if the application is finalized.
        """
        check_key(key)

        def add(handler: F) -> F:
            self._check_open()
            self.hooks.error_handlers.add(key, handler)
            return handler

        return add

    def before_serving(self, hook: F) -> F:
        """Call ``hook`` once before the server listens, with the component's context; a decorator.

        What it raises ends the start.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_serving("a hook before serving", hook)
        self.hooks.serving.append((hook, False))
        return hook

    def after_serving(self, hook: F) -> F:
        """Call ``hook`` once when the last request is answered, with the component's context; a decorator.

        It is called if the start of this blueprint was begun, even if that failed.

        :raises ConfigurationError: if it cannot be called so.
        :raises RuntimeError: if the application is finalized.
        """
        self._check_open()
        check_serving("a hook after serving", hook)
        self.hooks.after_serving.append(hook)
        return hook

    def while_serving(self, hook: F) -> F:
        """Run an async generator function up to its one ``yield`` before serving, and the rest after.

        It is called with the component's context; a decorator.

        :raises ConfigurationError: if it is none, or cannot be called so.
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
    """Return the host that a blueprint or a route answers for; ``None``, if it does for all.

    :param what: which it is, for the message.
    :param host: its own, if it has one.
    :param subdomain: its own, if it has one.
    :param above: the blueprint that it is in.
    :raises ConfigurationError: if it has a subdomain, and there is no host above it.
    """
    if host is not None:
        return host
    if subdomain is None:
        return above.url_host if above is not None else None
    return join_host(what, subdomain, above.domain if above is not None else None)

"""Route groups: classes whose methods are the routes, hooks and error handlers of one blueprint.

The decorators here mark a method and leave it unchanged. When an instance is added to the tree, it gets a
blueprint, to which its marked methods are added. So one tree can contain several instances of one class, each
with its own name and prefix.

Methods are inherited as usual. An unmarked method that overrides a marked one keeps the marks. A marked one
replaces them. ``name = None`` removes a route or a hook. Routes and hooks of base classes come first, in the
order of the source.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar, Final, TypeVar

from kyoukai.core.errors import ConfigurationError

from .blueprint import Blueprint
from .calling import AnyFunction, describe
from .error_handlers import ErrorHandlers, ErrorKey
from .route import Route

F = TypeVar("F", bound=AnyFunction)
Mark = Callable[[Blueprint, "RouteGroup", AnyFunction], object]

MARKS: Final = "__kyoukai_marks__"


class RouteGroup:
    """A base class for routes that share state: each instance becomes a blueprint.

    The keywords of a subclass are the options of :class:`~kyoukai.Blueprint`, except ``parent``. Subclasses
    inherit them, except ``name``, whose default is the name of the class.

    :raises ConfigurationError: by a subclass, if an option cannot be used.
    """

    bp: Blueprint | None = None
    """The blueprint of this instance, once it is part of a tree."""

    _own_options: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__()
        # A dataclass with slots is created twice; the second class has only the attributes of the first.
        cls._own_options = {**vars(cls).get("_own_options", {}), **options}
        cls._prepare_blueprint({})

    def make_blueprint(self, **options: Any) -> Blueprint:
        """Return a blueprint with the marked methods; ``add_route_group`` calls this.

        :param options: options of the blueprint that override those of the class.
        :raises ConfigurationError: if an option or a method cannot be used, or if the instance has a
            blueprint already.
        """
        # A blueprint without a parent is left over from an attempt to add it.
        if self.bp is not None and self.bp.parent is not None:
            raise ConfigurationError(
                f"{self!r} already has the blueprint {self.bp.name!r}; add another instance instead"
            )
        blueprint = self._prepare_blueprint(options)
        for name, marks in _find_marked(type(self)):
            for mark in marks:
                mark(blueprint, self, getattr(self, name))
        object.__setattr__(self, "bp", blueprint)  # A group may be a frozen dataclass.
        return blueprint

    @classmethod
    def _prepare_blueprint(cls, options: dict[str, Any]) -> Blueprint:
        """Return the blueprint of an instance, still empty."""
        groups = [base for base in reversed(cls.__mro__) if issubclass(base, RouteGroup)]
        merged: dict[str, Any] = {}
        for group in groups:
            merged.update(group._own_options)
            merged["name"] = group._own_options.get("name", group.__name__)
        merged.update(options)
        if "parent" in merged:
            raise ConfigurationError(
                f"the route group {cls.__qualname__} takes no parent; add it by add_route_group"
            )
        try:
            return Blueprint(**merged)
        except TypeError as exc:
            raise ConfigurationError(
                f"the route group {cls.__qualname__} takes the options of a Blueprint: {exc}"
            ) from None


def route(url: str, methods: Iterable[str] = ("GET",), **options: Any) -> Callable[[F], F]:
    """Return a decorator that makes a method of a :class:`RouteGroup` a handler.

    It can be used several times on one method.

    :param url: the URL rule below the group's prefix.
    :param methods: the methods to accept.
    :param options: the other parameters of :meth:`Blueprint.route() <kyoukai.Blueprint.route>`. ``before``
        and ``after`` may contain methods of the group, which are called on the instance.
    :raises ConfigurationError: if an argument cannot be used.
    """
    if callable(url):
        raise ConfigurationError(f"route takes a URL first: @route('/...') before {describe(url)}")
    hooks = {
        name: tuple(value) if isinstance(value, Iterable) else value
        for name, value in options.items()
        if name in ("before", "after")
    }
    others = {name: value for name, value in options.items() if name not in hooks}

    def add(method: F) -> F:
        # Check the arguments at the decorator; the hooks are checked when they are bound.
        checked = Route(getattr(method, "__func__", method), url, methods, **others)

        def mark(blueprint: Blueprint, group: RouteGroup, bound: AnyFunction) -> None:
            bound_hooks: dict[str, Any] = {name: _bind(group, value) for name, value in hooks.items()}
            blueprint.route(url, checked.methods, **others, **bound_hooks)(bound)

        return _add_mark(method, mark)

    return add


def websocket(url: str, **options: Any) -> Callable[[F], F]:
    """Return a decorator that makes a method of a :class:`RouteGroup` a handler of WebSockets.

    :param url: the URL rule below the group's prefix.
    :param options: the other parameters of :meth:`Blueprint.websocket() <kyoukai.Blueprint.websocket>`.
    :raises ConfigurationError: if an argument cannot be used.
    """
    if callable(url):
        raise ConfigurationError(f"websocket takes a URL first: @websocket('/...') before {describe(url)}")
    hooks = {name: options.pop(name) for name in ("before", "after") if name in options}

    def add(method: F) -> F:
        # Check the arguments at the decorator.
        Blueprint("checked").websocket(url, **options)(getattr(method, "__func__", method))

        def mark(blueprint: Blueprint, group: RouteGroup, bound: AnyFunction) -> None:
            bound_hooks: dict[str, Any] = {name: _bind(group, tuple(value)) for name, value in hooks.items()}
            blueprint.websocket(url, **options, **bound_hooks)(bound)

        return _add_mark(method, mark)

    return add


def errorhandler(key: ErrorKey) -> Callable[[F], F]:
    """Return a decorator that makes a method of a :class:`RouteGroup` an error handler of the group.

    :param key: a status, a ``range`` of statuses, or an exception class.
    :raises ConfigurationError: if ``key`` cannot be used.
    """
    ErrorHandlers().add(key, lambda ctx, exception: None)

    def add(method: F) -> F:
        return _add_mark(method, lambda blueprint, group, bound: blueprint.errorhandler(key)(bound))

    return add


def before_request(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook before each handler of the group; a decorator.

    :raises ConfigurationError: if it is not a function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.before_request(bound))


def after_request(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook after each request of the group; a decorator.

    :raises ConfigurationError: if it is not a function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.after_request(bound))


def before_serving(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook that runs before the server listens; a decorator.

    :raises ConfigurationError: if it is not a function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.before_serving(bound))


def while_serving(method: F) -> F:
    """Make an async generator method of a :class:`RouteGroup` a hook around serving; a decorator.

    The part before ``yield`` runs before the server listens; the part after it, after the last request.

    :raises ConfigurationError: if it is not a function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.while_serving(bound))


def after_serving(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook that runs after the last request; a decorator.

    :raises ConfigurationError: if it is not a function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.after_serving(bound))


def _add_mark(method: F, mark: Mark) -> F:
    """Return ``method`` with a mark.

    :raises ConfigurationError: if it cannot be marked.
    """
    try:
        # A new tuple: functools.wraps lets two functions share the old one.
        setattr(method, MARKS, (*_marks_of(method), mark))
    except AttributeError:
        raise ConfigurationError(
            f"a route group's decorators are for functions in a class, not for {method!r}"
        ) from None
    return method


def _marks_of(member: object) -> tuple[Mark, ...]:
    """Return the marks of a function, or of the function inside a static or class method."""
    marks: tuple[Mark, ...] = getattr(member, MARKS, ()) or getattr(
        getattr(member, "__func__", None), MARKS, ()
    )
    return marks


def _find_marked(kind: type) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    """Yield the name and marks of each marked method of a class, base classes first."""
    names = {name: None for base in reversed(kind.__mro__) for name in vars(base)}
    for name in names:
        members = [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
        marks = next(filter(None, map(_marks_of, members)), ())
        if marks and members[0] is not None:
            yield name, marks


def _bind(group: RouteGroup, hooks: object) -> object:
    """Return the hooks of a route, with methods of the group bound to the instance."""
    if not isinstance(hooks, tuple):
        return hooks  # The route refuses it.
    return tuple(getattr(group, hook.__name__) if _is_member(group, hook) else hook for hook in hooks)


def _is_member(group: RouteGroup, hook: object) -> bool:
    name: str = getattr(hook, "__name__", "")
    return any(name in vars(base) and vars(base)[name] is hook for base in type(group).__mro__)

"""Route groups: classes whose methods are the routes, hooks and error handlers of one blueprint.

The decorators here are those of a blueprint for a time when there is none yet: they mark a method, and
leave it as it is. When an instance is added to the tree, a blueprint is made, and what the marks say
is done with the methods bound to the instance. So several instances of one class can be in one tree,
each with a name and a prefix of its own.

Methods are inherited as in any class. One that overrides another and has no mark keeps the marks of
what it overrides; one with marks has those alone; ``name = None`` takes a route or a hook away. What
the base classes declare comes first, in the order in which it is written.
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
    """A base class for groups of routes that share state. Keywords of a subclass are its blueprint's.

    They are those of :class:`~kyoukai.Blueprint` but for ``parent``. Subclasses inherit them, the name
    excepted: it is the name of the class, unless given.

    :raises ConfigurationError: by a subclass, if one of them cannot be used.
    """

    bp: Blueprint | None = None
    """The blueprint made for this instance, once it has been added to a tree."""

    _own_options: ClassVar[dict[str, Any]] = {}

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__()
        # A dataclass with slots is a class made a second time, of the first one's attributes alone.
        cls._own_options = {**vars(cls).get("_own_options", {}), **options}
        cls._prepare_blueprint({})

    def make_blueprint(self, **options: Any) -> Blueprint:
        """Return a blueprint with all that the methods are marked for; ``add_route_group`` calls this.

        :param options: options of the blueprint that go before the class's.
        :raises ConfigurationError: if an option or a method cannot be used, or if the instance has a
            blueprint already.
        """
        # One without a parent is what is left of an attempt to add it.
        if self.bp is not None and self.bp.parent is not None:
            raise ConfigurationError(
                f"{self!r} is the blueprint {self.bp.name!r} already; a second place needs another instance"
            )
        blueprint = self._prepare_blueprint(options)
        for name, marks in _find_marked(type(self)):
            for mark in marks:
                mark(blueprint, self, getattr(self, name))
        object.__setattr__(self, "bp", blueprint)  # A frozen dataclass is a group as well.
        return blueprint

    @classmethod
    def _prepare_blueprint(cls, options: dict[str, Any]) -> Blueprint:
        """Return the blueprint of an instance, with nothing in it yet."""
        groups = [base for base in reversed(cls.__mro__) if issubclass(base, RouteGroup)]
        merged: dict[str, Any] = {}
        for group in groups:
            merged.update(group._own_options)
            merged["name"] = group._own_options.get("name", group.__name__)
        merged.update(options)
        if "parent" in merged:
            raise ConfigurationError(
                f"the route group {cls.__qualname__} takes no parent: its parent is what it is added to"
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

    :param url: the URL below the group's prefix.
    :param methods: the methods it takes.
    :param options: the other parameters of :meth:`Blueprint.route() <kyoukai.Blueprint.route>`. Among
        ``before`` and ``after`` may be methods of the group, which are called as such.
    :raises ConfigurationError: if any of it cannot be used.
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
        # Made to be checked where it is written; the hooks are checked when they are bound.
        checked = Route(getattr(method, "__func__", method), url, methods, **others)

        def mark(blueprint: Blueprint, group: RouteGroup, bound: AnyFunction) -> None:
            bound_hooks: dict[str, Any] = {name: _bind(group, value) for name, value in hooks.items()}
            blueprint.route(url, checked.methods, **others, **bound_hooks)(bound)

        return _add_mark(method, mark)

    return add


def websocket(url: str, **options: Any) -> Callable[[F], F]:
    """Return a decorator that makes a method of a :class:`RouteGroup` the handler of WebSockets.

    :param url: the URL below the group's prefix.
    :param options: the other parameters of :meth:`Blueprint.websocket() <kyoukai.Blueprint.websocket>`.
    :raises ConfigurationError: if any of it cannot be used.
    """
    if callable(url):
        raise ConfigurationError(f"websocket takes a URL first: @websocket('/...') before {describe(url)}")
    hooks = {name: options.pop(name) for name in ("before", "after") if name in options}

    def add(method: F) -> F:
        # Made to be checked where it is written, as routes are.
        Blueprint("checked").websocket(url, **options)(getattr(method, "__func__", method))

        def mark(blueprint: Blueprint, group: RouteGroup, bound: AnyFunction) -> None:
            bound_hooks: dict[str, Any] = {name: _bind(group, tuple(value)) for name, value in hooks.items()}
            blueprint.websocket(url, **options, **bound_hooks)(bound)

        return _add_mark(method, mark)

    return add


def errorhandler(key: ErrorKey) -> Callable[[F], F]:
    """Return a decorator that makes a method of a :class:`RouteGroup` answer errors of the group.

    :param key: a status, a ``range`` of them, or a class of exceptions.
    :raises ConfigurationError: if it cannot be used.
    """
    ErrorHandlers().add(key, lambda ctx, exception: None)

    def add(method: F) -> F:
        return _add_mark(method, lambda blueprint, group, bound: blueprint.errorhandler(key)(bound))

    return add


def before_request(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook before each handler of the group; a decorator.

    :raises ConfigurationError: if it is no function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.before_request(bound))


def after_request(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook after each request of the group; a decorator.

    :raises ConfigurationError: if it is no function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.after_request(bound))


def before_serving(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook before the server listens; a decorator.

    :raises ConfigurationError: if it is no function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.before_serving(bound))


def while_serving(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook around the whole time of serving; a decorator.

    :raises ConfigurationError: if it is no function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.while_serving(bound))


def after_serving(method: F) -> F:
    """Make a method of a :class:`RouteGroup` a hook after the last request; a decorator.

    :raises ConfigurationError: if it is no function.
    """
    return _add_mark(method, lambda blueprint, group, bound: blueprint.after_serving(bound))


def _add_mark(method: F, mark: Mark) -> F:
    """Return ``method``, marked.

    :raises ConfigurationError: if it cannot be marked.
    """
    try:
        # A new tuple, as functools.wraps lets two functions share the one that is there.
        setattr(method, MARKS, (*_marks_of(method), mark))
    except AttributeError:
        raise ConfigurationError(
            f"a route group's decorators are for functions in a class, not for {method!r}"
        ) from None
    return method


def _marks_of(member: object) -> tuple[Mark, ...]:
    """Return the marks of what stands in a class: a function, or a static or class method around one."""
    marks: tuple[Mark, ...] = getattr(member, MARKS, ()) or getattr(
        getattr(member, "__func__", None), MARKS, ()
    )
    return marks


def _find_marked(kind: type) -> Iterator[tuple[str, tuple[Mark, ...]]]:
    """Yield name and marks of each marked method of a class, those of its base classes first."""
    names = {name: None for base in reversed(kind.__mro__) for name in vars(base)}
    for name in names:
        members = [vars(base)[name] for base in kind.__mro__ if name in vars(base)]
        marks = next(filter(None, map(_marks_of, members)), ())
        if marks and members[0] is not None:
            yield name, marks


def _bind(group: RouteGroup, hooks: object) -> object:
    """Return the hooks of a route, the methods of the group among them bound to it."""
    if not isinstance(hooks, tuple):
        return hooks  # For the route to refuse.
    return tuple(getattr(group, hook.__name__) if _is_member(group, hook) else hook for hook in hooks)


def _is_member(group: RouteGroup, hook: object) -> bool:
    name: str = getattr(hook, "__name__", "")
    return any(name in vars(base) and vars(base)[name] is hook for base in type(group).__mro__)

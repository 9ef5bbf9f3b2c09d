"""The hooks and error handlers around a handler, from its route and its blueprints.

Layers nest: the application, the blueprints from the outermost to the innermost, the route. ``before`` hooks
are called from the outside in, in the order of registration; ``after`` hooks in the reverse order. An error
is offered to the error handlers from the inside out. A request without a route has the application's hooks,
and the error handlers of :mod:`kyoukai.web.error_scopes`. An ``OPTIONS`` that is answered in place of a route
has the layers of the route.
"""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from .calling import AnyFunction, CoroutineFunction, as_coroutine_function
from .error_handlers import ErrorHandlers
from .node import Node


class Scope:
    """The layers around one route, or around a request without one, in the order of use.

    :param blueprints: the application first, the innermost blueprint last.
    :param before: the route's own ``before`` hooks.
    :param after: the route's own ``after`` hooks.
    :param pool: the threads for plain ``before`` hooks that may wait for a client's body; by default the
        loop's default executor.
    """

    __slots__ = ("after", "before", "bp", "error_handlers")

    def __init__(
        self,
        blueprints: Iterable[Node],
        before: Iterable[AnyFunction] = (),
        after: Iterable[AnyFunction] = (),
        pool: ThreadPoolExecutor | None = None,
    ) -> None:
        layers = tuple(blueprints)
        self.bp = layers[-1]
        befores = [hook for layer in layers for hook in layer.hooks.before] + list(before)
        afters = [hook for layer in layers for hook in layer.hooks.after] + list(after)
        self.before: tuple[CoroutineFunction, ...] = tuple(
            as_coroutine_function(hook, pool) for hook in befores
        )
        self.after: tuple[CoroutineFunction, ...] = tuple(map(as_coroutine_function, reversed(afters)))
        self.error_handlers: tuple[ErrorHandlers, ...] = tuple(
            layer.hooks.error_handlers for layer in reversed(layers)
        )

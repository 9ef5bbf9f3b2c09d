"""The signals of a request's course, and what their listeners are told."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from asphalt.core import Context, Event, Signal
from werkzeug.wrappers import Response

from kyoukai.core.faults import contained

from .route import Route


class RouteEvent(Event):
    """Something that happened to a request that a route takes. ``source`` is its context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
    """

    __slots__ = ("params", "route")

    def __init__(self, source: Context, topic: str, route: Route, params: Mapping[str, Any]) -> None:
        super().__init__(source, topic)
        self.route = route
        self.params = params


class RouteMatchedEvent(RouteEvent):
    """A route takes the request; no hook has been called yet."""

    __slots__ = ()


class RouteInvokedEvent(RouteEvent):
    """The hooks before it let the request pass; the handler is called next.

    For an ``OPTIONS`` that is answered in the place of a route, it does not happen.
    """

    __slots__ = ()


class RouteCompletedEvent(RouteEvent):
    """The request is answered, whether by the handler, a hook or an error handler.

    :ivar response: the answer.
    """

    __slots__ = ("response",)

    def __init__(
        self,
        source: Context,
        topic: str,
        route: Route,
        params: Mapping[str, Any],
        response: Response,
    ) -> None:
        super().__init__(source, topic, route, params)
        self.response = response


E = TypeVar("E", bound=Event)
T_Event = TypeVar("T_Event", bound=RouteEvent)


class ContainedSignal(Signal[E]):
    """A signal whose listeners may raise anything: Asphalt logs it, and goes on.

    Of itself Asphalt takes nothing but an :exc:`Exception`. Anything else would end the loop, and whoever
    waits for the listeners would wait for ever.
    """

    __slots__ = ()

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        bound = self.bound_signals.get(instance)
        if bound is None:
            bound = self.bound_signals[instance] = self.bind(instance)
        return bound

    def bind(self, source: Any) -> "BoundSignal[E]":
        """Return the signal of one object."""
        return BoundSignal(self.event_class, source=source, topic=self.topic)


class BoundSignal(Signal[E]):
    """The signal of one object."""

    __slots__ = ()

    def dispatch_raw(self, event: Event) -> Awaitable[bool]:
        """Tell the listeners, and return what can be awaited until they have heard."""
        # Whose it is does not matter to what it does.
        contained_ones: Signal[E] = Signal(self.event_class, source=BoundSignal, topic=self.topic)
        contained_ones.listeners = [
            contained(listener, "a listener", (Exception,)) for listener in self.listeners or ()
        ]
        return contained_ones.dispatch_raw(event)


class RequestSignal(ContainedSignal[T_Event]):
    """A signal that the context it is bound to keeps, and that is bound only when asked for.

    Asphalt keeps the bound signals of all instances in one weak mapping. Asking it at each step of
    each request whether anyone listens would cost more than the routing does.
    """

    __slots__ = ()

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        bound = self.bind(instance)
        # An entry of that name hides this descriptor from now on.
        instance.__dict__[self.topic] = bound
        instance.observed = True
        return bound

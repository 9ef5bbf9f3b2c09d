"""The signals of a request, and their events."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar

from asphalt.core import Context, Event, Signal
from werkzeug.wrappers import Response

from kyoukai.core.faults import contained

from .route import Route


class RouteEvent(Event):
    """An event of a request that has a route. ``source`` is the request's context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
    """

    __slots__ = ("params", "route")

    def __init__(self, source: Context, topic: str, route: Route, params: Mapping[str, Any]) -> None:
        super().__init__(source, topic)
        self.route = route
        self.params = params


class RouteMatchedEvent(RouteEvent):
    """The route of a request is found; no hook has been called yet. ``source`` is the request's context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
    """

    __slots__ = ()


class RouteInvokedEvent(RouteEvent):
    """The ``before`` hooks let the request pass; the handler is called next.

    It does not occur for an ``OPTIONS`` that is answered in place of a route. ``source`` is the request's
    context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
    """

    __slots__ = ()


class RouteCompletedEvent(RouteEvent):
    """The request is answered, by the handler, a hook or an error handler.

    ``source`` is the request's context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
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
    """A signal whose listeners may raise anything: Asphalt logs it and continues.

    Asphalt itself handles only an :exc:`Exception`. Any other BaseException would end the loop, and a task
    that waits for the listeners would wait forever.
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
        """Return the signal bound to an object."""
        return BoundSignal(self.event_class, source=source, topic=self.topic)


class BoundSignal(Signal[E]):
    """A signal bound to an object."""

    __slots__ = ()

    def dispatch_raw(self, event: Event) -> Awaitable[bool]:
        """Call the listeners; return an awaitable for their end."""
        # The source does not matter for dispatching.
        contained_ones: Signal[E] = Signal(self.event_class, source=BoundSignal, topic=self.topic)
        contained_ones.listeners = [
            contained(listener, "a listener", (Exception,)) for listener in self.listeners or ()
        ]
        return contained_ones.dispatch_raw(event)


class RequestSignal(ContainedSignal[T_Event]):
    """A signal that its context keeps, and that is bound at first use.

    Asphalt keeps the bound signals of all instances in one weak mapping. Looking up the listeners there at
    each step of each request would cost more than the routing.
    """

    __slots__ = ()

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        bound = self.bind(instance)
        # The instance attribute hides this descriptor from now on.
        instance.__dict__[self.topic] = bound
        instance.observed = True
        return bound

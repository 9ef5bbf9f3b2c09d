"""The signals of a request's course, and what their listeners are told."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from asphalt.core import Event, Signal
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from .context import HTTPRequestContext
    from .route import Route


class RouteEvent(Event):
    """Something that happened to a request that a route takes. ``source`` is its context.

    :ivar route: the route.
    :ivar params: the values of the rule's variables.
    """

    __slots__ = ("params", "route")

    def __init__(
        self, source: "HTTPRequestContext", topic: str, route: "Route", params: Mapping[str, Any]
    ) -> None:
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
        source: "HTTPRequestContext",
        topic: str,
        route: "Route",
        params: Mapping[str, Any],
        response: Response,
    ) -> None:
        super().__init__(source, topic, route, params)
        self.response = response


T_Event = TypeVar("T_Event", bound=RouteEvent)


class RequestSignal(Signal[T_Event]):
    """A signal that the context it is bound to keeps, and that is bound only when asked for.

    Asphalt keeps the bound signals of all instances in one weak mapping. Asking it at each step of
    each request whether anyone listens would cost more than the routing does.
    """

    __slots__ = ()

    def __get__(self, instance: Any, owner: Any) -> Any:
        if instance is None:
            return self
        bound: Signal[T_Event] = Signal(self.event_class, source=instance, topic=self.topic)
        # An entry of that name hides this descriptor from now on.
        instance.__dict__[self.topic] = bound
        instance.observed = True
        return bound

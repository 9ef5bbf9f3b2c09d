"""The observers of answers: the access log, metrics, traces. By default there are none, at no cost."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..faults import is_fault

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

logger: Final = logging.getLogger("kyoukai.server")

Observe = Callable[[Any, "Request | None", "Response | None"], None]
"""A function that is called once for each exchange, in the event loop, when its answer was written.

Its arguments are the :class:`~kyoukai.core.exchange.exchange.Exchange`; the request, or ``None`` if none was
made; and the response of the application or the server, or ``None`` if there was none. It must be quick. The
exchange has the head, the status, the bytes sent and received, and the time when it began. Its status is 0 if
the client was gone, or the task ended, before the answer. Exceptions that it raises are logged.
"""


class TunnelEnd(NamedTuple):
    """A summary of a tunnel at its end. Sizes are in bytes, including the framing of messages."""

    protocol: str
    code: int
    """The protocol's code of the close."""
    received: int
    """Messages."""
    sent: int
    received_size: int
    sent_size: int


ObserveEnd = Callable[[Any, "Request | None", TunnelEnd], None]
"""A function that is called at the end of a tunnel, with the exchange and the request that opened it."""


def told_of_ends(observers: Sequence[Observe]) -> ObserveEnd | None:
    """Return a function that calls ``tunnel_ended`` of all observers that have it; ``None`` if none has."""
    everyone = [contained(one.tunnel_ended) for one in observers if hasattr(one, "tunnel_ended")]
    if not everyone:
        return None

    def tell(exchange: Any, request: "Request | None", end: TunnelEnd) -> None:
        for observe in everyone:
            observe(exchange, request, end)

    return tell


def told(observers: Sequence[Observe]) -> Observe | None:
    """Return a function that calls all observers in order; ``None`` if there are none."""
    if not observers:
        return None
    everyone = tuple(contained(observe) for observe in observers)
    if len(everyone) == 1:
        return everyone[0]

    def tell(exchange: Any, request: "Request | None", response: "Response | None") -> None:
        for observe in everyone:
            observe(exchange, request, response)

    return tell


def contained(observe: Callable[[Any, Any, Any], None]) -> Callable[[Any, Any, Any], None]:
    """Wrap an observer so that its exceptions are logged.

    An observer with a true attribute ``is_contained`` promises to raise nothing, and is returned unchanged.
    """
    if getattr(observe, "is_contained", False):
        return observe

    def tell(exchange: Any, request: Any, what: Any) -> None:
        try:
            observe(exchange, request, what)
        except BaseException as exc:
            if not is_fault(exc):
                raise
            logger.error("an observer of answers failed", exc_info=exc)

    return tell


def route_of(request: "Request | None") -> str | None:
    """Return the rule of the route that took a request, such as ``/guests/<int:id>``.

    It is the Werkzeug ``rule`` of the route in the request's attribute ``matched_route``, which the
    application sets.

    :return: ``None`` if no route took it, or the application does not set the attribute.
    """
    route = getattr(request, "matched_route", None)
    rule = getattr(getattr(route, "rule", None), "rule", None)
    return rule if isinstance(rule, str) else None

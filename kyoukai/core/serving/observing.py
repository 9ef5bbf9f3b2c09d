"""Who is told of every answer: the access log, metrics, traces. By default nobody, and that costs nothing."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ..faults import is_fault

if TYPE_CHECKING:
    from werkzeug.wrappers import Request, Response

logger: Final = logging.getLogger("kyoukai.server")

Observe = Callable[[Any, "Request | None", "Response | None"], None]
"""What is called once for each exchange, in the event loop, when its answer has been written.

It gets the :class:`~kyoukai.core.exchange.exchange.Exchange`, the request, which is ``None`` where none was
made, and the response that the application or the server gave, ``None`` where there was none. It must be
quick. The exchange has the head, the status, the bytes sent and received, and when it began; its status is 0
where the client was gone, or the task was ended, before the answer. What it raises is logged.
"""


class TunnelEnd(NamedTuple):
    """What a tunnel has carried, when it is at its end. Sizes are bytes, with what frames messages."""

    protocol: str
    code: int
    """What it was closed with, as the protocol counts it."""
    received: int
    """Messages."""
    sent: int
    received_size: int
    sent_size: int


ObserveEnd = Callable[[Any, "Request | None", TunnelEnd], None]
"""What is called when a tunnel is at its end, with the exchange and the request that opened it."""


def told_of_ends(observers: Sequence[Observe]) -> ObserveEnd | None:
    """Return one function that tells all observers who have a method ``tunnel_ended``; ``None``: none has."""
    everyone = [contained(one.tunnel_ended) for one in observers if hasattr(one, "tunnel_ended")]
    if not everyone:
        return None

    def tell(exchange: Any, request: "Request | None", end: TunnelEnd) -> None:
        for observe in everyone:
            observe(exchange, request, end)

    return tell


def told(observers: Sequence[Observe]) -> Observe | None:
    """Return one function that tells all observers, in their order; ``None`` for none."""
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
    """Return an observer that does as another does, and logs what that raises.

    One that has a true attribute ``is_contained`` promises to raise nothing, and is left as it is.
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
    """Return the rule of the route that took a request, ``/guests/<int:id>``.

    It is read from the route that the application left in the attribute ``matched_route``: from its
    ``rule``, which is Werkzeug's.

    :return: ``None`` where no route took it, or where the application leaves none.
    """
    route = getattr(request, "matched_route", None)
    rule = getattr(getattr(route, "rule", None), "rule", None)
    return rule if isinstance(rule, str) else None

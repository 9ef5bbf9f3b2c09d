"""The events of a component's connection signals."""

from typing import Any

from asphalt.core import Event, Signal


class ConnectionMadeEvent(Event):
    """A client connected. ``source`` is the component.

    :ivar protocol: the connection's protocol object.
    """

    __slots__ = ("protocol",)

    def __init__(self, source: Any, topic: str, protocol: object) -> None:
        super().__init__(source, topic)
        self.protocol = protocol


class ConnectionLostEvent(ConnectionMadeEvent):
    """A connection ended. ``source`` is the component.

    :ivar protocol: the connection's protocol object.
    :ivar exc: the error, or ``None`` after an orderly close.
    """

    __slots__ = ("exc",)

    def __init__(self, source: Any, topic: str, protocol: object, exc: Exception | None) -> None:
        super().__init__(source, topic, protocol)
        self.exc = exc


def has_listeners(signal: "Signal[Any]", source: object) -> bool:
    """Return whether the signal of ``source`` has listeners, without creating the signal."""
    bound = signal.bound_signals.get(source)
    return bound is not None and bool(bound.listeners)

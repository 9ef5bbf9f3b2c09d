"""Marking components that another server serves, instead of sockets of their own."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import ServerComponent


class Export(Protocol):
    """The other server's side of an exported component."""

    name: str
    """The name of this wire for applications, like the name of a backend."""

    def begin(self, component: "ServerComponent", context: "Context") -> None:
        """Serve from now on, until the end of the context.

        :param component: the component to serve; its server has started.
        :param context: the parent of the requests' Asphalt contexts.
        :raises ConfigurationError: if another component is served already.
        """


export: Final[ContextVar[Export | None]] = ContextVar("kyoukai.export", default=None)
"""The export that components started now serve by; ``None``: by sockets of their own."""

is_wireless: Final[ContextVar[bool]] = ContextVar("kyoukai.is_wireless", default=False)
"""Whether a component made now is to be exported, so that settings of backends do not concern it."""

"""A component that serves by another server's sockets: whoever exports its application says so here."""

from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from asphalt.core import Context

    from .application import ServerComponent


class Export(Protocol):
    """What serves in the place of sockets."""

    name: str
    """What applications know this wire by, as they know a backend by its name."""

    def begin(self, component: "ServerComponent", context: "Context") -> None:
        """Serve from now on, until the context's end.

        :param component: what is served for; its server has started.
        :param context: the Asphalt context that requests' contexts derive from.
        :raises ConfigurationError: if another component is served already.
        """


export: Final[ContextVar[Export | None]] = ContextVar("kyoukai.export", default=None)
"""What the components of this start serve by; ``None``: by sockets of their own."""

is_wireless: Final[ContextVar[bool]] = ContextVar("kyoukai.is_wireless", default=False)
"""Whether a component that is made now is one to be exported: what is said of backends is none of its."""

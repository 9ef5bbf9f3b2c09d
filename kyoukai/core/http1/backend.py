"""The backend of an HTTP/1 connection: what a server loads where the author wrote an ``HTTPProtocol``."""

from typing import TYPE_CHECKING, ClassVar

from ..contract.backend import Backend
from ..features import HTTP1_FEATURES
from .protocol import HTTPProtocol

if TYPE_CHECKING:
    from asphalt.core import Context

    from ..serving.application import Component


class HTTP1Backend(Backend):
    """A backend whose connections are of one class. A subclass names it, and has an ``api_version``.

    It has all the features of HTTP/1; one whose parser stands in the way of one sets ``features``.
    """

    protocol_class: ClassVar[type[HTTPProtocol]]
    """The class of each connection."""

    features = HTTP1_FEATURES

    def create_protocol(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> HTTPProtocol:
        """Return the protocol object of one new connection."""
        return self.protocol_class(component, parent_context, server_ip, server_port)

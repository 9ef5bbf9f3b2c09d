"""What the entry point ``httptools`` names."""

from typing import TYPE_CHECKING, ClassVar

from kyoukai.core.contract.backend import Backend
from kyoukai.core.features import HTTP1_FEATURES

from .protocol import KyoukaiProtocol

if TYPE_CHECKING:
    from asphalt.core import Context

    from kyoukai.core.serving.application import Component


class HttptoolsBackend(Backend):
    """HTTP/1.1 parsed by llhttp. It has no options."""

    api_version: ClassVar[int] = 1
    features = HTTP1_FEATURES

    def create_protocol(
        self,
        component: "Component",
        parent_context: "Context",
        server_ip: str,
        server_port: int,
    ) -> KyoukaiProtocol:
        """Return the protocol object of one new connection."""
        return KyoukaiProtocol(component, parent_context, server_ip, server_port)

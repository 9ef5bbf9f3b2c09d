"""A receiver of an answer in place of a connection, for a client that offers to switch protocols."""

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from werkzeug.datastructures import Headers

from kyoukai.core.http1.response_writer import informational
from kyoukai.core.serving.application import ServerComponent

from .memory_transport import connect
from .sinks import Sink

if TYPE_CHECKING:
    from .websocket_connection import ClientConnection


class TunnelSink(Sink):
    """Receives a whole answer, or connects the client to the protocol that the application switches to.

    It is the request's ``ctx.proto`` and the owner of the connection: see
    :class:`~kyoukai.core.exchange.exchange.Exchange`.

    :param component: the component that the connection belongs to.
    :param parent_context: the parent of the contexts of requests.
    :param environ: the environ of the request.
    :param connection: the client's end.
    """

    def __init__(
        self,
        component: ServerComponent,
        parent_context: Any,
        environ: dict[str, Any],
        connection: "ClientConnection",
    ) -> None:
        super().__init__()
        self.component = component
        self.parent_context = parent_context
        self.server_ip: str = environ["SERVER_NAME"]
        self.server_port = int(environ["SERVER_PORT"])
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the client is connected."""
        self._connection = connection

    def open_tunnel(
        self,
        protocol: str,
        fields: Sequence[tuple[str, str]],
        factory: Callable[[], asyncio.Protocol],
    ) -> asyncio.Protocol | None:
        """Switch protocols by 101, as HTTP/1.1 does."""
        if protocol.lower() != "websocket" or self.status or self.client_gone:
            return None
        switching = [("Connection", "Upgrade"), ("Upgrade", protocol), *fields]
        # Fields that cannot be sent are an error here too.
        informational("101 Switching Protocols", switching)
        opened = factory()
        self.status, self.answer_status = 101, "101 Switching Protocols"
        self.headers = Headers(switching)
        self._connection.switched(self.headers)
        self.client.lose()
        connect(opened, self._connection)
        self.opened.set_result(None)
        return opened

    @property
    def client_ended(self) -> bool:
        """Whether the client is gone."""
        return self.client.has_ended

    async def wait_client_ended(self) -> None:
        """Wait until the client is gone."""
        await self.client.wait_ended()

    def tell(self, request: Any, response: Any = None) -> None:
        """Do nothing: there are no observers of answers."""

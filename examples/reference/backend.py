import asyncio
from typing import Any, cast

from asphalt.core import Context

from kyoukai import Backend, Kyoukai, KyoukaiComponent, ServerComponent


class Greeting(asyncio.Protocol):
    def __init__(self, line: str) -> None:
        self.line = line

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        writable = cast(asyncio.Transport, transport)
        writable.write(self.line.encode())
        writable.close()


class GreetingBackend(Backend):
    """Speaks no HTTP: greets each client, and closes."""

    api_version = 1
    alpn_protocols = ()

    def __init__(self, *, greeting: str = "hello", **options: Any) -> None:
        super().__init__(**options)
        self.greeting = greeting

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> asyncio.Protocol:
        return Greeting(f"{self.greeting} from {component.app.name}")


async def main() -> None:
    async with Context() as ctx:
        backend = f"{__name__}:GreetingBackend"
        component = KyoukaiComponent(
            Kyoukai("shop"), backend=backend, backend_options={"greeting": "welcome"}, port=0
        )
        await component.start(ctx)
        reader, writer = await asyncio.open_connection(*component.address)
        print(await reader.read())  # b'welcome from shop'
        writer.close()


asyncio.run(main())

import asyncio

from asphalt.core import Context

from kyoukai import Backend, Connection, Kyoukai, KyoukaiComponent, ServerComponent


class Echo(Connection):
    """Sends each piece back, and closes after an empty line."""

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            self.discard(len(data))
            return
        self.raw_write(data)
        if data.endswith(b"\n\n"):
            self.close()


class EchoBackend(Backend):
    api_version = 1
    alpn_protocols = ()

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> Connection:
        return Echo(component, parent_context, server_ip, server_port)


async def main() -> None:
    async with Context() as ctx:
        component = KyoukaiComponent(Kyoukai("echo"), backend=f"{__name__}:EchoBackend", port=0)
        await component.start(ctx)
        reader, writer = await asyncio.open_connection(*component.address)
        writer.write(b"hello\n\n")
        print(await reader.read())  # b'hello\n\n'
        writer.close()


asyncio.run(main())

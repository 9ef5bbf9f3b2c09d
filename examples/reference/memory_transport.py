import asyncio

from kyoukai.testing import MemoryTransport


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if isinstance(self.transport, asyncio.WriteTransport):
            self.transport.write(data.upper())


async def main() -> None:
    transport = MemoryTransport(Echo())
    transport.connect()
    transport.feed(b"hello")
    print(bytes(transport.received), transport.ended)  # b'HELLO' False
    transport.feed_eof()
    print(transport.ended)  # True


asyncio.run(main())

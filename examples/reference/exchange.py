import asyncio
from collections.abc import Sequence

from asphalt.core import Context

from kyoukai import (
    AnswerHead,
    Backend,
    Exchange,
    ExchangeConnection,
    HTTPRequestContext,
    Kyoukai,
    KyoukaiComponent,
    RequestHead,
    ServerComponent,
)


class LineExchange(Exchange):
    """Writes an answer: a line with the status, then the content."""

    owner: "LineConnection"

    def send_head(self, head: AnswerHead) -> None:
        self.owner.raw_write(head.status.encode() + b"\n")

    def send_data(self, data: bytes) -> None:
        self.owner.raw_write(data)

    def send_end(self, data: bytes = b"", trailers: Sequence[tuple[str, str]] = ()) -> None:
        self.owner.raw_write(data)

    def reset(self) -> None:
        self.owner.abort()

    def pause_client(self) -> None:
        self.owner.transport.pause_reading()

    def resume_client(self) -> None:
        self.owner.transport.resume_reading()

    def answered(self) -> None:
        self.owner.close_after(self)


class LineConnection(ExchangeConnection):
    """Reads a request: its path, in a line."""

    line = b""

    def data_received(self, data: bytes) -> None:
        if self.is_ending:
            self.discard(len(data))
            return
        self.line += data
        if self.line.endswith(b"\n"):
            exchange = self.begin(LineExchange(self, self.client))
            exchange.receive(RequestHead("GET", self.line.strip(), fields=[(b"Host", b"localhost")]))
            exchange.receive_end()


class LineBackend(Backend):
    api_version = 1
    alpn_protocols = ()

    def create_protocol(
        self, component: ServerComponent, parent_context: Context, server_ip: str, server_port: int
    ) -> LineConnection:
        return LineConnection(component, parent_context, server_ip, server_port)


app = Kyoukai("hello")


@app.get("/hello/<name>")
async def hello(ctx: HTTPRequestContext, name: str) -> str:
    return f"hello, {name}"


async def main() -> None:
    async with Context() as ctx:
        component = KyoukaiComponent(app, backend=f"{__name__}:LineBackend", port=0)
        await component.start(ctx)
        reader, writer = await asyncio.open_connection(*component.address)
        writer.write(b"/hello/Ada\n")
        print(await reader.read())  # b'200 OK\nhello, Ada'
        writer.close()


asyncio.run(main())

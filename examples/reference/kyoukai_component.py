import asyncio

from asphalt.core import Context

from kyoukai import HTTPRequestContext, Kyoukai, KyoukaiComponent

app = Kyoukai("hello")


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return f"hello by {ctx.require_resource(KyoukaiComponent).backend_name}"


async def main() -> None:
    async with Context() as ctx:
        # In a configuration file: `component: {type: kyoukai, app: "hello:app", port: 0}`.
        component = KyoukaiComponent(app, backend="reference", port=0, limits={"max_body_size": 1024})
        await component.start(ctx)
        reader, writer = await asyncio.open_connection(*component.address)
        writer.write(b"GET / HTTP/1.0\r\n\r\n")
        print((await reader.read()).splitlines()[-1])  # b'hello by reference'
        writer.close()


asyncio.run(main())

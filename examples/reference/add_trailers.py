import asyncio
import hashlib
from collections.abc import AsyncIterator

from kyoukai import HTTPRequestContext, Kyoukai, Response, add_trailers

app = Kyoukai("downloads")


@app.get("/")
async def download(ctx: HTTPRequestContext) -> Response:
    digest = hashlib.md5(usedforsecurity=False)

    async def pieces() -> AsyncIterator[bytes]:
        for piece in (b"one ", b"two"):
            digest.update(piece)
            yield piece

    # Called when the whole body has been sent.
    return add_trailers(Response(pieces()), lambda: {"X-MD5": digest.hexdigest()})


async def main() -> None:
    async with app.live_client() as client:
        reader, writer = await asyncio.open_connection(*client.component.address)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nTE: trailers\r\nConnection: close\r\n\r\n")
        lines = (await reader.read()).splitlines()
        print(lines[-2])  # b'X-MD5: aae2c33a105ad3f28f39402d67a24b20'
        writer.close()


asyncio.run(main())

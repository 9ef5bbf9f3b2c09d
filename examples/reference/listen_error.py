import asyncio
import socket

from asphalt.core import Context

from kyoukai import Kyoukai, KyoukaiComponent, ListenError


async def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        component = KyoukaiComponent(Kyoukai("shop"), port=taken.getsockname()[1])
        try:
            async with Context() as ctx:
                await component.start(ctx)
        except ListenError as error:
            print(isinstance(error, OSError))  # True


asyncio.run(main())

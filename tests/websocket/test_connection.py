"""What a WebSocket's connection does by the clock, which is hard to come by over a socket."""

import asyncio
from types import SimpleNamespace

from kyoukai import Kyoukai
from kyoukai.core.serving.server_state import Server
from kyoukai.test_client.memory_transport import connect
from kyoukai.websocket import WebSocketSettings
from kyoukai.websocket.connection import WebSocketConnection
from kyoukai.websocket.frame_reader import TEXT


def test_no_ping_while_the_client_is_reading() -> None:
    async def main() -> None:
        server = Server()
        component = SimpleNamespace(app=Kyoukai("a"), server=server)
        settings = WebSocketSettings(ping_interval=20, ping_timeout=20)
        connection = WebSocketConnection(component, None, "127.0.0.1", 80, settings=settings)
        connect(connection, asyncio.Protocol())
        connection.pause_writing()
        # The ping would not be sent, so that its answer must not be waited for.
        connection.sweep(server.clock + 25)
        connection.resume_writing()
        connection.sweep(server.clock + 44)
        assert connection.closed is None
        connection.sweep(server.clock + 46)  # It is asked only now.
        connection.sweep(server.clock + 65)
        assert connection.closed is None
        connection.sweep(server.clock + 67)
        assert connection.closed is not None
        connection.abort()
        await asyncio.sleep(0)

    asyncio.run(main())


def test_messages_before_a_violation_have_their_time_to_be_answered() -> None:
    async def main() -> None:
        server = Server()
        component = SimpleNamespace(app=Kyoukai("a"), server=server)
        connection = WebSocketConnection(component, None, "127.0.0.1", 80, settings=WebSocketSettings())
        connect(connection, asyncio.Protocol())
        now = server.clock
        # A text of one character, and a frame of a reserved opcode.
        connection.data_received(b"\x81\x81\0\0\0\0a" + b"\x86\x80\0\0\0\0")
        # The server may sweep before the handler has its turn.
        connection.sweep(now)
        connection.sweep(now + 1.25)
        assert connection.closed is None
        assert await connection.receive() == "a"
        connection.write_message(TEXT, b"a")
        connection.sweep(now + 2)
        assert connection.closed is not None
        assert connection.closed.code == 1002
        connection.abort()
        await asyncio.sleep(0)

    asyncio.run(main())

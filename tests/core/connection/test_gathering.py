"""A head and its body: in one write where the transport does that well."""

import asyncio
import socket
from typing import Any

from kyoukai.core.connection.gathering import gathers, write_both


class Recording(asyncio.Transport):
    """Keeps what it is called with."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def write(self, data: Any) -> None:
        self.calls.append(data)

    def writelines(self, list_of_data: Any) -> None:
        self.calls.append(list(list_of_data))


Gathering = type("TCPTransport", (Recording,), {"__module__": "uvloop.loop"})


def test_pieces_are_handed_on_together_and_uncopied() -> None:
    transport, head, body = Gathering(), b"head", b"body" * 10
    write_both(transport, head, body)
    [[first, second]] = transport.calls
    assert first is head
    assert second is body


def test_another_transport_gets_one_after_the_other() -> None:
    transport, head, body = Recording(), b"head", b"body" * 10
    write_both(transport, head, body)
    assert transport.calls == [head, body]
    assert transport.calls[1] is body


def test_which_transports_do_it_well(loop_factory: Any) -> None:
    async def main() -> None:
        one, other = socket.socketpair()
        transport, _ = await asyncio.get_running_loop().connect_accepted_socket(asyncio.Protocol, one)
        with other:
            name = type(asyncio.get_running_loop()).__module__
            assert gathers(transport) == name.startswith("uvloop")
            body = b"x" * 100_000
            write_both(transport, b"head", body)
            other.setblocking(False)
            received = b""
            while len(received) < 4 + len(body):
                received += await asyncio.get_running_loop().sock_recv(other, 65536)
            assert received == b"head" + body
            transport.close()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def test_a_client_that_does_not_read_pauses_the_protocol(loop_factory: Any) -> None:
    class Pausing(asyncio.Protocol):
        paused = False

        def pause_writing(self) -> None:
            self.paused = True

    async def main() -> None:
        one, other = socket.socketpair()
        connected = await asyncio.get_running_loop().connect_accepted_socket(Pausing, one)
        with other:
            write_both(connected[0], b"head", b"x" * 10_000_000)
            assert connected[1].paused
            connected[0].abort()
            await asyncio.sleep(0)

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())

import asyncio

import pytest

from kyoukai.testing import MemoryTransport
from kyoukai.testing.transport import PEER, SERVER


class Recorder(asyncio.Protocol):
    """Writes down what it is called with."""

    def __init__(self, keep_open=False):
        self.calls = []
        self.keep_open = keep_open

    def connection_made(self, transport):
        self.transport = transport
        self.calls.append("made")

    def data_received(self, data):
        self.calls.append(data)

    def eof_received(self):
        self.calls.append("eof")
        return self.keep_open

    def connection_lost(self, exc):
        self.calls.append(("lost", exc))


def connected(test, protocol=None):
    """Run a test with a connected protocol, and let the loop have its last turns."""
    protocol = protocol or Recorder()
    problems = []

    async def run():
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: problems.append(context))
        transport = MemoryTransport(protocol)
        transport.connect()
        await test(transport)
        await turns()

    asyncio.run(run())
    return protocol.calls, problems


async def turns(number=3):
    for _ in range(number):
        await asyncio.sleep(0)


def test_data_and_end_of_file():
    async def test(transport):
        transport.feed(b"a")
        transport.feed(b"b")
        transport.feed_eof()
        assert transport.is_closing()
        assert not transport.closed

    assert connected(test) == (["made", b"a", b"b", "eof", ("lost", None)], [])


def test_a_protocol_may_stay_open_after_the_end_of_file():
    async def test(transport):
        transport.feed_eof()
        assert not transport.is_closing()
        transport.write(b"answer")
        transport.close()
        assert transport.received == b"answer"

    calls, _ = connected(test, Recorder(keep_open=True))
    assert calls == ["made", "eof", ("lost", None)]


def test_connection_lost_is_called_once_and_by_the_loop():
    async def test(transport):
        protocol = transport.get_protocol()
        transport.close()
        transport.close()
        transport.abort()
        assert protocol.calls == ["made"]
        assert not transport.aborted
        await turns()
        assert protocol.calls == ["made", ("lost", None)]
        assert transport.closed
        assert transport.get_protocol() is None
        transport.feed(b"late")

    assert connected(test)[0] == ["made", ("lost", None)]


def test_abort_sends_no_end_of_file():
    async def test(transport):
        transport.abort()
        assert transport.is_closing()
        assert transport.aborted

    assert connected(test)[0] == ["made", ("lost", None)]


def test_reset():
    async def test(transport):
        transport.pause_reading()
        transport.feed(b"unread")
        transport.feed_reset()
        assert transport.aborted

    calls, _ = connected(test)
    assert calls[0] == "made"
    assert isinstance(calls[1][1], ConnectionResetError)
    assert len(calls) == 2


def test_data_received_while_paused_is_delivered_later():
    async def test(transport):
        protocol = transport.get_protocol()
        transport.pause_reading()
        assert not transport.is_reading()
        transport.feed(b"a")
        transport.feed(b"b")
        transport.feed_eof()
        transport.resume_reading()
        assert transport.is_reading()
        # Not out of resume_reading itself.
        assert protocol.calls == ["made"]
        await turns()
        assert protocol.calls == ["made", b"a", b"b", "eof", ("lost", None)]

    connected(test)


def test_a_protocol_may_pause_while_it_is_called():
    class Pausing(Recorder):
        def data_received(self, data):
            super().data_received(data)
            self.transport.pause_reading()

    async def test(transport):
        transport.feed(b"a")
        transport.feed(b"b")
        assert transport.get_protocol().calls == ["made", b"a"]
        transport.resume_reading()
        await turns()
        assert transport.get_protocol().calls == ["made", b"a", b"b"]
        assert not transport.is_reading()

    connected(test, Pausing())


def test_writing():
    async def test(transport):
        transport.write(b"a")
        transport.write(bytearray(b"b"))
        transport.writelines([b"c", memoryview(b"d")])
        assert transport.received == b"abcd"
        assert transport.get_write_buffer_size() == 0
        low, high = transport.get_write_buffer_limits()
        assert low < high
        transport.set_write_buffer_limits(10)
        with pytest.raises(TypeError, match="'str'"):
            transport.write("text")
        assert transport.can_write_eof()
        transport.write_eof()
        transport.write_eof()
        assert transport.eof_written
        assert transport.ended
        assert not transport.is_closing()
        with pytest.raises(RuntimeError, match="after write_eof"):
            transport.write(b"late")
        transport.feed(b"still read")

    assert connected(test)[0] == ["made", b"still read"]


def test_nothing_is_written_after_closing():
    async def test(transport):
        transport.close()
        transport.write(b"late")
        transport.write_eof()
        assert transport.received == b""
        assert not transport.eof_written

    connected(test)


def test_extra_info():
    async def run():
        transport = MemoryTransport(Recorder(), {"peername": ("::1", 9), "sslcontext": "context"})
        assert transport.get_extra_info("peername") == ("::1", 9)
        assert transport.get_extra_info("sockname") == SERVER
        assert transport.get_extra_info("sslcontext") == "context"
        assert transport.get_extra_info("socket") is None
        assert MemoryTransport(Recorder()).get_extra_info("peername") == PEER

    asyncio.run(run())


def test_another_protocol():
    other = Recorder()

    async def test(transport):
        transport.feed(b"a")
        transport.set_protocol(other)
        assert transport.get_protocol() is other
        transport.feed(b"b")
        transport.close()

    assert connected(test)[0] == ["made", b"a"]
    assert other.calls == [b"b", ("lost", None)]


@pytest.mark.parametrize("name", ["connection_made", "data_received", "eof_received"])
def test_a_protocol_that_raises_is_cut_off(name):
    def fail(*args):
        raise ValueError("a fault")

    protocol = Recorder()
    setattr(protocol, name, fail)

    async def test(transport):
        transport.feed(b"a")
        transport.feed_eof()
        assert transport.aborted
        assert isinstance(transport.failure, ValueError)

    calls, [problem] = connected(test, protocol)
    assert calls[-1][0] == "lost"
    assert isinstance(calls[-1][1], ValueError)
    assert name in problem["message"]
    assert problem["exception"] is calls[-1][1]


def test_waiting_for_a_change():
    async def test(transport):
        clock = asyncio.get_running_loop().time
        before = transport.changes
        waiting = asyncio.ensure_future(transport.changed(clock() + 60))
        await turns()
        transport.feed(b"a")
        await turns()
        assert not waiting.done()
        assert transport.changes == before
        transport.write(b"b")
        assert await waiting is True
        assert transport.changes == before + 1
        assert await transport.changed(clock()) is False

    connected(test)


def test_asyncio_streams_run_over_it():
    async def run():
        reader = asyncio.StreamReader()
        protocol = asyncio.StreamReaderProtocol(reader)
        transport = MemoryTransport(protocol)
        transport.connect()
        writer = asyncio.StreamWriter(transport, protocol, reader, asyncio.get_running_loop())
        transport.feed(b"line 1\nline")
        assert await reader.readline() == b"line 1\n"
        transport.feed(b" 2")
        transport.feed_eof()
        assert await reader.read() == b"line 2"
        writer.write(b"answer")
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        assert transport.received == b"answer"
        assert transport.closed

    asyncio.run(run())

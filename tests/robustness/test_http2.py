"""Attacks on HTTP/2, each on one connection: the offender is sent away, and others are served meanwhile.

``python -m benchmarks.http2.bystander`` makes them in full, with the times that others wait.
"""

import asyncio
import contextlib
import signal

import pytest

from benchmarks.http2 import frames
from benchmarks.http2.attacks import ATTACKS, BATCH, Amount, stream
from benchmarks.http2.offender import LAST, Keeping, Offender, connected

from .watching import MIB, PER_CONNECTION, PER_HANDLER, SLACK

# Bytes for a stream that has an answer on its way: what has been made of it, and cannot be sent yet.
PER_STREAM = 2 * 64 * 1024


@pytest.fixture
def backend() -> list[str]:
    """Those of the server: the bystander speaks HTTP/1.1."""
    return ["h2", "httptools"]


@pytest.fixture
def loop() -> str:
    """One kind of loop: what is attacked is above it."""
    return "uvloop"


# Those that are sent away, by what they do alone.
FLOODS = sorted(ATTACKS.keys() - {"unread", "closed-windows", "dribble", "unread-pings"})


# Those that are no floods, for one of it is enough.
ERRORS = {"table-sizes": frames.COMPRESSION_ERROR}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood(start, name):
    target = start()

    async def attack() -> int | None:
        async with connected(Offender, target.address[1]) as offender:
            await ATTACKS[name](offender, Amount(100_000))
            await offender.end()
            return offender.goaway

    with target.withstands(PER_CONNECTION + BATCH * (PER_CONNECTION + PER_HANDLER) + 2 * MIB + SLACK):
        # Who is sent away comes back.
        ends = [asyncio.run(attack()) for _ in range(3)]
        target.bystander.is_served()
        target.wait_until_alone()
    assert set(ends) == {ERRORS.get(name, frames.ENHANCE_YOUR_CALM)}


@pytest.mark.parametrize("name", ["unread", "closed-windows", "dribble"])
def test_windows_that_do_not_open(start, name):
    target = start(write_timeout=0.5)

    async def attack() -> Offender:
        async with connected(Offender, target.address[1]) as offender:
            await ATTACKS[name](offender, Amount(20_000, seconds=0.0))
            await offender.until(lambda: len(offender.resets) == BATCH)
            return offender

    with target.withstands(PER_CONNECTION + BATCH * (PER_STREAM + PER_HANDLER) + SLACK):
        asyncio.run(attack())
        target.wait_until_alone()


CONNECTIONS = 10

# Of each connection, as many that wait for their answer as such whose body is not whole yet.
HALF = 5


def body(number: int, size: int, *, is_whole: bool) -> bytes:
    """Return a part of a request's body."""
    return frames.frame(frames.DATA, frames.END_STREAM if is_whole else 0, number, bytes(size))


async def ask(client: Keeping) -> None:
    """Have so many requests begun as the server may be stopped with."""
    for number in range(HALF):
        client.send(frames.request(stream(number), b"/slow"))
    for number in range(HALF, 2 * HALF):
        client.send(frames.request(stream(number), method=3, flags=frames.END_HEADERS))
        client.send(body(stream(number), 400, is_whole=False))
    # What is answered was sent later than these.
    client.send(frames.frame(frames.PING, payload=bytes(8)))
    await client.until(lambda: client.counts[frames.PING])


def test_a_stop_with_a_hundred_streams_on_ten_connections(start):
    """All of them are answered, and what is asked afterwards is not, so that it may be asked elsewhere."""
    target = start(shutdown_timeout=60.0)
    later = stream(2 * HALF)

    async def stop(clients: list[Keeping]) -> None:
        async with connected(Keeping, target.address[1]) as release:
            release.send(frames.request(1, b"/release", method=3, flags=frames.END_HEADERS))
            await ask_all(clients)
            await asyncio.to_thread(
                target.bystander.wait_until, lambda state: state["handlers"] == CONNECTIONS * HALF
            )
            target.bystander.leave()
            target.send(signal.SIGTERM)
            for client in clients:
                # RFC 9113 section 6.8: the first one has no number yet, for requests may be on their way.
                await client.until(lambda client=client: client.last_stream < LAST)
                assert client.goaway == frames.NO_ERROR
                client.send(frames.request(later))
            for client in clients:
                await client.until(lambda client=client: client.is_done(later))
            release.send(body(1, 1, is_whole=True))
            for client in clients:
                for number in range(HALF, 2 * HALF):
                    client.send(body(stream(number), 600, is_whole=True))
                await client.end()

    async def ask_all(clients: list[Keeping]) -> None:
        async with asyncio.TaskGroup() as group:
            for client in clients:
                group.create_task(ask(client))

    async def main() -> list[Keeping]:
        async with contextlib.AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(connected(Keeping, target.address[1]))
                for _ in range(CONNECTIONS)
            ]
            await stop(clients)
            return clients

    for client in asyncio.run(main()):
        assert {stream(number): client.bodies[stream(number)] for number in range(2 * HALF)} == {
            stream(number): b"0" if number < HALF else b"1000" for number in range(2 * HALF)
        }
        assert client.ended_streams == {stream(number) for number in range(2 * HALF)}
        assert later > client.last_stream or client.resets == {later: frames.REFUSED_STREAM}
    assert target.finish() == 0
    assert "cutting off" not in target.stderr

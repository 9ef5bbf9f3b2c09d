"""WebSockets, many at once: resets within frames, bombs, clients that do not read, and a stop."""

import contextlib
import random
import secrets
import signal
import zlib

import pytest

from ..processes import wait_until_stopping
from ..serving import Client, message
from ..websocket.frames import BINARY, CLOSE, CONT, PING, TEXT, close, deflated, frame, read_frames
from .crowd import Crowd
from .sockets import MAX_MESSAGE_SIZE
from .watching import KIB, MIB, PER_ANSWER, PER_CONNECTION, PER_HANDLER, SLACK, Target


def handshake(target: str = "/echo", *fields: str) -> bytes:
    """Return a request for a WebSocket that may be compressed."""
    return message(
        "GET",
        target,
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
        *fields,
    )


class Sockets(Target):
    """The server of :mod:`tests.robustness.sockets`."""

    module = "tests.robustness.sockets"

    def _warm_up(self) -> None:
        with Client(self.address) as client:
            client.send(handshake() + LARGE + frame(TEXT, deflated(b"a" * 100), reserved=4))
            client.send(close())
            assert client.receive_rest().endswith(b"\x88\x02" + (1000).to_bytes(2))
        super()._warm_up()


# Bytes for a WebSocket: its connection, and a handler with its request. Of the compressor and the other one
# it has a window of 4 KiB each, and zlib's own state.
PER_SOCKET = PER_CONNECTION + PER_HANDLER + 64 * KIB

CLOSED = b"\x88\x12" + (1001).to_bytes(2) + b"the server stops"


def is_open(member):
    return b"\r\n\r\n" in member.received


def opened(target, size):
    """Return a crowd of WebSockets whose handlers run."""
    crowd = Crowd(target.address, size)
    crowd.pump(handshake())
    crowd.receive_until(is_open)
    target.bystander.wait_until(lambda state: state["handlers"] == size)
    return crowd


# It comes back as large as it is.
LARGE = frame(BINARY, secrets.token_bytes(100 * KIB))

# What comes before the frame that is cut, and that frame.
CUT = (
    (b"", frame(TEXT, b"hello" * 200)),
    (b"", LARGE),
    (b"", frame(TEXT, deflated(secrets.token_hex(5000).encode()), reserved=4)),
    (frame(TEXT, b"a", fin=False), frame(CONT, b"b" * 1000)),
    (frame(TEXT, deflated(b"a" * 1000), reserved=4), frame(TEXT, b"c" * 1000)),
    (LARGE * 3, frame(TEXT, b"d" * 1000)),
    (b"", frame(PING, b"e" * 100)),
    (b"", close(1000, b"f" * 100)),
)


def test_1000_resets_in_the_middle_of_frames(start):
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    source = random.Random(seed)
    target = start(Sockets)
    size, rounds = 50, 20
    with target.withstands(size * (PER_SOCKET + PER_ANSWER + 400 * KIB) + SLACK) as bystander:
        before = bystander.wait_until(lambda state: True)
        for _ in range(rounds):
            with opened(target, size) as crowd:
                for member in crowd.members:
                    whole, cut = source.choice(CUT)
                    member.send(whole + cut[: source.randrange(1, len(cut))])
                source.shuffle(crowd.members)
                for member in crowd.members:
                    if source.random() < 0.3:
                        member.receive()
                    member.reset()
            bystander.wait_until(lambda state: not state["handlers"])
        after = bystander.wait_until(lambda state: state["tasks"] <= before["tasks"])
        assert after["handled"] - before["handled"] == size * rounds
    target.bystander.leave()
    target.send(signal.SIGTERM)
    assert target.finish() == 0
    # The start and the stop. The bystander begins with a request that is refused, which is logged too.
    lines = [line for line in target.stderr.splitlines() if "kyoukai.refusals" not in line]
    assert len(lines) == 2, target.stderr


def test_a_bomb_takes_less_than_twice_the_limit(start):
    target = start(Sockets)
    compressor = zlib.compressobj(wbits=-12)
    # Each of them stands for itself: they need not be compressed one by one.
    mebibyte = compressor.compress(bytes(MIB)) + compressor.flush(zlib.Z_FULL_FLUSH)
    times = 512
    assert times * MIB > 10 * MAX_MESSAGE_SIZE
    assert 1000 * len(mebibyte) < MIB
    # Twice would be what zlib takes to inflate all at once.
    with target.withstands(MAX_MESSAGE_SIZE * 7 // 4) as bystander, Client(target.address) as client:
        client.send(handshake())
        assert client.receive_head().status == 101
        client.send(frame(BINARY, mebibyte * times, reserved=4))
        (answer,) = read_frames(client.receive_rest())
        assert (answer.opcode, answer.payload[:2]) == (CLOSE, (1009).to_bytes(2))
        bystander.is_served()


# What is sent, and how often: more than systems hold, and each time they are cut off before the end of it.
UNREAD = {
    "what it asked for": (b"", 0),
    "echoes": (frame(BINARY, secrets.token_bytes(64 * KIB)), 1000),
    "pongs": (frame(PING, b"x" * 125), 500_000),
}


@pytest.mark.parametrize("what", UNREAD)
def test_clients_that_never_read(start, what):
    piece, times = UNREAD[what]
    target = start(Sockets, write_timeout=0.5, linger_timeout=0.2)
    size = 4
    # Besides, what a handler has yet to ask for, and what the loop reads at once.
    bound = size * (PER_SOCKET + PER_ANSWER + 128 * KIB + 256 * KIB) + SLACK
    with target.withstands(bound), Crowd(target.address, size, 4 * KIB) as crowd:
        crowd.pump(handshake("/echo" if times else "/endless") + piece * times, reads=False)
        assert all(member.is_refused for member in crowd.members) or not times
        target.wait_until_alone()
        crowd.receive_until_ended()


@contextlib.contextmanager
def stopping(target, size):
    """Stop a server that has so many idle WebSockets, each of which is told."""
    with Client(target.address) as idle, opened(target, size) as crowd:
        target.bystander.leave()
        target.send(signal.SIGTERM)
        wait_until_stopping(idle)
        crowd.receive_until(lambda member: CLOSED in member.received)
        yield crowd
        assert target.finish() == 0


def test_a_stop_is_over_when_all_have_answered(start):
    # By this it would wait longer than the test does.
    target = start(Sockets, shutdown_timeout=600.0)
    with stopping(target, 500) as crowd:
        crowd.pump(close(1001))
        crowd.receive_until_ended()
    assert "cutting off" not in target.stderr


def test_a_stop_does_not_wait_for_those_that_do_not_answer(start):
    target = start(Sockets, shutdown_timeout=0.5)
    with stopping(target, 500) as crowd:
        crowd.receive_until_ended()
        assert all(member.received.endswith(CLOSED) for member in crowd.members)
    assert "cutting off 500 connections" in target.stderr

"""What comes without end, or is no HTTP: it is refused, and no more of it is held than a limit."""

import random
import secrets

import pytest

from ..serving import Client, message
from .crowd import Crowd
from .watching import KIB, MIB, PER_CONNECTION, SLACK

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = message("POST", "/", "Transfer-Encoding: chunked")

MAX_HEAD_SIZE = 16 * KIB


@pytest.fixture
def loop():
    """One loop: what is refused, and when, is decided above it, and both read as much at once."""
    return "uvloop"


# What starts it, what is repeated for ever, and the answer.
ENDLESS = {
    "target": (b"GET /", b"a", 414),
    "field": (HEAD + b"X: ", b"a", 431),
    "field name": (HEAD, b"a", 431),
    "fields": (HEAD, b"X-Field: value\r\n", 431),
    "fields of one byte": (HEAD, b"a:\r\n", 431),
    "empty lines": (b"", b"\r\n", 431),
    "chunk extension": (CHUNKED + b"1;", b"a", 400),
    "chunk extensions": (CHUNKED + b"1", b";a=1", 400),
    "chunk size": (CHUNKED, b"0", 400),
    "trailer": (CHUNKED + b"1\r\na\r\n0\r\nX: ", b"a", 431),
    "trailers": (CHUNKED + b"1\r\na\r\n0\r\n", b"X-Field: value\r\n", 431),
    "body": (CHUNKED, b"400\r\n" + bytes(KIB) + b"\r\n", 413),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_endless_input(start, name):
    begin, endless, status = ENDLESS[name]
    sizes = {"max_target_size": 4 * KIB, "max_field_size": 8 * KIB, "max_head_size": MAX_HEAD_SIZE}
    target = start(**sizes, max_body_size=64 * KIB, max_linger_size=2 * MIB, linger_timeout=0.5)
    size, sent = 50, MIB
    # Each would make the process grow by what it sends; it may by the largest of the limits.
    bound = size * (PER_CONNECTION + 64 * KIB) + SLACK
    with target.withstands(bound) as bystander, Crowd(target.address, size) as crowd:
        crowd.pump(begin)
        # In small pieces first, up to the smallest limit, and then as fast as it goes.
        piece = endless * (128 // len(endless) + 1)
        for _ in range(16):
            crowd.drip(piece)
        bystander.is_served()
        crowd.pump(endless * (sent // len(endless)))
        crowd.receive_until_ended()
        assert {tuple(member.statuses) for member in crowd.members} == {(status,)}


def random_garbage(source):
    # Whatever else it is, it is no beginning of a request.
    return b"\0" + source.randbytes(16 * KIB)


GARBAGE = {
    "random": random_garbage,
    "zeros": lambda source: bytes(16 * KIB),
    "a TLS hello": lambda source: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + source.randbytes(505),
    "text": lambda source: b"what is this\r\n" * 1000,
    "line ends": lambda source: b"\n\r" * 8 * KIB,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage(start, name):
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    source = random.Random(seed)
    target = start(linger_timeout=0.5)
    size, each = 50, 4
    with target.withstands(size * (PER_CONNECTION + 16 * KIB) + SLACK) as bystander:
        for _ in range(each):
            with Crowd(target.address, size) as crowd:
                crowd.pump(*[GARBAGE[name](source) for _ in range(size)])
                bystander.is_served()
                crowd.receive_until_ended()
                assert {tuple(member.statuses) for member in crowd.members} == {(400,)}


# CVE-2025-69229: many small chunks cost another server the square of their number.
def test_tiny_chunks_cost_in_proportion_to_their_number(start):
    target = start()
    few, times = 15_000, 4

    def cost(number):
        """Return the least CPU time that the server took for so many chunks, of a few tries."""
        upload = CHUNKED + b"1\r\na\r\n" * number + b"0\r\n\r\n"
        tries = []
        for _ in range(3):
            before = target.bystander.wait_until(lambda state: True)["cpu"]
            with Client(target.address) as client:
                assert client.request(upload).body == b"%d" % number
            tries.append(target.bystander.wait_until(lambda state: True)["cpu"] - before)
        return min(tries)

    with target.withstands(MIB + SLACK):
        ratio = cost(few * times) / cost(few)
    print(f"{times} times as many chunks cost {ratio:.1f} times as much")
    # In proportion: 4, and less where the bystander's part is large; by the square: 16.
    assert ratio < times * 2

"""Many requests, many clients who vanish, many handlers: what they leave behind is nothing."""

import contextlib
import random
import secrets
import socket

import pytest

from ..serving import Client, chunks, message
from .crowd import Crowd
from .watching import KIB, PER_ANSWER, PER_CONNECTION, PER_HANDLER, SLACK


def test_10_000_pipelined_requests_unread(start):
    target = start(write_timeout=0.5, linger_timeout=0.2)
    size = 5
    # With the answers, the queue, and what was read and not parsed.
    bound = size * (PER_CONNECTION + PER_ANSWER + 64 * KIB) + SLACK
    with target.withstands(bound), Crowd(target.address, size, 4 * KIB) as crowd:
        crowd.pump(message("GET", "/kibibyte") * 10_000, reads=False)
        target.wait_until_alone()
        # They were cut off. Had all of it been answered, this would have shown nothing.
        answered = target.bystander.state["handled"]
        print(f"{answered} of {size * 10_000} answered")
        assert answered < size * 10_000


REQUESTS = (
    message(),
    message("GET", "/large"),
    message("GET", "/stream"),
    message("GET", "/iterated"),
    message("GET", "/slow"),
    message("POST", "/", body=bytes(10_000)),
    message("POST", "/", "Transfer-Encoding: chunked") + chunks(*[bytes(100)] * 50),
    message("POST", "/", "Expect: 100-continue", body=bytes(100)),
    message() * 5,
    b"no HTTP\r\n\r\n",
)


def release(target):
    """Let the handlers of `/slow` end."""
    with Client(target.address) as client:
        assert client.request(message("GET", "/release")).status == 200


def receive_some(member, source):
    """Receive part of an answer, if there is one already."""
    with contextlib.suppress(BlockingIOError, ConnectionResetError):
        member.socket.recv(source.choice([1, 100, 10_000, 1_000_000]))


def test_2000_resets_at_random_points(start):
    seed = secrets.randbits(32)
    print(f"seed {seed}")
    source = random.Random(seed)
    target = start(write_timeout=5.0)
    size, rounds = 40, 50
    # One in ten has a handler that goes on, and may have all that it was sent with.
    bound = size * (PER_CONNECTION + PER_ANSWER) + rounds * size // 10 * 2 * PER_HANDLER + SLACK
    with target.withstands(bound) as bystander:
        for _ in range(rounds):
            with Crowd(target.address, size) as crowd:
                for member in crowd.members:
                    request = source.choice(REQUESTS)
                    cut = source.choice([len(request), source.randrange(len(request))])
                    member.send(request[:cut])
                source.shuffle(crowd.members)
                for member in crowd.members:
                    for _ in range(source.randrange(3)):
                        receive_some(member, source)
                    (member.reset if source.random() < 0.9 else member.close)()
        state = bystander.wait_until(lambda state: not state["streams"])
        print(f"{state['handled']} handled, {state['handlers']} handlers still to release")
        release(target)


@pytest.mark.parametrize("way", ["reset", "close"])
def test_handlers_whose_clients_vanish(start, way):
    target = start()
    size = 500
    with target.withstands(size * (PER_CONNECTION + PER_HANDLER) + SLACK) as bystander:
        with Crowd(target.address, size) as crowd:
            crowd.pump(message("GET", "/slow"))
            bystander.wait_until(lambda state: state["handlers"] == size)
            for member in crowd.members:
                getattr(member, way)()
            if way == "reset":
                bystander.wait_until(lambda state: state["connections"] == 1)
            # One that has closed cannot be told from one that has ended its side alone, and waits for
            # its answer: it keeps its connection until the handler ends.
            bystander.is_served()
        release(target)


# CVE-2025-69230: every bad cookie was a line in another server's log. Here :meth:`Target.check_log` looks.
COOKIES = {
    "no name": b"; ".join([b"=x"] * 4000),
    "no value": b";" * 15_000,
    "bytes": b"; ".join(b"a=" + bytes([byte]) for byte in range(0x80, 0x100)) * 20,
    "escapes": b'a="' + b"\\4" * 7000 + b'"',
    "controls": b"; ".join([b"a\t=b\tc"] * 1800),
}


def test_very_many_bad_cookies(start):
    target = start()
    heads = [
        message("GET", "/cookies")[:-2] + b"Cookie: " + value[: 15 * KIB].rstrip() + b"\r\n\r\n"
        for value in COOKIES.values()
    ]
    size, requests = 10, 10
    with target.withstands(size * (PER_CONNECTION + 512 * KIB) + SLACK), Crowd(target.address, size) as crowd:
        crowd.pump(*[head * requests for head in heads])
        for member in crowd.members:
            member.socket.shutdown(socket.SHUT_WR)
        crowd.receive_until_ended()
        assert {tuple(member.statuses) for member in crowd.members} == {(200,) * requests}

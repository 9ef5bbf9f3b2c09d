"""Clients that take their time, many at once: to send a head, to send a body, to read an answer."""

import time

import pytest

from ..serving import PATIENCE, message
from .crowd import Crowd
from .watching import KIB, PER_ANSWER, PER_CONNECTION, SLACK


def drip_until_alone(target, crowd, data):
    """Send ``data`` again and again, on whatever connection takes it, until the server has ended all.

    :return: how many times each was sent it at most.
    """
    rounds = 0
    end = time.monotonic() + PATIENCE
    while target.bystander.wait_until(lambda state: True)["connections"] > 1:
        assert time.monotonic() < end, "it takes them for as long as they like"
        crowd.drip(data)
        rounds += 1
    crowd.receive_until_ended()
    return rounds


@pytest.mark.parametrize(
    "start_of_head", [b"GET /", b"GET / HTTP/1.1\r\nHost: a\r\nX: "], ids=["line", "field"]
)
def test_heads_that_drip(start, start_of_head):
    target = start(head_timeout=0.5, linger_timeout=0.2)
    size = 300
    with target.withstands(size * PER_CONNECTION + SLACK), Crowd(target.address, size) as crowd:
        crowd.pump(start_of_head)
        rounds = drip_until_alone(target, crowd, b"a")
        assert rounds > 3
        assert {tuple(member.statuses) for member in crowd.members} == {(408,)}
        assert min(member.sent for member in crowd.members) > len(start_of_head) + 3


@pytest.mark.parametrize(
    ("fields", "data"),
    [(("Content-Length: 1000000",), b"a"), (("Transfer-Encoding: chunked",), b"1\r\na\r\n")],
    ids=["sized", "chunked"],
)
def test_bodies_that_drip(start, fields, data):
    target = start(body_timeout=0.5, linger_timeout=0.2, min_body_rate=100_000)
    size = 300
    with target.withstands(size * PER_CONNECTION + SLACK), Crowd(target.address, size) as crowd:
        crowd.pump(message("POST", "/", *fields))
        rounds = drip_until_alone(target, crowd, data)
        assert rounds > 3
        assert {tuple(member.statuses) for member in crowd.members} == {(408,)}


@pytest.mark.parametrize("path", ["/large", "/stream", "/iterated"])
def test_clients_that_never_read(start, path):
    target = start(write_timeout=0.5, linger_timeout=0.2)
    size = 50
    bound = size * (PER_CONNECTION + PER_ANSWER) + SLACK
    with target.withstands(bound) as bystander, Crowd(target.address, size, 4 * KIB) as crowd:
        crowd.pump(message("GET", path) * 2, reads=False)
        bystander.wait_until(lambda state: state["connections"] == size + 1)
        if path != "/large":
            bystander.wait_until(lambda state: state["streams"] == size)
        target.wait_until_alone()
        crowd.receive_until_ended()


def test_2000_idle_connections(start):
    target = start()
    size = 2000
    with target.withstands(size * PER_CONNECTION + SLACK) as bystander, Crowd(target.address, size) as crowd:
        for member in crowd.members[::2]:
            member.send(message())
        bystander.wait_until(lambda state: state["connections"] == size + 1 and state["handled"] >= size / 2)
        bystander.is_served()


def test_idle_connections_are_closed_in_time(start):
    target = start(keep_alive_timeout=1.0)
    size = 300
    with target.withstands(size * PER_CONNECTION + SLACK), Crowd(target.address, size) as crowd:
        crowd.pump(message(), b"\r\n")
        crowd.receive_until_ended()
        assert {tuple(member.statuses) for member in crowd.members} == {(200,), ()}

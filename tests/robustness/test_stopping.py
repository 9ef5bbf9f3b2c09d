"""A stop while clients hang at every point of an exchange: it ends in time, and at once if told twice."""

import contextlib
import signal

from ..processes import wait_until_stopping
from ..serving import Client, message
from .crowd import Crowd
from .watching import KIB, MIB, PER_ANSWER, PER_CONNECTION, PER_HANDLER, SLACK

# What does not end by itself, each in its way. No member reads.
HANGING = (
    b"GET / HTTP/1.1\r\nHost: loc",
    message("POST", "/", "Content-Length: 100") + b"12345",
    message("POST", "/", "Transfer-Encoding: chunked") + b"5\r\n12345",
    message("GET", "/hang"),
    message("GET", "/hang") * 5,
    message("GET", "/stream"),
    message("GET", "/iterated"),
)

# Clients of each kind.
EACH = 10

# Two kinds have a handler, two have an answer on its way.
BOUND = EACH * (len(HANGING) * PER_CONNECTION + 2 * PER_HANDLER + 2 * PER_ANSWER) + SLACK


@contextlib.contextmanager
def hanging(target):
    """Have clients hang; at the block's end, in which the server stops, each must be let go.

    It yields what waits for the stop's beginning, and checks the memory until then.
    """
    before = target.memory("VmRSS")
    target.forget_peak()
    with Client(target.address) as idle, Crowd(target.address, EACH * len(HANGING), 4 * KIB) as crowd:
        crowd.pump(*HANGING, reads=False)
        target.bystander.wait_until(
            lambda state: state["handlers"] == 2 * EACH and state["streams"] == 2 * EACH
        )
        target.bystander.is_served()
        target.bystander.leave()

        def wait_until_begun():
            wait_until_stopping(idle)
            growth = target.memory("VmHWM") - before
            print(f"[{target.name}] grew by {growth / MIB:.1f} MiB of {BOUND / MIB:.1f}")
            assert growth <= BOUND

        yield wait_until_begun
        # The system closed the descriptors, if nobody else did; that is all that there is to them.
        assert target.finish() == 0
        crowd.receive_until_ended()


def test_a_stop_with_clients_that_hang(start):
    target = start(shutdown_timeout=0.5)
    with hanging(target) as wait_until_begun:
        target.send(signal.SIGTERM)
        wait_until_begun()
    assert f"cutting off {EACH * len(HANGING)} connections" in target.stderr


def test_second_signal_waits_for_no_client(start):
    # By the first it would wait longer than this test does.
    target = start(shutdown_timeout=600.0)
    with hanging(target) as wait_until_begun:
        with Client(target.address) as bystander:
            bystander.send(message("POST", "/", "Expect: 100-continue", "Content-Length: 4"))
            assert bystander.receive_head().status == 100
            target.send(signal.SIGTERM)
            wait_until_begun()
            answer = bystander.request(b"body")
            assert (answer.status, answer.body, answer.fields["connection"]) == (200, b"4", "close")
            assert bystander.receive_rest() == b""
        target.send(signal.SIGTERM)
    assert "cutting off" in target.stderr

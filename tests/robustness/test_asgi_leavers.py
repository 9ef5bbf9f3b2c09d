"""Clients that leave in the middle of every kind of ASGI answer: no task, connection or descriptor is left.

The variable ``KYOUKAI_TEST_LEAVERS`` says how many leave each, in place of 60.
"""

import asyncio
import os

import pytest

from kyoukai.asgi import ASGIApplication

from ..conftest import LOOPS
from ..serving import error_records, running
from .leavers import KINDS, Books, leaving, leaving_streams
from .target import census
from .watching import many_descriptors, poll

SIZE = int(os.environ.get("KYOUKAI_TEST_LEAVERS", "60"))

# On each wire, on one loop; the two of HTTP/1.1 have both loops between them.
WIRES = {"httptools": "uvloop", "reference": "asyncio", "h2": "uvloop"}


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def leave(server, books, wire, kind, size):
    """Have so many clients ask, wait until all are being answered, and have them leave."""
    books.arrived = 0
    clients = leaving_streams if wire == "h2" else leaving
    with clients(kind, server.component.address, size) as go:
        server.wait_until(lambda: books.arrived == size)
        go()
        # Those that look at nothing go on now.
        server.call(books.left.set)
        server.wait_until(lambda: not books.running and not server.server.connections)
    server.call(books.left.clear)


@pytest.fixture(params=WIRES)
def wire(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["", "cancelled"])
def server(request, wire, tmp_path):
    books = Books(tmp_path)
    settings = {
        "backend": wire,
        "loop_factory": LOOPS[WIRES[wire]],
        "cancel_on_disconnect": request.param,
        # By HTTP/2, who has left with a window that is closed is found out by this alone.
        "limits": {"write_timeout": 0.5},
    }
    with many_descriptors(), running(app=ASGIApplication(books), **settings) as server:
        yield server, books


@pytest.mark.parametrize("kind", KINDS)
def test_clients_that_leave(server, wire, kind, caplog):
    server, books = server
    # What is made once is made now.
    leave(server, books, wire, kind, 20)
    tasks, open_ones = len(server.call(asyncio.all_tasks)), descriptors()
    exchanges = server.call(census)["exchanges"]
    leave(server, books, wire, kind, SIZE)
    assert (books.running, books.held, books.opened) == (0, 0, 20 + SIZE)
    poll(lambda: len(server.call(asyncio.all_tasks)) <= tasks)
    poll(lambda: descriptors() <= open_ones)
    assert error_records(caplog) == []
    assert server.call(census)["exchanges"] <= exchanges

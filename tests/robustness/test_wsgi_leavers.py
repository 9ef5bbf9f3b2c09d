"""Clients that leave in the middle of every kind of WSGI answer: ``close()`` is called once, nothing is left.

The variable ``KYOUKAI_TEST_LEAVERS`` says how many leave each, in place of 60.
"""

import asyncio
import contextlib
import io
import os
import sqlite3
import threading

import pytest

from kyoukai.wsgi import WSGIApplication

from ..conftest import LOOPS
from ..serving import error_records, running
from .leavers import FILE_SIZE, PIECE, leaving, leaving_streams
from .target import census
from .test_asgi_leavers import SIZE, WIRES, descriptors
from .watching import many_descriptors, poll

THREADS = 20


class Books:
    """A WSGI application, and what it has under way.

    :ivar running: calls under way.
    :ivar arrived: calls, or their bodies, that have come to where their client leaves.
    :ivar bodies: those that were returned.
    :ivar left: set when the clients have left.
    """

    def __init__(self, folder):
        self.running = self.arrived = 0
        self.bodies = []
        self.left = threading.Event()
        self.lock = threading.Lock()
        self.database = folder / "database"
        self.file = folder / "file"
        self.file.touch()
        os.truncate(self.file, FILE_SIZE)

    def arrive(self):
        with self.lock:
            self.arrived += 1

    def __call__(self, environ, start_response):
        with self.lock:
            self.running += 1
        try:
            return self.answer(environ, start_response)
        finally:
            with self.lock:
                self.running -= 1

    def answer(self, environ, start_response):
        kind = environ["PATH_INFO"][1:]
        if kind == "upload":
            with contextlib.closing(sqlite3.connect(self.database)):
                environ["wsgi.input"].read(1)
                self.arrive()
                environ["wsgi.input"].read()
        if kind == "file":
            opened = Opened(self.file)
            self.bodies.append(opened)
            start_response("200 OK", [("Content-Length", str(FILE_SIZE))])
            self.arrive()
            return environ["wsgi.file_wrapper"](opened, 65536)
        start_response("200 OK", [("Content-Type", "application/octet-stream")])
        body = Body(self, kind)
        self.bodies.append(body)
        if kind == "handling":
            self.arrive()
            self.left.wait()
        return body


class Opened(io.BufferedReader):
    """A file that the kernel can send, where the wire has it so."""

    def __init__(self, path):
        super().__init__(io.FileIO(path))
        self.closes = 0

    def close(self):
        self.closes += 1
        super().close()


class Body:
    """An answer's content, which holds a connection of a database until it is closed."""

    def __init__(self, books, kind):
        self.books = books
        self.kind = kind
        self.closes = 0
        self.count = 0
        self.connection = sqlite3.connect(books.database, check_same_thread=False)
        self.connection.execute("PRAGMA user_version").fetchone()

    def __iter__(self):
        return self

    def __next__(self):
        self.count += 1
        if self.kind == "handling":
            if self.count > 1:
                raise StopIteration
        elif self.count == (2 if self.kind == "streaming" else 1):
            self.books.arrive()
        if self.kind == "streaming" and self.count > 1:
            self.books.left.wait()
        return PIECE

    def close(self):
        self.closes += 1
        self.connection.close()


def leave(server, books, wire, kind, size):
    """Have so many clients ask, and leave once as many are being answered as have threads."""
    books.arrived = 0
    clients = leaving_streams if wire == "h2" else leaving
    with clients(kind, server.component.address, size) as go:
        server.wait_until(lambda: books.arrived >= min(size, THREADS))
        go()
        # Those that wait for a thread come to none, or answer nobody.
        books.left.set()
        server.wait_until(lambda: not books.running and not server.server.connections)
    books.left.clear()


@pytest.fixture(params=WIRES)
def wire(request):
    return request.param


@pytest.mark.parametrize("kind", ["handling", "upload", "streaming", "streaming-fast", "file"])
def test_clients_that_leave(wire, kind, tmp_path, caplog):
    books = Books(tmp_path)
    app = WSGIApplication(books, threads=THREADS)
    settings = {"backend": wire, "loop_factory": LOOPS[WIRES[wire]], "limits": {"write_timeout": 0.5}}
    with many_descriptors(), running(app=app, **settings) as server:
        # Threads, and what is made once, are made now.
        leave(server, books, wire, kind, THREADS)
        poll(lambda: all(body.closes for body in books.bodies))
        tasks, open_ones = len(server.call(asyncio.all_tasks)), descriptors()
        exchanges = server.call(census)["exchanges"]
        leave(server, books, wire, kind, SIZE)
        poll(lambda: len(server.call(asyncio.all_tasks)) <= tasks)
        poll(lambda: descriptors() <= open_ones)
        assert {body.closes for body in books.bodies} <= {1}
        assert kind == "upload" or len(books.bodies) >= 2 * THREADS
        assert error_records(caplog) == []
        assert server.call(census)["exchanges"] <= exchanges

"""What an application has called at the start and at the stop of a server."""

import asyncio
import os
import signal
import socket

import pytest
from asphalt.core import TeardownError

from kyoukai import Kyoukai, KyoukaiComponent, ListenError

from ..processes import python
from ..serving import message
from ..test_docs import ROOT


def test_the_start_comes_first_and_the_stop_last(serve):
    app = Kyoukai("served")
    seen = []
    go_on = asyncio.Event()

    @app.before_serving
    async def start(ctx):
        seen.append(("start", ctx.get_resource(KyoukaiComponent) is None))
        ctx.add_resource("of the start")

    @app.after_serving
    async def stop(ctx):
        seen.append(("stop", ctx.require_resource(KyoukaiComponent).app is app))

    @app.route("/")
    async def index(ctx):
        seen.append("asked")
        await go_on.wait()
        seen.append("answered")
        return ctx.require_resource(str)

    server = serve(app)
    with server.connect() as client:
        client.send(message())
        server.wait_until(lambda: "asked" in seen)
        server.begin_stop()
        server.wait_until(lambda: server.server.stopping)
        server.call(go_on.set)
        assert client.receive().body == b"of the start"
    server.stop()
    assert seen == [("start", True), "asked", "answered", ("stop", True)]


def test_tasks_of_requests_end_before_the_stop(serve):
    app = Kyoukai("served")
    seen = []
    go_on = asyncio.Event()

    @app.route("/")
    async def index(ctx):
        async def work():
            await go_on.wait()
            seen.append("worked")

        ctx.app.create_task(work(), name="work")
        return "begun"

    @app.after_serving
    async def stop(ctx):
        seen.append("stopped")

    server = serve(app)
    assert server.request(message()).body == b"begun"
    server.begin_stop()
    server.wait_until(lambda: server.server.stopping)
    server.call(go_on.set)
    server.stop()
    assert seen == ["worked", "stopped"]


def test_a_task_that_takes_too_long_is_cancelled(serve, caplog):
    app = Kyoukai("served")
    tasks = []

    @app.route("/")
    async def index(ctx):
        tasks.append(ctx.app.create_task(asyncio.Event().wait(), name="for ever"))
        return "begun"

    server = serve(app, limits={"background_timeout": 0.01})
    assert server.request(message()).body == b"begun"
    server.stop()
    assert tasks[0].cancelled()
    assert "cancelling 1 background tasks: for ever" in caplog.text


def test_a_start_that_fails_listens_nowhere(serve):
    app = Kyoukai("served")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    @app.before_serving
    async def start(ctx):
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database") as raised:
        serve(app, port=port)
    assert "start" in raised.value.__notes__[0]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))


def test_an_address_in_use_stops_the_application(serve):
    app = Kyoukai("served")
    seen = []
    app.before_serving(lambda ctx: seen.append("start"))
    app.after_serving(lambda ctx: seen.append("stop"))
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(ListenError):
            serve(app, port=other.getsockname()[1])
    assert seen == ["start", "stop"]


APPLICATION = """
import asyncio
import sys

from kyoukai import Kyoukai

app = Kyoukai("waiting")


@app.before_serving
async def begin(ctx):
    app.create_task(work(), name="work")


async def work():
    try:
        await asyncio.Event().wait()
    finally:
        print("cancelled", file=sys.stderr)


@app.after_serving
async def end(ctx):
    print("ended", file=sys.stderr)
"""


def run_module(folder, name, text, *options):
    """Serve the application of a module in a process of its own."""
    (folder / f"{name}.py").write_text(text)
    path = os.pathsep.join([str(folder), str(ROOT)])
    options = ["--port", "0", *options]
    return python(
        "-m", "kyoukai", "run", f"{name}:app", *options, folder=folder, environ={"PYTHONPATH": path}
    )


def test_a_second_signal_waits_for_no_task(backend, tmp_path):
    options = ["--backend", backend, "--background-timeout", "300"]
    with run_module(tmp_path, "waiting", APPLICATION, *options) as process:
        with process.connect() as client:
            client.send(message())
            assert client.receive().status == 404
            process.send(signal.SIGTERM)
            # The server has no other connection, and stops but for the task.
            assert client.receive_rest() == b""
        process.send(signal.SIGTERM)
        assert process.finish() == 0
    last = [line for line in process.stderr.splitlines() if "INFO" not in line]
    assert last[-2:] == ["cancelled", "ended"]
    assert "cancelling 1 background tasks: work" in last[-3]
    assert "Traceback" not in process.stderr


HANGING = """
import asyncio
import sys

from kyoukai import Kyoukai

app = Kyoukai("hanging")


@app.while_serving
async def closes(ctx):
    yield
    print("closed", file=sys.stderr)


@app.after_serving
async def hangs(ctx):
    await asyncio.Event().wait()


@app.while_serving
async def hangs_too(ctx):
    async with asyncio.timeout(300):
        yield
        print("stopping", file=sys.stderr)
        await asyncio.Event().wait()
"""


BLOCKING = """
import sys
import threading

from kyoukai import Kyoukai

app = Kyoukai("blocking")


@app.after_serving
def closes(ctx):
    print("closed", file=sys.stderr)


@app.after_serving
def blocks(ctx):
    print("stopping", file=sys.stderr)
    threading.Event().wait()
"""


def test_second_signal_abandons_a_blocking_plain_hook(backend, tmp_path):
    with run_module(tmp_path, "blocking", BLOCKING, "--backend", backend) as process:
        with process.connect() as client:
            client.send(message())
            assert client.receive().status == 404
        process.send(signal.SIGTERM)
        process.wait_for("stopping")
        process.send(signal.SIGTERM)
        process.wait_for("closed")
        process.wait_for("threads keep the process from ending: .+; the next signal ends it")
        process.send(signal.SIGTERM)
        assert process.finish() == -signal.SIGTERM
    assert "a hook after serving, blocking.blocks, was cut off" in process.stderr
    assert "Traceback" not in process.stderr


def test_a_second_signal_cuts_off_hooks_that_hang(backend, tmp_path):
    with run_module(tmp_path, "hanging", HANGING, "--backend", backend) as process:
        with process.connect() as client:
            client.send(message())
            assert client.receive().status == 404
        process.send(signal.SIGTERM)
        process.wait_for("stopping")
        process.send(signal.SIGINT)
        assert process.finish() == 0
    errors = [line for line in process.stderr.splitlines() if "ERROR" in line]
    assert len(errors) == 2
    assert "a hook while serving, hanging.hangs_too, was cut off" in errors[0]
    assert "a hook after serving, hanging.hangs, was cut off" in errors[1]
    assert "closed" in process.stderr
    assert "Traceback" not in process.stderr


STUCK = """
import sys
import threading

from kyoukai import Kyoukai

app = Kyoukai("stuck")


@app.route("/idle")
def idle(ctx):
    return "idle"


@app.route("/")
def index(ctx):
    print("begun", file=sys.stderr, flush=True)
    threading.Event().wait()


def old(environ, start_response):
    index(None)


app.mount("/old", old)


@app.after_serving
async def after(ctx):
    print("stopping", file=sys.stderr, flush=True)
"""


def test_unending_threads_are_named_and_abandoned_on_a_signal(backend, tmp_path):
    options = ["--backend", backend, "--shutdown-timeout", "0.01"]
    with run_module(tmp_path, "stuck", STUCK, *options) as process:
        with process.connect() as first, process.connect() as second:
            assert first.request(message("GET", "/idle")).body == b"idle"
            first.send(message("GET", "/"))
            second.send(message("GET", "/old"))
            process.wait_for("begun", 2)
            process.send(signal.SIGTERM)
            waiting = process.wait_for("waiting for calls in threads, until a second signal: (.+)")
            assert "stopping" not in process.stderr
            process.send(signal.SIGTERM)
            process.wait_for("stopping")
            named = process.wait_for("threads keep the process from ending: (.+); the next signal ends it")
        assert "stuck.index in " in waiting[1]
        assert "stuck.old in wsgi stuck.old_0 at " in waiting[1]
        assert named[1].count(" at ") == 2
        assert "wsgi stuck.old_0 at " in named[1]
        process.send(signal.SIGTERM)
        assert process.finish() == -signal.SIGTERM
    assert "Traceback" not in process.stderr


def test_a_stop_that_fails_is_a_failed_teardown(serve):
    app = Kyoukai("served")
    seen = []

    @app.after_serving
    async def last(ctx):
        seen.append("last")

    @app.after_serving
    async def first(ctx):
        raise OSError("cannot be closed")

    server = serve(app)
    server.stop()
    assert seen == ["last"]
    assert isinstance(server._error, TeardownError)
    assert "cannot be closed" in str(server._error)

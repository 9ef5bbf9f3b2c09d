"""The lifespan protocol: start and stop of hosted applications, and their state."""

import asyncio
import contextvars
import threading
from typing import Any

import pytest

from kyoukai.asgi import ASGIApplication
from kyoukai.asgi.hosted.lifespan import Lifespan, StartupError
from kyoukai.core.errors import ConfigurationError
from kyoukai.core.exchange.exchange import Exchange

from ...serving import PATIENCE, error_records, message
from .speaking import hosted, respond

Serve = Any


class Lively:
    """An application with a lifespan.

    :param answer: what it answers requests by.
    """

    def __init__(self, answer: Any = None) -> None:
        self.answer = answer
        self.events: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            if self.answer is not None:
                await self.answer(scope, receive, send)
            else:
                scope["state"]["counter"] = scope["state"].get("counter", 0) + 1
                scope["state"]["shared"].append(1)
                await respond(send, b"%d %d" % (scope["state"]["counter"], len(scope["state"]["shared"])))
            return
        assert scope["asgi"] == {"version": "3.0", "spec_version": "2.0"}
        self.events.append((await receive())["type"])
        scope["state"]["shared"] = []
        await send({"type": "lifespan.startup.complete"})
        self.events.append((await receive())["type"])
        await send({"type": "lifespan.shutdown.complete"})
        self.events.append("ended")


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_start_state_and_stop(serve: Serve, mode: str) -> None:
    app = Lively()
    server = hosted(serve, app, mode)
    with server.connect() as client:
        assert [client.request(message()).body for _ in range(3)] == [b"1 1", b"1 2", b"1 3"]
    assert app.events == ["lifespan.startup"]
    server.stop()
    assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended"]


def test_several_components_of_one_loop_start_it_once(serve: Serve) -> None:
    app = Lively()

    async def main() -> None:
        lifecycle = ASGIApplication(app).lifecycle
        for _ in range(2):
            await lifecycle.start()
        assert app.events == ["lifespan.startup"]
        await lifecycle.stop(0)
        assert app.events == ["lifespan.startup"]
        await lifecycle.stop(0)
        # And again, as one does that is served anew.
        await lifecycle.start()
        await lifecycle.stop(0)

    asyncio.run(main())
    assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended"] * 2


@pytest.mark.parametrize("hosts", ["one host", "two hosts"])
def test_concurrent_starts_are_one_start(hosts: str) -> None:
    """Components of one container start at once; two hosts have the same callable."""
    app, order = Lively(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await order.wait()
        await app(scope, receive, send)

    async def main() -> None:
        one = ASGIApplication(slow).lifecycle
        two = one if hosts == "one host" else ASGIApplication(slow, root_path="/two").lifecycle
        starts = [asyncio.ensure_future(lifecycle.start()) for lifecycle in (one, two)]
        for _ in range(5):
            await asyncio.sleep(0)
        order.set()
        await asyncio.gather(*starts)
        loop = asyncio.get_running_loop()
        assert one.state_of(loop) is two.state_of(loop)
        await one.stop(0)
        assert app.events == ["lifespan.startup"]
        await two.stop(0)
        assert one.state_of(loop) == {}

    asyncio.run(main())
    assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended"]


def test_of_starts_at_once_each_is_told_of_a_failure() -> None:
    async def main() -> None:
        lifecycle = ASGIApplication(fails_to_start).lifecycle
        errors = await asyncio.gather(lifecycle.start(), lifecycle.start(), return_exceptions=True)
        assert [type(error) for error in errors] == [StartupError, StartupError]
        with pytest.raises(KeyError):
            await lifecycle.stop(0)

    asyncio.run(main())


def test_a_start_during_the_stop_starts_it_anew() -> None:
    app, go_on = Lively(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)
        await go_on.wait()

    async def main() -> None:
        lifecycle = ASGIApplication(slow).lifecycle
        await lifecycle.start()
        stop = asyncio.ensure_future(lifecycle.stop(0))
        for _ in range(5):
            await asyncio.sleep(0)
        start = asyncio.ensure_future(lifecycle.start())
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stop.done()
        assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended"]
        go_on.set()
        await asyncio.gather(stop, start)
        assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended", "lifespan.startup"]
        await lifecycle.stop(0)

    asyncio.run(main())
    assert app.events == ["lifespan.startup", "lifespan.shutdown", "ended"] * 2


class ByPath:
    """Passes requests on to one of several applications, by the first part of the path.

    :param applications: by name.
    """

    declared_methods = ("*",)

    def __init__(self, **applications: ASGIApplication) -> None:
        self.applications = applications
        self.lifecycle = self

    async def start(self, ctx: Any) -> None:
        for application in self.applications.values():
            await application.lifecycle.start(ctx)

    async def stop(self, grace: float, abort: asyncio.Event | None = None) -> None:
        for application in self.applications.values():
            await application.lifecycle.stop(grace, abort)

    async def process_exchange(self, exchange: Exchange, parent_context: Any) -> None:
        application = self.applications[exchange.head.path.split("/")[1]]
        await application.process_exchange(exchange, parent_context)


@pytest.mark.every_wire
def test_state_of_applications_on_one_connection_is_separate(serve: Serve) -> None:
    def named(name: str) -> Any:
        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "lifespan":
                leaks = [said for said in scope["extensions"].values() if "leak" in said]
                scope["extensions"]["http.response.pathsend"]["leak"] = name
                await respond(send, f"{scope['state']['name']} {leaks}".encode())
                return
            await receive()
            scope["state"]["name"] = name
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})

        return application

    app = ByPath(**{name: ASGIApplication(named(name), lifespan="on") for name in ("one", "two")})
    with serve(app).connect() as client:
        answers = [client.request(message("GET", f"/{name}")).body for name in ("one", "two", "two", "one")]
    assert answers == [b"one []", b"two []", b"two []", b"one []"]


async def fails_to_start(scope: Any, receive: Any, send: Any) -> None:
    """Say why the start fails, as Starlette does, and raise."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": "the database is not there\n"})
    raise LookupError


@pytest.mark.parametrize("mode", ["auto", "on"])
def test_a_start_that_fails_ends_the_start(serve: Serve, mode: str) -> None:
    with pytest.raises(StartupError, match=r"^the application's start failed: the database is not there$"):
        hosted(serve, fails_to_start, mode)


async def raises(scope: Any, receive: Any, send: Any) -> None:
    """Refuse any scope but that of a request."""
    assert scope["type"] == "http", "not me"
    await respond(send, b"hello")


async def returns(scope: Any, receive: Any, send: Any) -> None:
    """Do nothing in any scope but that of a request."""
    if scope["type"] == "http":
        await respond(send, b"hello")


@pytest.mark.parametrize("application", [raises, returns])
def test_an_application_that_knows_no_lifespan(serve: Serve, caplog: Any, application: Any) -> None:
    for mode in ("auto", "off"):
        server = hosted(serve, application, mode)
        assert server.request(message()).body == b"hello"
        server.stop()
    assert not error_records(caplog)
    with pytest.raises(StartupError, match=r"does not know the lifespan protocol: it (has returned|raised)"):
        hosted(serve, application, "on")


def test_process_exit_ends_the_start(serve: Serve) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        hosted(serve, application, "auto")


def test_a_stop_that_fails_is_logged(serve: Serve, caplog: Any) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.failed", "message": "cannot close"})

    hosted(serve, application, "on").stop()
    [record] = error_records(caplog)
    assert record.getMessage() == "the application's stop failed: cannot close"


@pytest.mark.parametrize("when", ["serving", "stop"])
def test_a_lifespan_that_raises_is_logged_once(serve: Serve, caplog: Any, when: str) -> None:
    raised = threading.Event()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await respond(send, b"hello")
            return
        await receive()
        await send({"type": "lifespan.startup.complete"})
        if when == "stop":
            await receive()
        raised.set()
        raise LookupError("a bug")

    server = hosted(serve, application, "on")
    if when == "serving":
        assert raised.wait(PATIENCE)
    assert server.request(message()).body == b"hello"
    server.stop()
    [record] = error_records(caplog)
    assert isinstance(record.exc_info[1], LookupError)  # type: ignore[index]


def test_a_lifespan_that_does_not_end_is_cancelled(serve: Serve, monkeypatch: Any) -> None:
    monkeypatch.setattr("kyoukai.asgi.hosted.lifespan.LAST_WORDS", 0.01)
    ends: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            await receive()
        except asyncio.CancelledError:
            ends.append("cancelled")
            raise

    # A task that is left says so: see tests.serving.
    hosted(serve, application, "on").stop()
    assert ends == ["cancelled"]


def test_a_start_that_is_cancelled_leaves_nothing() -> None:
    ends: list[str] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")

    async def main() -> None:
        start = asyncio.ensure_future(Lifespan(application, True).start())
        for _ in range(5):
            await asyncio.sleep(0)
        start.cancel()
        with pytest.raises(asyncio.CancelledError):
            await start
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert ends == ["ended"]


def test_a_stop_is_hurried_by_a_second_signal(monkeypatch: Any) -> None:
    monkeypatch.setattr("kyoukai.asgi.hosted.lifespan.LAST_WORDS", 0.01)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await asyncio.Event().wait()

    async def main() -> None:
        lifespan, abort = Lifespan(application, True), asyncio.Event()
        await lifespan.start()
        stop = asyncio.ensure_future(lifespan.stop(abort))
        for _ in range(5):
            await asyncio.sleep(0)
        assert not stop.done()
        abort.set()
        await stop
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


@pytest.mark.parametrize(
    "event", ["http.response.start", "lifespan.startup", "lifespan.shutdown.complete", "lifespan.a.failed"]
)
def test_events_that_cannot_be_sent(event: str) -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        with pytest.raises(RuntimeError, match=event):
            await send({"type": event})
        await send({"type": "lifespan.startup.complete"})
        with pytest.raises(RuntimeError, match="twice"):
            await send({"type": "lifespan.startup.complete"})
        sent.append(event)

    async def main() -> None:
        lifespan = Lifespan(application, True)
        await lifespan.start()
        await lifespan.stop()

    sent: list[str] = []
    asyncio.run(main())
    assert sent == [event]


def test_its_context_variables_are_its_own(serve: Serve) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="none")

    async def application(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await respond(send, variable.get().encode())
            return
        variable.set("lifespan")
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})

    assert hosted(serve, application, "on").request(message()).body == b"none"


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"application": None}, "is called, and None cannot be"),
        ({"root_path": "shop"}, "begin with a slash"),
        ({"root_path": None}, "begin with a slash"),
        ({"lifespan": "maybe"}, "one of auto, on, off"),
    ],
)
def test_invalid_applications(options: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError, match=text):
        ASGIApplication(**{"application": returns, **options})

"""The start and the stop of an application that is exported, by lifespan and without."""

import asyncio
from typing import Any

import pytest
from asphalt.core import Component, ContainerComponent, Context

from kyoukai import ConfigurationError, HTTPRequestContext, Kyoukai
from kyoukai.asgi import ASGIExport
from tests.asgi.export.calls import Call, Lifespan, body, get, http_scope, run, serving


class Told:
    """An application that notes its hooks.

    :param fails: the hook that raises.
    """

    def __init__(self, fails: str = "") -> None:
        self.app = Kyoukai("told")
        self.notes: list[str] = []
        self.fails = fails
        self.app.before_serving(self.before)
        self.app.after_serving(self.after)
        self.app.route("/")(self.hello)

    async def before(self, ctx: Any) -> None:
        self._note("before")

    async def after(self, ctx: Any) -> None:
        self._note("after")

    async def hello(self, ctx: HTTPRequestContext) -> str:
        return "Hello"

    def _note(self, what: str) -> None:
        self.notes.append(what)
        if self.fails == what:
            raise RuntimeError(f"{what} failed")


def test_hooks_run_with_the_lifespan() -> None:
    async def main() -> None:
        told = Told()
        async with serving(told.app.asgi) as app:
            assert told.notes == ["before"]
            await get(app)
            await get(app)
        assert told.notes == ["before", "after"]

    run(main)


def test_there_is_one_export_of_an_application() -> None:
    app = Told().app
    assert app.asgi is app.asgi
    assert isinstance(app.asgi, ASGIExport)


def test_a_start_that_fails_is_told_with_its_traceback() -> None:
    async def main() -> None:
        told = Told("before")
        lifespan = Lifespan(told.app.asgi)
        event = await lifespan.start()
        assert event["type"] == "lifespan.startup.failed"
        assert "RuntimeError: before failed" in event["message"]
        assert "Traceback" in event["message"]
        await lifespan.end()
        assert told.notes == ["before", "after"]

    run(main)


def test_a_mistake_of_the_users_is_told_as_a_sentence() -> None:
    async def main() -> None:
        app = Kyoukai("mistaken")

        @app.route("/<int:number>")
        async def mistaken(ctx: HTTPRequestContext) -> str:
            return ""

        event = await Lifespan(app.asgi).start()
        assert event["type"] == "lifespan.startup.failed"
        assert "Traceback" not in event["message"]
        assert "number" in event["message"]

    run(main)


def test_a_stop_that_fails_is_told() -> None:
    async def main() -> None:
        lifespan = Lifespan(Told("after").app.asgi)
        await lifespan.start()
        event = await lifespan.stop()
        assert event["type"] == "lifespan.shutdown.failed"
        assert "RuntimeError: after failed" in event["message"]

    run(main)


def test_a_server_that_ends_the_lifespan_itself_stops_the_application() -> None:
    async def main() -> None:
        told = Told()
        lifespan = Lifespan(told.app.asgi)
        await lifespan.start()
        lifespan.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lifespan.end()
        assert told.notes == ["before", "after"]

    run(main)


def test_a_start_that_is_cancelled_is_undone() -> None:
    async def main() -> None:
        app, begun, notes = Kyoukai("long"), asyncio.Event(), []

        @app.while_serving
        async def long(ctx: Any) -> Any:
            begun.set()
            try:
                await asyncio.Event().wait()
                yield
            finally:
                notes.append("undone")

        lifespan = Lifespan(app.asgi)
        lifespan.put({"type": "lifespan.startup"})
        await begun.wait()
        lifespan.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await lifespan.end()
        assert notes == ["undone"]

    run(main)


def test_a_start_has_so_much_time_as_is_set() -> None:
    async def main() -> None:
        app = Kyoukai("long")

        @app.before_serving
        async def long(ctx: Any) -> None:
            await asyncio.Event().wait()

        event = await Lifespan(ASGIExport(app, start_timeout=0.01)).start()
        assert event["type"] == "lifespan.startup.failed"
        assert "TimeoutError" in event["message"]

    run(main)


def test_without_a_lifespan_it_starts_once_with_the_first_request() -> None:
    async def main() -> None:
        told = Told()
        calls = [Call(told.app.asgi, http_scope(), *body(b"")) for _ in range(5)]
        for call in calls:
            assert (await call.end()).body == b"Hello"
        assert told.notes == ["before"]
        # The one task is that which holds the context.
        (task,) = asyncio.all_tasks() - {asyncio.current_task()}
        task.cancel()
        await asyncio.wait([task])

    run(main)


def test_without_a_lifespan_a_start_that_fails_is_tried_again() -> None:
    async def main() -> None:
        told = Told("before")
        for count in (1, 2):
            with pytest.raises(RuntimeError, match="before failed"):
                await get(told.app.asgi)
            assert told.notes.count("before") == count
        told.fails = ""
        assert (await get(told.app.asgi)).body == b"Hello"
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
            await asyncio.wait([task])

    run(main)


def test_each_event_loop_has_a_start_of_its_own() -> None:
    told = Told()

    async def main() -> None:
        assert (await get(told.app.asgi)).body == b"Hello"

    for _ in range(2):
        asyncio.run(main())
    assert told.notes.count("before") == 2
    assert len(told.app.asgi._servings) == 1


def test_an_export_can_be_started_again() -> None:
    told = Told()

    async def main() -> None:
        async with serving(told.app.asgi) as app:
            assert (await get(app)).body == b"Hello"

    run(main)
    run(main)
    assert told.notes == ["before", "after"] * 2


# Components


class Resource:
    """What a component brings."""


class Bringing(Component):
    """Brings a resource, and takes it away.

    :param notes: gets what it does.
    """

    def __init__(self, notes: list[str]) -> None:
        self.notes = notes

    async def start(self, ctx: Context) -> None:
        self.notes.append("brought")
        ctx.add_resource(Resource())
        ctx.add_teardown_callback(lambda: self.notes.append("taken away"))


def test_a_tree_of_components_is_started_and_its_resources_are_there() -> None:
    async def main() -> None:
        told = Told()

        @told.app.route("/thing")
        async def thing(ctx: HTTPRequestContext) -> str:
            return type(ctx.require_resource(Resource)).__name__

        def make() -> Component:
            root = ContainerComponent({"kyoukai": {"app": told.app, "access_log": False, "port": 1}})
            root.add_component("bringing", Bringing, notes=told.notes)
            return root

        async with serving(ASGIExport(component=make)) as app:
            assert (await get(app, b"/thing")).body == b"Resource"
        assert sorted(told.notes) == ["after", "before", "brought", "taken away"]

    run(main)


def test_a_tree_has_one_server() -> None:
    async def main() -> None:
        event = await Lifespan(ASGIExport(component=lambda: Bringing([]))).start()
        assert "has started no component of the type kyoukai" in event["message"]
        servers = {name: {"type": "kyoukai", "app": Told().app, "resource_name": name} for name in ("a", "b")}
        event = await Lifespan(ASGIExport(component=lambda: ContainerComponent(servers))).start()
        assert "several components" in event["message"]

    run(main)


@pytest.mark.parametrize("name", ["backend", "bind", "host", "port", "ssl", "uds"])
def test_settings_of_sockets_are_the_other_servers(name: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        ASGIExport(Told().app, **{name: "x"})


def test_mistakes_are_found_at_once() -> None:
    with pytest.raises(ConfigurationError, match="max_body_sise"):
        ASGIExport(Told().app, limits={"max_body_sise": 1})
    with pytest.raises(ConfigurationError, match="app"):
        ASGIExport()
    with pytest.raises(ConfigurationError, match="excludes"):
        ASGIExport(Told().app, component=ContainerComponent)


def test_a_scope_that_is_unknown_is_refused() -> None:
    async def main() -> None:
        with pytest.raises(ValueError, match="'mail'"):
            await Call(Told().app.asgi, {"type": "mail"}).end()

    run(main)

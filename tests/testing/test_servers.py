import asyncio

from kyoukai.testing.servers import Servers

LIMITS = {"max_fields": 4, "max_body_size": 2}


def test_a_component_is_made_once_for_the_same_backend_and_limits():
    async def run():
        async with Servers() as servers:
            component, ctx = await servers.get("reference", LIMITS)
            assert component.server.limits.max_fields == 4
            assert await servers.get("reference", dict(reversed(LIMITS.items()))) == (component, ctx)
            others = [(await servers.get(*other))[0] for other in (("reference", {}), ("httptools", LIMITS))]
            assert len({component, *others}) == 3

    asyncio.run(run())


def test_the_loop_gets_its_handler_back_when_the_components_have_ended():
    def own(loop, context):
        told.append(context["message"])

    told = []

    async def run():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(own)
        async with Servers() as servers:
            _, ctx = await servers.get("reference", {})
            # It is called when the context is closed.
            ctx.add_teardown_callback(lambda: loop.call_exception_handler({"message": "late"}))
            loop.call_exception_handler({"message": "early", "exception": KeyError("a")})
            assert servers.problems == ["an error was reported to the event loop: early: KeyError('a')"]
        assert servers.problems[1:] == ["an error was reported to the event loop: late: None"]
        assert loop.get_exception_handler() is own

    asyncio.run(run())
    assert told == []

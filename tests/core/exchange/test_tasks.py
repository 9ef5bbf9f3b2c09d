"""Beginning a task: in its context, and at once where that can be."""

import asyncio
import contextvars
from typing import Any

import pytest

from kyoukai.core.exchange.tasks import STARTS_EAGERLY, begin_task

variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="")


def test_it_runs_in_its_context() -> None:
    seen = []

    async def look() -> None:
        seen.append(variable.get())
        variable.set("changed")
        await asyncio.sleep(0)
        seen.append(variable.get())

    async def main() -> contextvars.Context:
        context = contextvars.copy_context()
        context.run(variable.set, "its own")
        task = begin_task(asyncio.get_running_loop(), look(), context)
        assert task is not None
        await task
        assert variable.get() == ""
        return context

    assert asyncio.run(main())[variable] == "changed"
    assert seen == ["its own", "changed"]


def test_one_that_need_not_wait() -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.append(asyncio.current_task())

    async def main() -> None:
        task = begin_task(asyncio.get_running_loop(), look(), contextvars.copy_context())
        assert (task is None) == STARTS_EAGERLY
        await asyncio.sleep(0)
        # Whichever way, it is a task of its own, and the one that began it goes on as before.
        assert seen[0] is not asyncio.current_task()
        assert isinstance(seen[0], asyncio.Task)
        assert seen[0].done()

    asyncio.run(main())


def test_a_task_factory_decides() -> None:
    made = []

    def factory(loop: Any, coroutine: Any, **options: Any) -> Any:
        made.append(coroutine.__name__)
        return asyncio.Task(coroutine, loop=loop, **options)

    async def nothing() -> None:
        pass

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_task_factory(factory)
        task = begin_task(loop, nothing(), contextvars.copy_context())
        assert task is not None
        await task

    asyncio.run(main())
    # asyncio makes others when it ends.
    assert "nothing" in made


def test_an_error_is_the_tasks() -> None:
    async def fail() -> None:
        await asyncio.sleep(0)
        raise ValueError("wrong")

    async def main() -> None:
        task = begin_task(asyncio.get_running_loop(), fail(), contextvars.copy_context())
        assert task is not None
        with pytest.raises(ValueError, match="wrong"):
            await task

    asyncio.run(main())

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from kyoukai import Kyoukai
from kyoukai.test_client import Client

from ..conftest import BACKENDS

Using = Callable[..., Any]


@pytest.fixture(params=["in process", *BACKENDS])
def using(request: pytest.FixtureRequest, loop_factory: Any) -> Using:
    """Run a function of a client of each kind in turn, on each loop."""

    def run(app: Kyoukai, function: Callable[[Client], Awaitable[Any]], **options: Any) -> Any:
        async def main() -> Any:
            kind = str(request.param)
            made = app.test_client(**options) if kind == "in process" else app.live_client(kind, **options)
            async with made as client:
                value = await function(client)
            left = asyncio.all_tasks() - {asyncio.current_task()}
            assert not left
            return value

        with asyncio.Runner(loop_factory=loop_factory) as runner:
            return runner.run(main())

    return run

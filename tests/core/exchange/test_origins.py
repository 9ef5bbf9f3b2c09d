"""Whose answer it is, for a line of the log."""

import asyncio
import sys
from typing import Any

import pytest

from kyoukai.core.exchange.origins import origin
from tests.logged import unnumbered


class Naming:
    """An application that names its handlers."""

    def name_handler(self, environ: dict[str, Any]) -> str:
        environ["left"] = "behind"
        if environ["PATH_INFO"] == "/failing":
            raise LookupError
        if environ["PATH_INFO"] == "/leaving":
            sys.exit(2)
        return {"/named": "shop.show"}.get(environ["PATH_INFO"], "")


@pytest.mark.parametrize(
    ("app", "environ", "expected"),
    [
        (Naming(), {"PATH_INFO": "/named"}, "; its handler is shop.show"),
        (Naming(), {"PATH_INFO": "/unnamed"}, ""),
        (Naming(), {"PATH_INFO": "/failing"}, ""),
        (Naming(), {"PATH_INFO": "/leaving"}, ""),
        (Naming(), {}, ""),
        (object(), {"PATH_INFO": "/named"}, ""),
        (None, {"PATH_INFO": "/named"}, ""),
    ],
    ids=[
        "named",
        "unnamed",
        "failing",
        "leaving",
        "no path",
        "an application that names none",
        "no application",
    ],
)
def test_the_end_of_a_line(app: object, environ: dict[str, Any], expected: str) -> None:
    before = dict(environ)
    line = origin(app, environ)
    # What has no path, the server answered by itself.
    assert (unnumbered(line) if before else line) == expected
    assert {**environ, "kyoukai.request_id": ""} == {**before, "kyoukai.request_id": ""}


def test_cancellation_of_the_caller_propagates() -> None:
    class Cancelling:
        def name_handler(self, environ: dict[str, Any]) -> str:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            raise asyncio.CancelledError

    async def ask() -> None:
        with pytest.raises(asyncio.CancelledError):
            origin(Cancelling(), {"PATH_INFO": "/"})
        await asyncio.sleep(0)

    async def main() -> None:
        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(ask())

    asyncio.run(main())

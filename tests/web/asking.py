"""How these tests put a request to an application: with no server, and no socket."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from asphalt.core import Context, current_context
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Response

from kyoukai.web import HTTPRequestContext, Kyoukai


def environ_of(path: str = "/", method: str = "GET", **options: Any) -> dict[str, Any]:
    builder = EnvironBuilder(path=path, method=method, **options)
    try:
        return builder.get_environ()
    finally:
        builder.close()


def ask(
    app: Kyoukai,
    path: str = "/",
    method: str = "GET",
    *,
    prepare: Callable[[Context], Any] = lambda parent: None,
    overrides: dict[str, Any] | None = None,
    **options: Any,
) -> Response:
    """Return the answer to one request, asked as a server asks."""

    async def main() -> Response:
        async with Context() as parent:
            prepare(parent)
            request = app.request_class({**environ_of(path, method, **options), **(overrides or {})})
            response = await app.process_request(request, parent)
            assert current_context() is parent
            return response

    return asyncio.run(main())


def within(
    app: Kyoukai, function: Callable[[HTTPRequestContext], Any], path: str = "/", **options: Any
) -> Any:
    """Return what ``function`` returns for the context of a request, in a hook of the application."""
    seen: list[Any] = []

    @app.before_request
    async def call(ctx: HTTPRequestContext) -> str:
        value = function(ctx)
        seen.append(await value if isinstance(value, Awaitable) else value)
        return ""

    response = ask(app, path, **options)
    assert seen, response.get_data(as_text=True)
    return seen[0]

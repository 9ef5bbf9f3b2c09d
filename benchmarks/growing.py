"""Kyoukai's application with ``BENCHMARK_ROUTES`` routes of each of two kinds."""

import os
from typing import Any

from benchmarks import content
from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("growing")


async def static(ctx: HTTPRequestContext) -> Any:
    """Answer with text."""
    return ctx.app.response_class(content.TEXT, mimetype="text/plain")


async def variable(ctx: HTTPRequestContext, name: str, number: int) -> Any:
    """Answer with the parameter of the path."""
    return ctx.app.response_class(content.post(name, number), mimetype="text/plain")


for index in range(int(os.environ["BENCHMARK_ROUTES"])):
    app.route(f"/route-{index}", endpoint=f"static-{index}")(static)
    app.route(f"/route-{index}/<name>/<int:number>", endpoint=f"variable-{index}")(variable)

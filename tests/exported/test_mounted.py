"""``app.asgi`` as a part of an application of another framework."""

import json
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.routing import Mount

from kyoukai import HTTPRequestContext, Kyoukai

from ..asgi.export.calls import Lifespan, get, run, serving

app = Kyoukai("mounted")


@app.route("/items/<int:number>")
async def item(ctx: HTTPRequestContext, number: int) -> dict[str, object]:
    environ = ctx.environ
    return {
        "names": [environ["SCRIPT_NAME"], environ["PATH_INFO"]],
        "url": ctx.request.url,
        "next": ctx.url_for("item", number=number + 1),
    }


def check(mounting: Any, prefix: str) -> None:
    """Check that an application of another framework has ours below a path."""

    async def main() -> None:
        # A framework starts its own application alone, and no mounted one.
        async with serving(app.asgi):
            lifespan = Lifespan(mounting)
            assert await lifespan.start() == {"type": "lifespan.startup.complete"}
            call = await get(mounting, f"{prefix}/items/3".encode())
            assert call.status == 200
            assert json.loads(call.body) == {
                "names": [prefix, "/items/3"],
                "url": f"http://example.com{prefix}/items/3",
                "next": f"{prefix}/items/4",
            }
            assert (await get(mounting, f"{prefix}/items/x".encode())).status == 404
            assert await lifespan.stop() == {"type": "lifespan.shutdown.complete"}

    run(main)


def test_in_starlette() -> None:
    check(Starlette(routes=[Mount("/k", app.asgi)]), "/k")


def test_in_fastapi() -> None:
    framework = FastAPI()
    framework.mount("/api/k", app.asgi)
    check(framework, "/api/k")

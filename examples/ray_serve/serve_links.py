"""The links of `examples/links` as a deployment of Ray Serve: two replicas, and one database.

`PYTHONPATH=../links serve run serve_links:deployment` starts it. test_serve_links.py are its tests.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from typing import Any

from asphalt.core import ContainerComponent, Context
from links import Link, app
from ray import serve
from ray.serve.context import ReplicaContext
from sqlalchemy import select
from sqlalchemy.ext.asyncio import async_sessionmaker
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, event_stream
from kyoukai.asgi import ASGIExport
from kyoukai.websocket import WebSocket

# A file will do for the replicas of one machine. Those of several need a server: postgresql+asyncpg://...
DATABASE = os.environ.get("LINKS_DATABASE", f"sqlite+aiosqlite:///{os.path.abspath('links.db')}")


@app.before_serving
async def note_replica(ctx: Context) -> None:
    # Each replica starts the application for itself.
    ctx.add_resource(serve.get_replica_context(), types=[ReplicaContext])


@app.after_request
async def name_replica(ctx: HTTPRequestContext, response: Response) -> Response:
    response.headers["X-Replica"] = ctx.require_resource(ReplicaContext).replica_id.unique_id
    return response


@app.route("/links/<name>/visits")
async def watch(ctx: HTTPRequestContext, name: str) -> Response:
    """Send how often a link has been visited, whenever that changes, by whichever replica."""
    sessions = ctx.require_resource(async_sessionmaker)
    if await visits_of(sessions, name) is None:
        raise NotFound(f"there is no link {name!r}")
    return event_stream(ctx, changes(sessions, name))


async def changes(sessions: Any, name: str) -> AsyncIterator[str]:
    known = None
    while (visits := await visits_of(sessions, name)) is not None:
        if visits != known:
            yield str(visits)
        known = visits
        await asyncio.sleep(0.2)


@app.websocket("/links/visits")
async def tell_visits(ctx: HTTPRequestContext, ws: WebSocket) -> None:
    """Answer each name with how often that link has been visited."""
    sessions = ctx.require_resource(async_sessionmaker)
    async for name in ws:
        await ws.send_json({"name": name, "visits": await visits_of(sessions, str(name))})


async def visits_of(sessions: Any, name: str) -> int | None:
    async with sessions() as session:
        found: int | None = await session.scalar(select(Link.visits).where(Link.name == name))
    return found


# region: deployment
def make_component() -> ContainerComponent:
    """Make what `config.yaml` has of the links: all but the port and the loop, which are Ray's."""
    limits = {"max_body_size": 65536, "background_timeout": 10}
    return ContainerComponent({"sqlalchemy": {"url": DATABASE}, "kyoukai": {"app": app, "limits": limits}})


def build() -> ASGIExport:
    """Make what a replica serves: Serve calls this in each."""
    return ASGIExport(component=make_component)


@serve.deployment(num_replicas=2, graceful_shutdown_timeout_s=20, ray_actor_options={"num_cpus": 0.5})
@serve.ingress(build)
class Links:
    """A replica; Serve starts the application in it, and stops it."""


deployment = Links.bind()  # type: ignore[attr-defined]

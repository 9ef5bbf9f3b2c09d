"""Short links: a small service with a database, all of which comes from Asphalt components.

`python -m asphalt run config.yaml` starts it, and what it needs. test_links.py are its tests.
"""

import re
import secrets
from typing import Any
from urllib.parse import urlsplit

from asphalt.core import Context, current_context, inject, resource
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateTable
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import Blueprint, HTTPRequestContext, Kyoukai, Problem, answer_as_problem

MOST = 100
"""Links of one page."""


class Base(DeclarativeBase):
    pass


class Link(Base):
    __tablename__ = "links"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    url: Mapped[str]
    visits: Mapped[int] = mapped_column(default=0)

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.id, "name": self.name, "url": self.url, "visits": self.visits}


app = Kyoukai("links")
app.errorhandler(range(400, 600))(answer_as_problem)

links = app.add_child(Blueprint("links", prefix="/links"))


@app.before_serving
async def create_tables(ctx: Context) -> None:
    # The component that brings it may be starting still.
    engine = await ctx.request_resource(AsyncEngine)
    async with engine.begin() as connection:
        # Another worker may be about to make them as well.
        for table in Base.metadata.sorted_tables:
            await connection.execute(CreateTable(table, if_not_exists=True))


# The session is the request's own. What it did is committed before the answer is sent, or rolled
# back where the request failed.


@links.route("/", methods=["POST"])
@inject
async def add(ctx: HTTPRequestContext, *, session: AsyncSession = resource()) -> tuple[Any, int, Any]:
    given = ctx.request.get_json()
    if not isinstance(given, dict):
        raise Problem(400, detail="a JSON object with a url, and a name if you like")
    link = Link(name=check_name(given.get("name")), url=check_url(given.get("url")))
    session.add(link)
    try:
        await session.flush()
    except IntegrityError:
        raise Problem(409, detail="the name is taken", members={"name": link.name}) from None
    return link.as_dict(), 201, {"Location": ctx.url_for("visit", name=link.name)}


@links.route("/")
@inject
async def show_all(ctx: HTTPRequestContext, *, session: AsyncSession = resource()) -> dict[str, Any]:
    after = ctx.request.args.get("after", 0, type=int)
    found = await session.scalars(select(Link).where(Link.id > after).order_by(Link.id).limit(MOST))
    page = [link.as_dict() for link in found]
    following = ctx.url_for(".show_all", after=page[-1]["id"]) if len(page) == MOST else None
    return {"links": page, "next": following}


@links.route("/<name>")
@inject
async def show(ctx: HTTPRequestContext, name: str, *, session: AsyncSession = resource()) -> dict[str, Any]:
    return (await find(session, name)).as_dict()


@links.route("/<name>", methods=["DELETE"])
@inject
async def remove(ctx: HTTPRequestContext, name: str, *, session: AsyncSession = resource()) -> None:
    await session.delete(await find(session, name))


@app.route("/<name>")
@inject
async def visit(ctx: HTTPRequestContext, name: str, *, session: AsyncSession = resource()) -> Response:
    link = await find(session, name)
    # Nobody waits for the counting but the stop of the server.
    app.create_task(count(link.id), name=f"count {name}")
    return redirect(link.url)


async def count(number: int) -> None:
    # The session of the request is closed by now. The current context is the server's.
    sessions = current_context().require_resource(async_sessionmaker)
    async with sessions.begin() as session:
        await session.execute(update(Link).where(Link.id == number).values(visits=Link.visits + 1))


async def find(session: AsyncSession, name: str) -> Link:
    link = await session.scalar(select(Link).where(Link.name == name))
    if link is None:
        raise NotFound(f"there is no link {name!r}")
    return link


def check_url(url: object) -> str:
    if not isinstance(url, str) or urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise Problem(400, detail="the url must be one of http or https")
    return url


def check_name(name: object) -> str:
    if name is None:
        return secrets.token_urlsafe(6)
    if not isinstance(name, str) or not re.fullmatch(r"[\w-]{1,40}", name) or name == "links":
        raise Problem(400, detail="a name has 1 to 40 letters, digits, - and _")
    return name

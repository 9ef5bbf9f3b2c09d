"""The application: its pages, and how they are answered."""

import asyncio
import os
import re
import secrets
from collections.abc import AsyncIterator
from typing import Any

from asphalt.core import inject, resource
from asphalt.templating.api import TemplateRenderer
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from werkzeug.exceptions import HTTPException
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import (
    CookieSessions,
    HTTPRequestContext,
    Kyoukai,
    ServerSentEvent,
    event_stream,
    last_event_id,
    send_from_directory,
)

from .entries import Entry, read_after, read_page
from .forms import MAX_MESSAGE, MAX_NAME, Form, has_token, read_form, token_of
from .news import News
from .pictures import MAX_SIZE, Picture, PictureError, Pictures

YEAR = 365 * 24 * 60 * 60

# What a page may load and do: what comes from here, and nothing that stands in the page itself.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

# Without the variable, sessions end when the server stops.
key = os.environ.get("GUESTBOOK_KEY") or secrets.token_hex()

app = Kyoukai("guestbook", sessions=CookieSessions(key))
app.static("/static", "static")


@app.after_request
async def protect(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"


@app.errorhandler(HTTPException)
@inject
async def show_error(
    ctx: HTTPRequestContext, error: HTTPException, pages: TemplateRenderer = resource()
) -> str:
    return pages.render("error.html", error=error, url=ctx.url_for)


@app.route("/")
async def index(ctx: HTTPRequestContext) -> Response:
    return await show(ctx, Form(name=ctx.session.get("name", "")), before=ctx.request.args.get("before"))


@inject
async def show(
    ctx: HTTPRequestContext,
    form: Form,
    status: int = 200,
    before: str | None = None,
    session: AsyncSession = resource(),
    pages: TemplateRenderer = resource(),
) -> Response:
    """Return the page with the form and a page of entries, those before one or the newest."""
    number = read_number(before)
    entries, more = await read_page(session, number)
    page = pages.render(
        "index.html",
        entries=entries,
        is_newest=number is None,
        newest=entries[0].id if entries else 0,
        older=entries[-1].id if more else None,
        form=form,
        token=token_of(ctx.session),
        limits={"name": MAX_NAME, "message": MAX_MESSAGE, "picture": MAX_SIZE},
        url=ctx.url_for,
    )
    # The page is for this guest, and as it is now.
    return Response(page, status, {"Cache-Control": "private, no-cache"}, mimetype="text/html")


def read_number(text: str | None) -> int | None:
    """Return the number of an entry that a client has sent, if it is one."""
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else None


@app.route("/", methods=["POST"])
@inject
async def sign(
    ctx: HTTPRequestContext,
    session: AsyncSession = resource(),
    pictures: Pictures = resource(),
    news: News = resource(),
) -> Response:
    # To take a body of megabytes apart takes a while, for which others are not to wait.
    values = await asyncio.to_thread(lambda: ctx.request.form)
    form = read_form(values)
    if not has_token(ctx.session, values.get("token", "")):
        form.errors = {"form": "This page was open for too long. Please sign once more."}
        return await show(ctx, form, 403)
    picture = None if form.errors else await keep_picture(ctx, form, pictures)
    if form.errors:
        return await show(ctx, form, 422)
    entry = Entry(name=form.name, message=form.message, **(picture._asdict() if picture else {}))
    try:
        session.add(entry)
        # Now, and not when the request is over: those who are told are to find it.
        await session.commit()
    except BaseException:
        if picture is not None:
            pictures.drop(picture.picture)
        raise
    news.tell()
    ctx.session["name"] = form.name
    return redirect(ctx.url_for("index", _anchor=f"entry-{entry.id}"), 303)


async def keep_picture(ctx: HTTPRequestContext, form: Form, pictures: Pictures) -> Picture | None:
    """Keep the picture that was sent with a form, if there is one, or say what is wrong with it."""
    file = ctx.request.files.get("picture")
    if not file:
        return None
    try:
        return await asyncio.to_thread(pictures.keep, file.stream)
    except PictureError as error:
        form.errors["picture"] = str(error)
        return None


@app.route("/pictures/<name>")
@inject
async def picture(ctx: HTTPRequestContext, name: str, pictures: Pictures = resource()) -> Response:
    # What has this name never changes.
    return await send_from_directory(ctx, pictures.folder, name, mimetype="image/webp", max_age=YEAR)


@app.route("/events")
@inject
async def events(
    ctx: HTTPRequestContext,
    news: News = resource(),
    pages: TemplateRenderer = resource(),
    sessions: async_sessionmaker = resource(),  # type: ignore[type-arg] # its name, bare, is the key
) -> Response:
    """Send the entries after one as they are written, each as a piece of HTML."""

    async def read(last: int) -> AsyncIterator[ServerSentEvent]:
        while not news.closed:
            coming = news.coming
            # A connection to the database is taken for each look, and not for as long as someone waits.
            async with sessions() as session:
                entries = await read_after(session, last)
            for entry in entries:
                last = entry.id
                html = pages.render("entry.html", entry=entry, url=url)
                yield ServerSentEvent(html, event="entry", id=str(last))
            if not entries:
                await coming.wait()

    url: Any = ctx.url_for
    last = read_number(last_event_id(ctx)) or read_number(ctx.request.args.get("after"))
    return event_stream(ctx, read(last or 0), retry=2000)

"""The pages."""

from msgspec import ValidationError, convert
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import Blueprint, HTTPRequestContext, send_from_directory

from . import pictures, store
from .accounts import member
from .store import Draft
from .templating import render

YEAR = 365 * 24 * 60 * 60

pages = Blueprint("pages")


@pages.get("/")
def index(ctx: HTTPRequestContext) -> str:
    return show(ctx)


def show(ctx: HTTPRequestContext, problem: str = "") -> str:
    """Return the board. After a mistake, the form still has what was typed."""
    return render(ctx, "index.html", notices=store.read_notices(), problem=problem, form=ctx.request.form)


@pages.post("/", max_body_size=pictures.MAX_SIZE + 64 * 1024)
def add(ctx: HTTPRequestContext) -> Response | tuple[str, int]:
    author = member(ctx)
    form = ctx.request.form
    try:
        # A browser ends lines by CR LF.
        draft = convert({"title": form["title"], "text": form["text"].replace("\r\n", "\n")}, Draft)
        picture = pictures.keep(ctx.request.files.get("picture"))
    except (ValidationError, pictures.PictureError) as error:
        return show(ctx, str(error)), 422
    store.add_notice(author, draft, picture)
    return redirect(ctx.url_for(".index"), 303)


@pages.post("/notices/<int:number>/remove")
def remove(ctx: HTTPRequestContext, number: int) -> Response:
    notice = store.remove_notice(number, member(ctx))
    if notice is None:
        raise NotFound("You have no such notice.")
    pictures.drop(notice.picture)
    return redirect(ctx.url_for(".index"), 303)


@pages.get("/pictures/<name>")
async def picture(ctx: HTTPRequestContext, name: str) -> Response:
    # A new picture gets a new name, so a browser may keep this one for a year.
    return await send_from_directory(ctx, pictures.folder(), name, mimetype="image/webp", max_age=YEAR)

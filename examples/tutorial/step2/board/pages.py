"""The pages."""

from kyoukai import Blueprint, HTTPRequestContext

from . import store
from .templating import render

pages = Blueprint("pages")


@pages.get("/")
def index(ctx: HTTPRequestContext) -> str:
    return render(ctx, "index.html", notices=store.read_notices())

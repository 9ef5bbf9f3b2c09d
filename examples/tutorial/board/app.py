"""The application: what it is made of, and what holds for all of it."""

import os

from asphalt.core import Context
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai

from . import store
from .accounts import accounts, check_form
from .api import api
from .live import live
from .pages import pages
from .templating import render

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

app = Kyoukai("board", sessions=CookieSessions(os.environ["BOARD_KEY"]))
app.static("/static", "static")
app.add_child(api)
app.add_child(pages)
app.add_child(accounts)
app.add_child(live)
app.before_request(check_form)


@app.before_serving
def create_tables(ctx: Context) -> None:
    store.create_tables()


@app.errorhandler(HTTPException)
async def show_error(ctx: HTTPRequestContext, error: HTTPException) -> str:
    return render(ctx, "error.html", error=error)


@app.after_request
async def protect(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"

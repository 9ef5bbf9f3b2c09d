"""The application: what it is made of, and what holds for all of it."""

from asphalt.core import Context
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

from . import store
from .api import api
from .pages import pages
from .templating import render

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

app = Kyoukai("board")
app.static("/static", "static")
app.add_child(api)
app.add_child(pages)


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

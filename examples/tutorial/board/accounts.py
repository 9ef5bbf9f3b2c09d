"""Logging in and out, and the check that a form is our own."""

import asyncio
import secrets

from werkzeug.exceptions import Forbidden
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import Blueprint, HTTPRequestContext

from . import members
from .templating import render, templates

accounts = Blueprint("accounts")


def member(ctx: HTTPRequestContext) -> str:
    """Return the name of the member who is logged in.

    :raises Forbidden: if nobody is logged in.
    """
    name: str | None = ctx.session.get("member")
    if name is None:
        raise Forbidden("Log in first.")
    return name


@accounts.get("/login")
async def login_form(ctx: HTTPRequestContext) -> str:
    return render(ctx, "login.html")


@accounts.post("/login", max_body_size=10_000)
def log_in(ctx: HTTPRequestContext) -> Response | tuple[str, int]:
    name, password = ctx.request.form["name"], ctx.request.form["password"]
    if not members.is_password(name, password):
        return render(ctx, "login.html", problem="Name and password do not match.", name=name), 403
    # Begin a new session: nothing from before the login stays valid.
    ctx.session.clear()
    ctx.session["member"] = name
    return redirect(ctx.url_for("pages.index"), 303)


@accounts.post("/logout")
async def log_out(ctx: HTTPRequestContext) -> Response:
    ctx.session.clear()
    return redirect(ctx.url_for("pages.index"), 303)


def token_of(ctx: HTTPRequestContext) -> str:
    """Return the token that our forms carry. Other sites cannot know it: it is in the session."""
    token: str = ctx.session.setdefault("token", secrets.token_urlsafe())
    return token


templates.globals["token_of"] = token_of


async def check_form(ctx: HTTPRequestContext) -> None:
    """Refuse forms of other sites. JSON needs no token: other sites cannot send it."""
    if ctx.request.method != "POST" or ctx.request.is_json:
        return
    # Parsing a form with a picture takes a while. In a thread, it does not hold up other requests.
    form = await asyncio.to_thread(lambda: ctx.request.form)
    sent, expected = form.get("token", ""), ctx.session.get("token", "")
    if not expected or not secrets.compare_digest(sent.encode(), expected.encode()):
        raise Forbidden("This page was open for too long. Go back, reload it, and try again.")

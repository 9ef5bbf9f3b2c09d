import os
import secrets

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai

# Without the variable, the key is new at each start, and earlier sessions are invalid.
key = os.environ.get("SHOP_KEY") or secrets.token_hex()

app = Kyoukai("shop", sessions=CookieSessions(key))


@app.route("/")
async def index(ctx: HTTPRequestContext) -> dict[str, object]:
    return {"user": ctx.session.get("user"), "basket": ctx.session.get("basket", [])}


@app.route("/login", methods=["POST"])
async def login(ctx: HTTPRequestContext) -> Response:
    ctx.session["user"] = ctx.request.form["name"]
    return redirect(ctx.url_for("index"))


@app.route("/basket/<item>", methods=["PUT"])
async def put(ctx: HTTPRequestContext, item: str) -> None:
    ctx.session.setdefault("basket", []).append(item)


@app.route("/logout", methods=["POST"])
async def logout(ctx: HTTPRequestContext) -> Response:
    ctx.session.clear()
    return redirect(ctx.url_for("index"))

import secrets

from werkzeug.exceptions import NotFound, Unauthorized

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai
from kyoukai.websocket import WebSocket

app = Kyoukai("news", sessions=CookieSessions(secrets.token_hex()))
topics = {"weather": "rain", "sports": "1:1"}


async def members_only(ctx: HTTPRequestContext) -> None:
    if "user" not in ctx.session:
        raise Unauthorized("Log in first.")


@app.route("/login", methods=["POST"])
async def login(ctx: HTTPRequestContext) -> None:
    ctx.session["user"] = ctx.request.form["name"]


@app.websocket("/news/<topic>", before=[members_only], subprotocols=["news.v2", "news.v1"])
async def news(ctx: HTTPRequestContext, ws: WebSocket, topic: str) -> None:
    if topic not in topics:
        raise NotFound  # answered as for any other request
    ctx.session["topic"] = topic  # sent with the answer to the handshake
    await ws.accept(headers=[("X-Topic", topic)])
    if ws.subprotocol == "news.v2":
        await ws.send_json({"topic": topic, "text": topics[topic]})
    else:
        await ws.send(topics[topic])

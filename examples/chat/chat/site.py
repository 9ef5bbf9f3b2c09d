"""The application: a page, and a WebSocket for each visitor of a room."""

import re

from asphalt.core import inject, resource
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, send_from_directory
from kyoukai.websocket import WebSocket

from .rooms import TRY_AGAIN_LATER, Room, RoomFull, Rooms
from .words import MAX_SIZE, Wrong, is_room, read_name, read_text

POLICY_VIOLATION = 1008

# The page may load files from this server only, and has no inline scripts or styles.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

app = Kyoukai("chat")
app.static("/static", "static")


@app.after_request
async def protect(ctx: HTTPRequestContext, response: Response) -> None:
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "same-origin"


@app.route("/")
async def index(ctx: HTTPRequestContext) -> Response:
    return await send_from_directory(ctx, "static", "index.html")


@app.websocket("/rooms/<room_name>", max_message_size=MAX_SIZE)
@inject
async def enter(ctx: HTTPRequestContext, ws: WebSocket, room_name: str, rooms: Rooms = resource()) -> None:
    """Enter a room: ``/rooms/tea?name=Ada&after=17``."""
    if not is_room(room_name):
        # The handshake is not accepted yet, so this is a normal 404.
        raise NotFound
    await ws.accept()
    query = ctx.request.args
    try:
        name = read_name(query.get("name", ""))
        async with rooms.enter(room_name, ws, name, read_number(query.get("after", ""))) as room:
            await talk(ws, room, name)
    except Wrong as error:
        # A browser tells the page why a WebSocket was closed, but not why one was refused.
        await ws.close(POLICY_VIOLATION, str(error))
    except RoomFull:
        await ws.close(TRY_AGAIN_LATER, "There are too many in this room.")


def read_number(text: str) -> int:
    """Return the number of a message from a query value, or 0 if it is not a number."""
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else 0


async def talk(ws: WebSocket, room: Room, name: str) -> None:
    """Pass a visitor's messages to the room, until ``receive_json`` raises ``WebSocketClosed``.

    Each message is answered, so that the page knows its fate, before the next one is read. A client that
    sends faster than the history writes has to wait; other clients do not.
    """
    while True:
        try:
            text = read_text(await ws.receive_json())
        except ValueError as error:
            problem = str(error) if isinstance(error, Wrong) else "This is not JSON."
            await ws.send_json({"type": "problem", "text": problem})
        else:
            await room.say(name, text)
            await ws.send_json({"type": "said"})

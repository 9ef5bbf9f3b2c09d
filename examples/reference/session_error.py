import secrets

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai, SessionError
from kyoukai.test_client import BlockingClient

app = Kyoukai("shop", sessions=CookieSessions(secrets.token_hex(), max_size=200))


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    ctx.session["picture"] = secrets.token_hex(500)
    return "kept"


with BlockingClient(app) as client:
    print(client.get("/").status_code)  # 500
    print(isinstance(client.client.errors[0], SessionError))  # True

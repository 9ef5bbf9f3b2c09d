import secrets

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient
from kyoukai.web import Session

app = Kyoukai("shop", sessions=CookieSessions(secrets.token_hex()))


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    session: Session = ctx.session
    greeting = "welcome" if session.new else f"visit {session['visits'] + 1}"
    session["visits"] = session.get("visits", 0) + 1
    return greeting


with BlockingClient(app) as client:
    print(client.get("/").text)  # welcome
    print(client.get("/").text)  # visit 2

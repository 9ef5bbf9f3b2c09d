import secrets

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

# A key that is kept outlives a restart: read it from the environment.
app = Kyoukai("shop", sessions=CookieSessions(secrets.token_hex(), samesite="Strict"))


@app.post("/basket/<item>")
async def add(ctx: HTTPRequestContext, item: str) -> list[str]:
    ctx.session["basket"] = [*ctx.session.get("basket", []), item]
    basket: list[str] = ctx.session["basket"]
    return basket


with BlockingClient(app) as client:
    client.post("/basket/cup")
    print(client.post("/basket/pot").json)  # ['cup', 'pot']

from werkzeug.exceptions import NotFound

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("guests")

drinks = {"Ada": "tea", "Bo": "coffee"}


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    return "<h1>Guests</h1>\n"


@app.get("/guests/<name>")
async def guest(ctx: HTTPRequestContext, name: str) -> dict[str, str]:
    if name not in drinks:
        raise NotFound(f"{name} is not here.")
    return {"name": name, "drink": drinks[name]}

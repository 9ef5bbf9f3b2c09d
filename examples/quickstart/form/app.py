from markupsafe import escape
from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("guests")

drinks = {"Ada": "tea", "Bo": "coffee"}

PAGE = """<!doctype html>
<title>Guests</title>
<h1>Guests</h1>
<ul>
{guests}
</ul>
<form method="post">
<label>Name <input name="name" required></label>
<label>Drink <input name="drink" required></label>
<button>Come in</button>
</form>
"""


@app.get("/")
async def index(ctx: HTTPRequestContext) -> str:
    lines = [f"<li>{escape(name)} has {escape(drink)}</li>" for name, drink in drinks.items()]
    return PAGE.format(guests="\n".join(lines))


@app.post("/")
async def come_in(ctx: HTTPRequestContext) -> Response:
    form = ctx.request.form
    drinks[form["name"]] = form["drink"]
    return redirect(ctx.url_for("index"), 303)


@app.get("/guests/<name>")
async def guest(ctx: HTTPRequestContext, name: str) -> dict[str, str]:
    if name not in drinks:
        raise NotFound(f"{name} is not here.")
    return {"name": name, "drink": drinks[name]}

"""A page, a form, and an answer in JSON: ``kyoukai run examples/hello/hello.py``."""

from html import escape

from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("hello")

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Hello from Kyoukai</title>
<style>body {{ font: 1.1em/1.5 system-ui, sans-serif; max-width: 36em; margin: 4em auto }}</style>
<h1>Hello, {name}</h1>
<p>This page was served over {protocol} by the backend
   <strong>{backend}</strong>; <a href="{request}">what the server saw of your request</a>.</p>
<form method="post"><label>Your name <input name="name" required></label> <button>Greet</button></form>
</html>
"""


@app.route("/")
@app.route("/<name>", endpoint="greeting")
async def index(ctx: HTTPRequestContext, name: str = "world") -> str:
    environ = ctx.request.environ
    return PAGE.format(
        name=escape(name),
        protocol=environ["SERVER_PROTOCOL"],
        backend=escape(environ["kyoukai.protocol"].component.backend_name),
        request=ctx.url_for("show_request"),
    )


@app.route("/", methods=["POST"])
async def greet(ctx: HTTPRequestContext) -> Response:
    return redirect(ctx.url_for("greeting", name=ctx.request.form["name"]), 303)


@app.route("/request")
async def show_request(ctx: HTTPRequestContext) -> dict[str, object]:
    request = ctx.request
    return {"method": request.method, "url": request.url, "headers": dict(request.headers)}

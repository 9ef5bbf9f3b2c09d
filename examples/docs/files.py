from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, send_file, send_from_directory

app = Kyoukai("files")
app.static("/static", "assets", max_age=3600)


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    return f'<link rel="stylesheet" href="{ctx.url_for("static", filename="style.css")}">'


@app.route("/source")
async def source(ctx: HTTPRequestContext) -> Response:
    return await send_file(ctx, "files.py", as_attachment=True, download_name="source.py")


@app.route("/download/<path:name>")
async def download(ctx: HTTPRequestContext, name: str) -> Response:
    return await send_from_directory(ctx, "assets", name, as_attachment=True)

"""Thumbnails: pictures made smaller, as a function of AWS Lambda by Mangum.

The handler of the function is `thumbnails.handler`. `kyoukai run thumbnails.py` serves the same by HTTP.
test_thumbnails.py are its tests. Nothing is kept between requests but what a browser keeps: its cookies.
"""

import io
import logging

from mangum import Mangum
from PIL import Image
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai import HTTPRequestContext, Kyoukai, Problem, answer_as_problem

logger = logging.getLogger("thumbnails")

FORMATS = ("png", "jpeg", "webp")
WIDTHS = range(16, 1025)

app = Kyoukai("thumbnails")
app.errorhandler(range(400, 600))(answer_as_problem)


@app.route("/")
async def index(ctx: HTTPRequestContext) -> str:
    offered = ctx.request.args.getlist("width", type=int) or [64, 128, 256]
    width, form = chosen(ctx)
    choices = "".join(f'<button name="width" value="{offer}">{offer}</button>' for offer in offered)
    return f'<p>{width} wide, as {form}</p><form method="post">{choices}</form>'


@app.route("/", methods=["POST"])
async def choose(ctx: HTTPRequestContext) -> Response:
    form = ctx.request.form
    width, kind = check(form.get("width", type=int), form.get("format", FORMATS[0]))
    answer = redirect(ctx.url_for("index"), 303)
    answer.set_cookie("width", str(width), samesite="Lax")
    answer.set_cookie("format", kind, samesite="Lax")
    return answer


@app.route("/thumbnails", methods=["POST"])
def thumbnail(ctx: HTTPRequestContext) -> Response:
    # A plain function has a thread: the loop is free, here for nobody, under `kyoukai run` for others.
    width, kind = chosen(ctx)
    try:
        picture = Image.open(io.BytesIO(ctx.request.get_data()))
        picture.thumbnail((width, width))
    except (OSError, Image.DecompressionBombError):
        raise Problem(415, detail="this is no picture that can be read") from None
    output = io.BytesIO()
    picture.convert("RGB").save(output, kind)
    # It is waited for, before Lambda puts the process to sleep: the application stops behind each event.
    app.create_task(note(picture.width, len(output.getvalue())))
    return Response(output.getvalue(), mimetype=f"image/{kind}")


async def note(width: int, size: int) -> None:
    logger.info("made one that is %d wide: %d bytes", width, size)


def chosen(ctx: HTTPRequestContext) -> tuple[int, str]:
    """Return the width and the format of the query, or of the cookies."""
    found = ctx.request.cookies | ctx.request.args.to_dict()
    return check(int(found["width"]) if found.get("width", "").isdigit() else 128, found.get("format", "png"))


def check(width: int | None, kind: str) -> tuple[int, str]:
    if width is None or width not in WIDTHS or kind not in FORMATS:
        raise Problem(400, detail=f"widths are {WIDTHS[0]} to {WIDTHS[-1]}, formats {', '.join(FORMATS)}")
    return width, kind


handler = Mangum(app.asgi, lifespan="auto")

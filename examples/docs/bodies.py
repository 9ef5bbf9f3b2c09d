import asyncio
import hashlib
import os
from pathlib import Path
from tempfile import NamedTemporaryFile, gettempdir

from werkzeug.exceptions import BadRequest
from werkzeug.utils import secure_filename

from kyoukai import HTTPRequestContext, Kyoukai

app = Kyoukai("uploads")
directory = Path(gettempdir())


@app.route("/notes", methods=["POST"], max_body_size=1000)
async def note(ctx: HTTPRequestContext) -> dict[str, object]:
    return {"words": len(ctx.request.get_json()["text"].split())}


@app.route("/backups/<name>", methods=["PUT"], stream=True, max_body_size=100 * 1024**3)
async def backup(ctx: HTTPRequestContext, name: str) -> dict[str, object]:
    if name != secure_filename(name) or len(name) > 100:
        raise BadRequest("The name of a backup has up to 100 letters, digits, dots and dashes.")
    digest, size = hashlib.sha256(), 0
    with NamedTemporaryFile(dir=directory, delete=False) as file:
        try:
            async for chunk in ctx.stream():
                await asyncio.to_thread(file.write, chunk)
                digest.update(chunk)
                size += len(chunk)
            file.flush()
            # Only a complete upload gets the final name.
            os.replace(file.name, directory / f"{name}.backup")
        except BaseException:
            os.unlink(file.name)
            raise
    return {"size": size, "sha256": digest.hexdigest()}


@app.route("/films", methods=["POST"], stream=True, max_body_size=4 * 1024**3)
def film(ctx: HTTPRequestContext) -> dict[str, object]:
    # A plain function runs in a thread, so it may block: each access reads more of the body.
    upload = ctx.request.files["film"]
    upload.save(directory / "film")
    return {"title": ctx.request.form["title"], "size": (directory / "film").stat().st_size}

"""The pictures of notices: looked at, drawn anew, and kept in a folder."""

import io
import os
import secrets
from pathlib import Path

from PIL import Image, ImageOps
from werkzeug.datastructures import FileStorage

from . import store

MAX_SIZE = 5 * 1024 * 1024
MAX_PIXELS = 50_000_000
FORMATS = ("JPEG", "PNG", "WEBP", "GIF")


class PictureError(Exception):
    """The file is not a picture that can be shown; the text is for the member."""


def folder() -> Path:
    return store.folder().absolute() / "pictures"


def keep(file: FileStorage | None) -> str | None:
    """Store an uploaded picture and return its new name; None if nothing was uploaded.

    :raises PictureError: if the file cannot be shown as a picture.
    """
    # If the member chose no file, the browser sends one without a name.
    if file is None or not file.filename:
        return None
    if file.stream.seek(0, os.SEEK_END) > MAX_SIZE:
        raise PictureError("A picture has up to 5 MiB.")
    file.stream.seek(0)
    try:
        with Image.open(file.stream, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError("This picture has too many pixels.")
            shown = ImageOps.exif_transpose(picture)
            shown.thumbnail((1200, 1200))
            data = io.BytesIO()
            mode = "RGBA" if shown.has_transparency_data else "RGB"
            shown.convert(mode).save(data, "WEBP", quality=82)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError("This file is not a JPEG, PNG, WebP or GIF picture.") from error
    name = f"{secrets.token_hex(16)}.webp"
    folder().mkdir(exist_ok=True)
    (folder() / name).write_bytes(data.getvalue())
    return name


def drop(name: str | None) -> None:
    if name is not None:
        (folder() / name).unlink(missing_ok=True)

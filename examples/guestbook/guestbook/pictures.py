"""Pictures of guests: looked at, drawn anew, and kept in a folder.

What a browser says that a file is proves nothing, and neither does its name. A file that Pillow can read as
one of few formats is a picture, and what is kept is not that file but the picture in it, made smaller: no
place and time of a photograph, and nothing that a browser could take for a page, is left.
"""

import io
import os
import secrets
from pathlib import Path
from typing import IO, NamedTuple

from PIL import Image, ImageOps

MAX_SIZE = 10 * 1024 * 1024
"""Bytes of the largest file."""

MAX_PIXELS = 50_000_000
"""Of the largest picture: a few bytes can be a picture that fills the memory."""

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
SHOWN = (1200, 1200)


class PictureError(ValueError):
    """What is no picture, or cannot be kept; the text is for the guest."""


class Picture(NamedTuple):
    """A picture that is kept; the names are those of an entry's columns.

    :ivar picture: the file's name.
    """

    picture: str
    width: int
    height: int


class Pictures:
    """The folder.

    :param folder: is made, if it is not there.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self.folder = Path(folder).absolute()
        self.folder.mkdir(parents=True, exist_ok=True)

    def keep(self, file: IO[bytes]) -> Picture:
        """Keep a picture. This takes a while: call it in a thread.

        :raises PictureError: if it is none, or too large.
        """
        data, width, height = draw(file)
        name = f"{secrets.token_hex(16)}.webp"
        (self.folder / name).write_bytes(data)
        return Picture(name, width, height)

    def drop(self, name: str) -> None:
        """Remove a picture that no entry has."""
        (self.folder / name).unlink(missing_ok=True)


def draw(file: IO[bytes]) -> tuple[bytes, int, int]:
    """Return a picture as it is shown, in WebP, and its width and height.

    :raises PictureError: if it is none, or too large.
    """
    if file.seek(0, os.SEEK_END) > MAX_SIZE:
        raise PictureError(f"This picture has more than {MAX_SIZE // 1048576} MiB.")
    file.seek(0)
    try:
        with Image.open(file, formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise PictureError("This picture is too large.")
            # A telephone writes the picture as its camera is held, and which side is up beside it.
            upright = ImageOps.exif_transpose(picture)
            upright.thumbnail(SHOWN)
            shown = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        # What Pillow raises for a file that is broken, or none of its formats.
        if isinstance(error, PictureError):
            raise
        raise PictureError("This is no picture that can be shown here.") from error
    output = io.BytesIO()
    shown.save(output, "WEBP", quality=82)
    return output.getvalue(), shown.width, shown.height

"""Serves the files of a directory: style sheets, scripts, images, or a whole site."""

import functools
import os
from typing import Any

from werkzeug.exceptions import NotFound
from werkzeug.utils import redirect
from werkzeug.wrappers import Response

from kyoukai.core.errors import ConfigurationError

from .calling import Described
from .checks import check_flag
from .context import HTTPRequestContext
from .files import respond, respond_in_thread
from .safe_paths import is_directory, open_beneath, read_path


class StaticFiles(Described):
    """The handler of a static directory's routes. It opens files in threads.

    :param directory: an existing directory; a relative one is resolved now, against the current directory.
    :param index: the file name that answers for a directory; by default none.
    :param max_age: seconds that clients may cache a file without revalidation; by default they revalidate.
    :param dot_files: whether files and directories whose names begin with a dot are served.
    :raises ConfigurationError: if an argument cannot be used.
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        index: str | None = None,
        max_age: int | None = None,
        dot_files: bool = False,
    ) -> None:
        if not isinstance(directory, (str, os.PathLike)) or not os.path.isdir(directory):
            raise ConfigurationError(f"a static directory must be a directory that exists, not {directory!r}")
        if index is not None and (not isinstance(index, str) or "/" in index or not read_path(index)):
            raise ConfigurationError(f"index must be a file name such as 'index.html', not {index!r}")
        if max_age is not None and (type(max_age) is not int or max_age < 0):
            raise ConfigurationError(f"max_age must be a number of seconds, 0 or more, not {max_age!r}")
        self.directory = os.path.abspath(directory)
        self.index = index
        self.max_age = max_age
        self.dot_files = check_flag("dot_files", dot_files)

    @property
    def description(self) -> str:
        """The name in messages."""
        return f"the static directory {self.directory!r}"

    async def __call__(self, ctx: HTTPRequestContext, filename: str, **others: Any) -> Response:
        """Answer with a file.

        :param filename: its path beneath the directory, from the client.
        :param others: values of variables in the prefixes of blueprints.
        :raises werkzeug.exceptions.NotFound: if there is no file that may be sent.
        """
        parts = read_path(filename, dot_files=self.dot_files)
        if parts is None:
            raise NotFound
        return await respond_in_thread(functools.partial(self._answer, ctx, filename, parts, others))

    def _answer(
        self, ctx: HTTPRequestContext, filename: str, parts: tuple[str, ...], others: dict[str, Any]
    ) -> Response:
        is_file = bool(filename) and not filename.endswith("/")
        if not is_file:
            # A trailing slash means a directory: the name of a file has none.
            parts = (*parts, self.index) if self.index is not None else ()
        file = open_beneath(self.directory, parts) if parts else None
        if file is not None:
            return respond(ctx, file, {"download_name": parts[-1], "max_age": self.max_age})
        if is_file and self.index is not None and is_directory(self.directory, parts):
            # Redirect to the slash: references in the index are relative to the directory.
            url = ctx.url_for(ctx.route.endpoint if ctx.route else "", filename=f"{filename}/", **others)
            query = ctx.environ.get("QUERY_STRING")
            return redirect(f"{url}?{query}" if query else url, 308)
        raise NotFound

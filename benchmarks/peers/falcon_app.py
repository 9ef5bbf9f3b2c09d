"""Falcon's ASGI application: a class for each resource, as Falcon has them."""

import asyncio
from typing import Any

import falcon.asgi

from benchmarks import content


class Hello:
    """Text."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Answer with text."""
        resp.content_type = content.TEXT_TYPE
        resp.data = content.TEXT


class Document:
    """A document."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Answer with a document. Falcon's own writer would put spaces into it."""
        resp.content_type = content.JSON_TYPE
        resp.data = content.dumps(content.DOCUMENT)


class Post:
    """Two parameters."""

    async def on_get(self, req: Any, resp: Any, name: str, number: int) -> None:
        """Answer with what the path says."""
        resp.content_type = content.TEXT_TYPE
        resp.text = content.post(name, number)


class Orders:
    """Documents that are posted."""

    async def on_post(self, req: Any, resp: Any) -> None:
        """Parse a document, and answer with another."""
        resp.content_type = content.JSON_TYPE
        resp.data = content.dumps(content.receipt(await req.get_media()))


class Upload:
    """A large body."""

    async def on_post(self, req: Any, resp: Any) -> None:
        """Read a body whole."""
        resp.content_type = content.TEXT_TYPE
        resp.text = str(len(await req.stream.readall()))


class Download:
    """A large answer."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Answer with a large body that is in memory."""
        resp.content_type = content.BINARY_TYPE
        resp.data = content.BINARY


class Stream:
    """An answer in parts."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Answer with a body that is made part by part."""
        resp.content_type = content.BINARY_TYPE
        resp.stream = content.parts()


class AsyncFile:
    """A file that is read in threads, as Falcon's own static route has it."""

    def __init__(self) -> None:
        self.file = content.FILE.open("rb")

    async def read(self, size: int) -> bytes:
        """Return the next piece."""
        return await asyncio.to_thread(self.file.read, size)

    async def close(self) -> None:
        """Close the file."""
        self.file.close()


class File:
    """A file."""

    async def on_get(self, req: Any, resp: Any) -> None:
        """Answer with a file from disk."""
        resp.content_type = content.BINARY_TYPE
        resp.set_stream(AsyncFile(), content.MEBIBYTE)


app = falcon.asgi.App()
app.add_route("/", Hello())
app.add_route("/json", Document())
app.add_route("/users/{name}/posts/{number:int}", Post())
app.add_route("/orders", Orders())
app.add_route("/upload", Upload())
app.add_route("/download", Download())
app.add_route("/stream", Stream())
app.add_route("/file", File())

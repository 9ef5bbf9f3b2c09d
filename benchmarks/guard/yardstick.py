"""The yardstick: work like a small server's, that nothing of ours is part of.

A Python that was built otherwise takes more or fewer instructions for this, and for ours alike. It is
of the standard library and httptools alone, so that no other package's release moves it, and it must
not be changed: every figure of the baseline is a multiple of it.
"""

import asyncio
import contextvars
import re
from typing import Any, Final

import httptools

REQUEST: Final = (
    b"GET /guests/42?page=2 HTTP/1.1\r\nHost: example.org\r\nAccept: text/html;q=0.9,*/*;q=0.8\r\n"
    b"Accept-Language: en\r\nCookie: session=b1946ac92492d2347c6235b4d2611184\r\nPriority: u=0\r\n\r\n"
)
RULE: Final = re.compile(r"/guests/(?P<number>[0-9]+)")
FIELD: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")

user: contextvars.ContextVar[str] = contextvars.ContextVar("user")


class Message:
    """One request, and its answer."""

    __slots__ = ("answer", "environ", "fields", "target")

    def __init__(self) -> None:
        self.target = b""
        self.fields: list[tuple[bytes, bytes]] = []
        self.environ: dict[str, Any] = {}
        self.answer = b""


class Connection:
    """What a parser calls."""

    def __init__(self) -> None:
        self.message = Message()
        self.done = False

    def on_message_begin(self) -> None:
        """Begin."""
        self.message = Message()

    def on_url(self, url: bytes) -> None:
        """Keep the target."""
        self.message.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field."""
        if FIELD.fullmatch(name) is None:
            raise ValueError(name)
        self.message.fields.append((name.lower(), value))

    def on_message_complete(self) -> None:
        """End."""
        self.done = True


def make_environ(message: Message) -> dict[str, Any]:
    """Return variables for a request."""
    path, _, query = message.target.decode("ascii").partition("?")
    environ: dict[str, Any] = {"PATH_INFO": path, "QUERY_STRING": query, "REQUEST_METHOD": "GET"}
    for name, value in message.fields:
        key = "HTTP_" + name.decode("latin-1").upper().replace("-", "_")
        text = value.decode("latin-1").strip()
        environ[key] = f"{environ[key]},{text}" if key in environ else text
    return environ


def options(accept: str) -> list[tuple[float, str]]:
    """Return what is accepted, best first."""
    found = []
    for part in accept.split(","):
        name, _, quality = part.partition(";q=")
        found.append((float(quality or 1), name.strip()))
    return sorted(found, reverse=True)


async def handle(message: Message, number: int) -> dict[str, str]:
    """Return the fields of an answer."""
    user.set(message.environ["HTTP_COOKIE"])
    body = f"guest {number}: {user.get()[:8]}"
    return {"Content-Type": "text/plain", "Content-Length": str(len(body)), "X-Body": body}


async def answer(message: Message) -> None:
    """Answer a request."""
    message.environ = make_environ(message)
    matched = RULE.fullmatch(message.environ["PATH_INFO"])
    if matched is None or not options(message.environ["HTTP_ACCEPT"]):
        raise ValueError(message.target)
    fields = await handle(message, int(matched["number"]))
    lines = [f"{name}: {value}\r\n" for name, value in fields.items()]
    message.answer = "".join(("HTTP/1.1 200 OK\r\n", *lines, "\r\n")).encode("latin-1")


async def measure(requests: int) -> None:
    """Do the work for so many requests: each is parsed, and answered in a task of its own."""
    loop = asyncio.get_running_loop()
    connection = Connection()
    parser = httptools.HttpRequestParser(connection)
    for _ in range(requests):
        connection.done = False
        parser.feed_data(REQUEST)
        context = contextvars.copy_context()
        task = loop.create_task(answer(connection.message), context=context)
        await task
        if not connection.done or not connection.message.answer:
            raise RuntimeError("the yardstick is broken")

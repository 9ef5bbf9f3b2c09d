"""What the applications of all frameworks have in common: what they answer, and what they remember."""

import asyncio
import zlib
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("given.txt")
"""A file of a few lines, which is sent whole and in ranges."""

LARGE = bytes(range(256)) * 8192
"""2 MiB."""

JSON = {"hello": "w\u00f6rld", "numbers": [1, 2.5, None, True], "nested": {"a": []}}

HTML = "<!doctype html><title>h</title><p>h\u00e9llo</p>"

EVENTS = ("event: first\ndata: 1\n\n", "id: 2\ndata: two\ndata: lines\n\n", ": a comment\n\n")

seen: dict[str, Any] = {}
"""What an application noticed in one request, for a later one to tell."""


def summary(data: bytes) -> dict[str, int]:
    """Return what tells one body from another."""
    return {"size": len(data), "crc": zlib.crc32(data)}


def pieces(count: int = 3) -> Any:
    """Yield the pieces of a stream."""
    for number in range(count):
        yield b"piece %d\n" % number


async def slow_pieces(count: int = 3) -> Any:
    """Yield the pieces of a stream, with a wait before each."""
    for piece in pieces(count):
        await asyncio.sleep(0.002)
        yield piece


async def large_pieces() -> Any:
    """Yield :data:`LARGE` in pieces."""
    for start in range(0, len(LARGE), 65536):
        yield LARGE[start : start + 65536]


async def failing_pieces() -> Any:
    """Fail when the answer has begun."""
    yield b"piece 0\n"
    await asyncio.sleep(0.002)
    raise ValueError("failed in the middle of the answer")


async def endless_pieces() -> Any:
    """Go on for a while, and note whether it was stopped: by then, the client has left."""
    seen["left"] = None
    how = "stopped"
    try:
        for _ in range(1000):
            yield b"x" * 1024
            await asyncio.sleep(0.001)
        how = "went on"
    finally:
        seen["left"] = how


async def events() -> Any:
    """Yield events."""
    for event in EVENTS:
        yield event.encode()
        await asyncio.sleep(0)


def large_blocks() -> Any:
    """Yield :data:`LARGE` in pieces, for WSGI."""
    for start in range(0, len(LARGE), 65536):
        yield LARGE[start : start + 65536]


def failing_blocks() -> Any:
    """Fail when the answer has begun, for WSGI."""
    yield b"piece 0\n"
    raise ValueError("failed in the middle of the answer")


def endless_blocks() -> Any:
    """Go on for a while, for WSGI: more than what the system takes for a client that does not read."""
    seen["left"] = None
    how = "stopped"
    try:
        for _ in range(1000):
            yield b"x" * 65536
        how = "went on"
    finally:
        seen["left"] = how


def event_blocks() -> Any:
    """Yield events, for WSGI."""
    for event in EVENTS:
        yield event.encode()

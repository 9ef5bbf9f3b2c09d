"""Requests and answers: the same bytes for every server.

The peers' environment imports this module too, so it needs only the standard library.
"""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

CACHE: Final = Path(__file__).resolve().parent.parent / ".benchmarks"
"""The folder of files that are made once: the peers' environment, the file to serve, a certificate."""

MEBIBYTE: Final = 1024 * 1024

TEXT: Final = b"hello, world"
TEXT_TYPE: Final = "text/plain; charset=utf-8"

DOCUMENT: Final = {"message": "hello, world"}
JSON_TYPE: Final = "application/json"

BINARY: Final = bytes(range(256)) * (MEBIBYTE // 256)
BINARY_TYPE: Final = "application/octet-stream"
PARTS: Final = tuple(BINARY[start : start + 16384] for start in range(0, MEBIBYTE, 16384))
FILE: Final = CACHE / "file.bin"

UPLOAD: Final = b"x" * MEBIBYTE


def dumps(value: Any) -> bytes:
    """Return JSON without spaces, for frameworks that would add them."""
    return json.dumps(value, separators=(",", ":")).encode()


def _order() -> bytes:
    """Return 1 KiB of JSON, as the page of a shop might post it."""
    items = [{"sku": f"sku-{number:04}", "count": number + 1, "price": 250 * number} for number in range(15)]
    order: dict[str, Any] = {"customer": "Ada Lovelace", "express": True, "items": items, "note": ""}
    order["note"] = "n" * (1024 - len(dumps(order)))
    return dumps(order)


ORDER: Final = _order()


def receipt(order: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to an order; making it takes parsing the order."""
    items = order["items"]
    total = sum(item["count"] * item["price"] for item in items)
    return {"customer": order["customer"], "items": len(items), "total": total}


def post(name: str, number: int) -> str:
    """Return the answer for two parameters of a path."""
    return f"{name}: {number}"


async def parts() -> AsyncIterator[bytes]:
    """Yield the parts of a streamed body."""
    for part in PARTS:
        yield part

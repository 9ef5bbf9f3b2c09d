"""The workloads: requests and expected answers, as data."""

import json
from collections.abc import Mapping
from typing import Final, NamedTuple

from benchmarks import content

BROWSER: Final = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.7,de;q=0.3",
    "Accept-Encoding": "gzip, deflate, br, zstd",
    "Referer": "http://127.0.0.1/guests?page=2",
    "Cookie": "session=b1946ac92492d2347c6235b4d2611184; theme=dark; consent=1",
    "Upgrade-Insecure-Requests": "1",
    "Sec-Fetch-Dest": "document",
    "Sec-Fetch-Mode": "navigate",
    "Sec-Fetch-Site": "same-origin",
    "Sec-Fetch-User": "?1",
    "Priority": "u=0, i",
}
"""The fields of a page request by Firefox, without ``Host``."""

OURS: Final = ("kyoukai",)


class Workload(NamedTuple):
    """One request, its expected answer, and the way to send it."""

    about: str
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = {}
    body: bytes = b""
    content_type: str = content.TEXT_TYPE
    answer: bytes = content.TEXT
    connections: int = 64
    pipelined: int = 1
    """Requests that are sent at once on a connection."""
    closes: bool = False
    """Whether each request has a connection of its own."""
    tls: bool = False
    kind: str = "load"
    """The kind of measurement: ``load``, ``idle`` or ``start``."""
    routes: int = 0
    """If not 0, the number of routes of each kind in the application; Kyoukai only."""
    servers: tuple[str, ...] = ()
    """The servers to measure, if not all."""


def _last_rule(number: int) -> str:
    """Return words for the rule that a search through all rules reaches last."""
    return "the only rule" if number == 1 else f"the last of {number:,} rules"


WORKLOADS: Final[dict[str, Workload]] = {
    "hello": Workload("twelve bytes of text"),
    "browser": Workload("the same, asked with the twelve fields of a browser", headers=BROWSER),
    "json": Workload(
        "a small JSON document",
        "/json",
        content_type=content.JSON_TYPE,
        answer=content.dumps(content.DOCUMENT),
    ),
    "params": Workload("text made of two parameters of the path", "/users/ada/posts/42", answer=b"ada: 42"),
    "post": Workload(
        "1 KiB of JSON posted, parsed, and answered with JSON",
        "/orders",
        "POST",
        {"Content-Type": "application/json"},
        content.ORDER,
        content.JSON_TYPE,
        content.dumps(content.receipt(json.loads(content.ORDER))),
    ),
    "upload": Workload(
        "1 MiB posted, and read whole",
        "/upload",
        "POST",
        {"Content-Type": content.BINARY_TYPE},
        content.UPLOAD,
        answer=b"1048576",
        connections=8,
    ),
    "download": Workload(
        "1 MiB from memory",
        "/download",
        content_type=content.BINARY_TYPE,
        answer=content.BINARY,
        connections=8,
    ),
    "stream": Workload(
        "1 MiB in 64 parts from an async iterator",
        "/stream",
        content_type=content.BINARY_TYPE,
        answer=content.BINARY,
        connections=8,
    ),
    "file": Workload(
        "1 MiB from a file on disk",
        "/file",
        content_type=content.BINARY_TYPE,
        answer=content.BINARY,
        connections=8,
    ),
    "pipelined": Workload("hello, 16 requests sent at once", pipelined=16),
    "close": Workload(
        "hello, a new connection for each request", headers={"Connection": "close"}, closes=True
    ),
    "tls": Workload("`hello` over TLS, on connections that stay open", tls=True),
    "idle": Workload("10,000 connections that have had one answer each", connections=10_000, kind="idle"),
    "start": Workload("from the start of the process to the first 200", kind="start"),
    **{
        f"routes-{number}": Workload(
            f"a path without parameters, matched by {_last_rule(number)}",
            f"/route-{number - 1}",
            routes=number,
            servers=OURS,
        )
        for number in (1, 10, 100, 1000)
    },
    **{
        f"rules-{number}": Workload(
            f"a path with two parameters, matched by {_last_rule(number)}",
            f"/route-{number - 1}/ada/42",
            answer=b"ada: 42",
            routes=number,
            servers=OURS,
        )
        for number in (1, 10, 100, 1000)
    },
    **{
        f"connections-{number}": Workload(
            f"hello on {number:,} connections", connections=number, servers=OURS
        )
        for number in (1, 64, 1000)
    },
}
"""Workloads by name, in the order of the report."""

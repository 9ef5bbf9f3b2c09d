"""The table of "Why Kyoukai": what was measured of other servers, beside what each of them has.

`docs/update.py` puts it into the README and the first page.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any, Final

DOCS: Final = Path(__file__).resolve().parent

Rows = tuple[Iterable[str], Iterable[Iterable[object]]]

SERVERS: Final = ("Kyoukai", "uvicorn", "granian", "hypercorn", "gunicorn")

PARSERS: Final = {
    "Kyoukai": ("kyoukai, httptools", "kyoukai, reference"),
    "uvicorn": ("uvicorn, httptools", "uvicorn, h11"),
    "granian": ("granian",),
    "hypercorn": ("hypercorn",),
    "gunicorn": ("gunicorn, gthread",),
}
"""By which names `docs/peers/results.json` has each server, a name for each of its parsers."""

HAVE: Final = {
    "a protocol of your own": (
        "chosen by name; a contract, and a kit that checks it rule by rule",
        "a protocol class, named by its import path",
        "no",
        "no",
        "a worker class",
    ),
    "HTTP/2": ("yes", "only with the parser zttp", "yes", "yes", "yes"),
    "applications": (
        "its own, ASGI, WSGI",
        "ASGI; WSGI is deprecated",
        "RSGI, ASGI, WSGI",
        "ASGI, WSGI",
        "WSGI, ASGI",
    ),
    "a refused request": (
        "[an identifier](docs/reference/refusals.md), and a page that explains it",
        "a status",
        "a status",
        "a status",
        "a status",
    ),
}
"""What is not measured, in the order of SERVERS."""


def read(name: str) -> dict[str, Any]:
    """Return a file of results."""
    found: dict[str, Any] = json.loads((DOCS / name).read_text("utf-8"))
    return found


def must_counts(server: dict[str, Any]) -> tuple[int, int]:
    """Return how many MUST rules a server keeps, and how many there are."""
    counts = [section["MUST"].split("/") for section in server["sections"].values() if "MUST" in section]
    kept, asked = (sum(map(int, column)) for column in zip(*counts, strict=True))
    return kept, asked


def rules_row() -> list[str]:
    """Return how many MUST rules of HTTP/1.1 each server keeps, with each of its parsers."""
    servers = read("peers/results.json")["servers"]
    counts = {name: [must_counts(servers[parser]) for parser in PARSERS[name]] for name in SERVERS}
    [asked] = {asked for found in counts.values() for _, asked in found}
    cells = (" or ".join(dict.fromkeys(str(kept) for kept, _ in found)) for found in counts.values())
    return [f"HTTP/1.1: cases passed, of the {asked} whose result an RFC requires (MUST)", *cells]


def parsers_row() -> list[str]:
    """Return how many cases a server keeps with one of its parsers and breaks with the other."""
    servers = read("peers/results.json")["servers"]
    cells = []
    for name in SERVERS:
        failed = [set(servers[parser]["not_kept"]) for parser in PARSERS[name]]
        cells.append(str(len(failed[0] ^ failed[1])) if len(failed) > 1 else "one parser")
    return ["HTTP/1.1: cases whose result depends on the chosen parser, of 362", *cells]


def cost_row() -> list[str]:
    """Return the CPU time of a small request to a bare ASGI callable, on each server."""
    samples = read("performance/interfaces.json")["asgi"]["samples"]["hello"]
    cells = (f"{median(sample['cpu'] for sample in samples[name.lower()]):.0f} µs" for name in SERVERS)
    return ["CPU time of a small request to a bare ASGI callable", *cells]


def why() -> Rows:
    """Return what each server has, and what was measured of it."""
    rows = [rules_row(), parsers_row(), cost_row(), *([name, *cells] for name, cells in HAVE.items())]
    return ("", *SERVERS), rows


def section() -> str:
    """Return the README's section "Why Kyoukai", with its links as the first page needs them."""
    readme = (DOCS.parent / "README.md").read_text("utf-8")
    text = readme.partition("\n## Why Kyoukai\n")[2].partition("\n## ")[0].strip()
    return f"{text.replace('](docs/', '](')}\n".replace("<!-- table: why -->\n\n", "")


TABLES: Final[dict[str, Callable[[], Rows]]] = {"why": why}

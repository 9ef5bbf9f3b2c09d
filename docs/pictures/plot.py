"""The plot of "Why Kyoukai": what a small request costs with a framework, beside bare servers.

Its bars are of one run of `docs/performance/results.json`, the first, which has all servers.
"""

import json
from pathlib import Path
from statistics import median
from typing import Final

from pictures.canvas import Picture

RESULTS: Final = Path(__file__).resolve().parent.parent / "performance" / "results.json"

SHOWN: Final = {
    "granian": ("granian", "a bare ASGI callable, in Rust"),
    "kyoukai": ("Kyoukai", "with Werkzeug requests and routing"),
    "kyoukai-reference": ("Kyoukai, pure Python", "the same, on the backend reference"),
    "uvicorn": ("uvicorn", "a bare ASGI callable"),
    "aiohttp": ("aiohttp", "its own requests and routing"),
    "blacksheep": ("BlackSheep", "on uvicorn"),
    "falcon": ("Falcon", "on uvicorn"),
    "starlette": ("Starlette", "on uvicorn"),
    "quart": ("Quart", "on uvicorn"),
    "hypercorn": ("hypercorn", "a bare ASGI callable"),
    "flask": ("Flask", "on gunicorn"),
}

WIDTH: Final = 420
LEFT: Final = 4
ROW: Final = 36
TOP: Final = 44
MOST: Final = 110
"""µs at which a bar is cut; in the scale of the longest, the others could not be compared."""
END: Final = WIDTH - 44
"""Where a bar of that length ends; its number is behind it."""

Costs = dict[str, tuple[float, float, float]]


def costs() -> tuple[str, Costs]:
    """Return a label of the run, and the CPU time of a request of `hello` on each server.

    The times are in µs: the median of the rounds, the least and the most.
    """
    version, run = next(iter(json.loads(RESULTS.read_text("utf-8")).items()))
    found = {}
    for server in SHOWN:
        samples = [sample["cpu"] for sample in run["samples"]["hello"][server]]
        found[server] = (median(samples), min(samples), max(samples))
    about = f"Python {version}, {run['date']}; median, least and most of {run['rounds']} rounds"
    return about, dict(sorted(found.items(), key=lambda pair: pair[1][0]))


def why() -> str:
    """Return the plot."""
    about, found = costs()
    spoken = (f"{' '.join(SHOWN[server])}: {cost:.0f} µs" for server, (cost, _, _) in found.items())
    title = "CPU time of a small request: less is better"
    picture = Picture("why", title, f"{'; '.join(spoken)}. {about}.")
    picture.text(LEFT, 16, "CPU time of a small request, in µs: less is better", "name", "start")
    picture.text(LEFT, 32, about, "small", "start")
    for row, (server, cost) in enumerate(found.items()):
        draw_row(picture, TOP + ROW * row, server, cost)
    return picture.svg(WIDTH, TOP + ROW * len(found) + 4)


def x_of(value: float) -> float:
    """Return where a bar ends."""
    return round(LEFT + (END - LEFT) * min(value, MOST) / MOST, 1)


def draw_row(picture: Picture, y: float, server: str, cost: tuple[float, float, float]) -> None:
    """Draw one server: its name, a bar, and the number behind it."""
    (name, about), (middle, low, high) = SHOWN[server], cost
    picture.elements.append(
        f'<text x="{LEFT}" y="{y + 14}"><tspan class="name">{name}</tspan>'
        f'<tspan class="small" dx="6">{about}</tspan></text>'
    )
    picture.bar(LEFT, y + 19, x_of(middle) - LEFT, 11, "ours" if server.startswith("kyoukai") else "bar")
    if middle <= MOST:
        picture.arrow((x_of(low), y + 24.5), (x_of(high), y + 24.5), head=False)
    else:
        # The bar is cut: two strokes through it say so.
        for shift in (40, 46):
            picture.arrow((END - shift - 4, y + 33), (END - shift + 4, y + 16), head=False)
    picture.text(max(x_of(middle), x_of(high)) + 6, y + 29, f"{middle:.0f}", "name", "start")

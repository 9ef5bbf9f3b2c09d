"""SVG that follows the colours of its page: light or dark, as an image on a page and inside of one.

As an image, a picture asks the browser for the preferred scheme. Inside a page of the docs,
`extensions/inline_pictures.py` takes the picture's style out, and ``_static/pages.css`` has the same classes.
"""

from html import escape
from typing import Final

STYLE: Final = """
svg.figure { --ink: #1f2328; --muted: #59636e; --fill: #f3f4f6; --accent: #9c2f2f; --bar: #b9bec5; }
@media (prefers-color-scheme: dark) {
  svg.figure { --ink: #d8dadd; --muted: #9aa3ad; --fill: #23262b; --accent: #f08f80; --bar: #59616b; }
}
"""

CLASSES: Final = """
svg.figure text { fill: var(--ink); font: 13px "Segoe UI", Roboto, Helvetica, Arial, sans-serif; }
svg.figure .small { font-size: 12px; fill: var(--muted); }
svg.figure .name { font-weight: 600; }
svg.figure .box { fill: var(--fill); stroke: var(--muted); }
svg.figure .band { fill: none; stroke: var(--muted); stroke-dasharray: 3 3; }
svg.figure .line { fill: none; stroke: var(--muted); stroke-width: 1.3; }
svg.figure .head { fill: var(--muted); }
svg.figure .bar { fill: var(--bar); }
svg.figure .ours { fill: var(--accent); }
svg.figure .mine { stroke: var(--accent); stroke-width: 2; }
"""

LINE: Final = 15
"""Pixels from one line of text to the next."""


def width_of(text: str) -> float:
    """Return about how many pixels wide a text is."""
    narrow = sum(char in "iljtf.,:;'|()[] " for char in text)
    wide = sum(char in "mwMWABCDEGHKNOQRSU_@" for char in text)
    return 7.0 * len(text) - 3.0 * narrow + 2.0 * wide


class Picture:
    """A picture that is drawn element by element.

    :param name: the prefix of its ids.
    :param title: what it shows, for a screen reader, and as the tip of a pointer.
    :param description: the same in words, for readers who cannot see it.
    """

    def __init__(self, name: str, title: str, description: str) -> None:
        self.name = name
        self.title = title
        self.description = description
        self.elements: list[str] = []

    def box(self, x: float, y: float, width: float, height: float, kind: str = "box") -> None:
        """Draw a rectangle with round corners."""
        self.elements.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="4"/>'
        )

    def bar(self, x: float, y: float, width: float, height: float, kind: str = "bar") -> None:
        """Draw a rectangle with sharp corners."""
        self.elements.append(
            f'<rect class="{kind}" x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}"/>'
        )

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "middle") -> None:
        """Write lines of text, the first of which stands on `y`."""
        style = f' class="{kind}"' if kind else ""
        for number, line in enumerate(text.split("\n")):
            place = f'x="{x:g}" y="{y + LINE * number:g}" text-anchor="{anchor}"'
            self.elements.append(f"<text{style} {place}>{escape(line)}</text>")

    def arrow(self, *points: tuple[float, float], head: bool = True) -> None:
        """Draw a line through points, with a head at the last one."""
        path = " ".join(f"{'ML'[index > 0]}{x:g} {y:g}" for index, (x, y) in enumerate(points))
        self.elements.append(f'<path class="line" d="{path}"/>')
        if head:
            (x0, y0), (x, y) = points[-2:]
            dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
            sides = [(x - 7 * dx - 4 * dy, y - 7 * dy - 4 * dx), (x - 7 * dx + 4 * dy, y - 7 * dy + 4 * dx)]
            corners = " ".join(f"{a:g},{b:g}" for a, b in [(x, y), *sides])
            self.elements.append(f'<polygon class="head" points="{corners}"/>')

    def svg(self, width: float, height: float) -> str:
        """Return the picture."""
        labels = f"{self.name}-title {self.name}-text"
        body = "\n".join(self.elements)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="figure" role="img" aria-labelledby="{labels}"'
            f' width="{width:g}" height="{height:g}" viewBox="0 0 {width:g} {height:g}">\n'
            f'<title id="{self.name}-title">{escape(self.title)}</title>\n'
            f'<desc id="{self.name}-text">{escape(self.description)}</desc>\n'
            f"<style>{STYLE}{CLASSES}</style>\n{body}\n</svg>\n"
        )

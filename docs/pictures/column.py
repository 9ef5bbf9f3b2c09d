"""Draws a graph as one column of boxes: states and their events, or rooms and their imports.

An arrow to the next box is straight. Others run beside the column: those down on the right, those up on
the left, each in a lane of its own. Arrows with the same label to the same box share a lane.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from pictures.canvas import LINE, Picture, width_of

BOX = 40
GAP = 38


class Lane(NamedTuple):
    """Arrows beside the column, with one label and one target."""

    sources: list[int]
    target: int
    label: str

    @property
    def length(self) -> int:
        """The distance to its furthest source, in boxes."""
        return max(abs(self.target - source) for source in self.sources)


def lanes_of(names: list[str], edges: Iterable[tuple[str, str, str]], *, down: bool) -> list[Lane]:
    """Return the lanes of one side, the shortest first: it is the nearest to the column."""
    lanes: dict[tuple[int, str], Lane] = {}
    for source, target, label in edges:
        first, last = names.index(source), names.index(target)
        if (last > first) is down and first != last:
            lanes.setdefault((last, label), Lane([], last, label)).sources.append(first)
    # An arrow to the next box is straight, if it is the only one of its lane.
    beside = [lane for lane in lanes.values() if not (down and lane.length == 1)]
    return sorted(beside, key=lambda lane: lane.length)


def draw(
    picture: Picture,
    boxes: Mapping[str, str],
    edges: Iterable[tuple[str, str, str]],
    *,
    box_width: float = 120,
    top: float = 2,
) -> str:
    """Draw a graph, and return the picture.

    :param boxes: name and second line of each box, from top to bottom.
    :param edges: source, target and label; an edge from a box to itself is left out.
    """
    names, edges = list(boxes), list(edges)
    left, right = lanes_of(names, edges, down=False), lanes_of(names, edges, down=True)
    margin = 4 + sum(label_width(lane) for lane in left)
    middle = margin + box_width / 2

    def y_of(index: int) -> float:
        return top + index * (BOX + GAP)

    for index, name in enumerate(names):
        picture.box(margin, y_of(index), box_width, BOX)
        below = boxes[name]
        picture.text(middle, y_of(index) + (17 if below else 25), name, "name")
        if below:
            picture.text(middle, y_of(index) + 32, below, "small")
    straight = [0.0]
    for source, target, label in edges:
        index = names.index(source)
        shared = any(lane.target == index + 1 and lane.label == label for lane in right)
        if names.index(target) == index + 1 and not shared:
            picture.arrow((middle, y_of(index) + BOX), (middle, y_of(index + 1)))
            lines = label.split("\n")
            picture.text(middle + 8, y_of(index) + BOX + 31 - 8 * len(lines), label, "small", "start")
            straight.append(8 + max(map(width_of, lines)) * 0.92 - box_width / 2)
    draw_lanes(picture, left, margin, -1, y_of, 0)
    end = draw_lanes(picture, right, margin + box_width, 1, y_of, max(straight))
    return picture.svg(end + 4, y_of(len(names) - 1) + BOX + 2)


def label_width(lane: Lane) -> float:
    """Return how much room a lane needs: for its line and its label."""
    return 20 + max(width_of(line) for line in lane.label.split("\n")) * 0.92


def ports_of(lanes: Iterable[Lane], y_of: Callable[[int], float]) -> list[dict[int, float]]:
    """Return where each lane meets each of its boxes: several meet a box one below the other."""
    taken: Counter[int] = Counter()
    ports = []
    for lane in lanes:
        indexes = {*lane.sources, lane.target}
        ports.append({index: y_of(index) + 9 + 11 * (taken[index] % 3) for index in indexes})
        taken.update(indexes)
    return ports


def label_place(lane: Lane, own: Iterable[float], others: Iterable[float]) -> float:
    """Return where a lane's label begins: near its middle, and on no line of a lane further out."""
    first, last = min(own), max(own)
    lines = lane.label.count("\n") + 1
    others = list(others)

    def is_free(y: float) -> bool:
        return not any(y - 13 < other < y + LINE * (lines - 1) + 5 for other in others)

    middle = (first + last) / 2 - LINE * (lines - 1) / 2 + 4
    places = sorted((middle + shift for shift in range(-60, 61, 2)), key=lambda y: abs(y - middle))
    return next(filter(is_free, places), middle)


def draw_lanes(
    picture: Picture, lanes: list[Lane], x: float, side: int, y_of: Callable[[int], float], free: float
) -> float:
    """Draw the lanes of one side, and return where the outermost ends.

    :param x: the column's edge on that side.
    :param side: 1 for the right, -1 for the left.
    :param free: how far from the edge the labels of straight arrows reach.
    """
    edge = x
    x += side * max(free, 0)
    ports = ports_of(lanes, y_of)
    for number, (lane, ends) in enumerate(zip(lanes, ports, strict=True)):
        x += side * 14
        target = ends[lane.target]
        for source in lane.sources:
            picture.arrow((edge, ends[source]), (x, ends[source]), (x, target), (edge, target))
        further = [y for other in ports[number + 1 :] for y in other.values()]
        y = label_place(lane, ends.values(), further)
        picture.text(x + side * 5, y, lane.label, "small", "start" if side > 0 else "end")
        x += side * (label_width(lane) - 14)
    return x

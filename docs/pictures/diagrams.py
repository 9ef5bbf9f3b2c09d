"""The diagrams of the pages, each drawn from data: the code's own tables, layers and registered backends.

`docs/update.py` writes them to `docs/images`, and the tests compare.
"""

import sys
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Final

from kyoukai import HTTP1Backend
from kyoukai.core.contract import registry
from kyoukai.core.http1.states import TABLE as STATES
from kyoukai.server.supervisor.phases import TABLE as SIGNALS
from kyoukai.server.supervisor.phases import Action, Phase
from kyoukai.testing.rules import STOREYS
from pictures import column, plot
from pictures.canvas import Picture
from pictures.steps import OWNERS, STEPS

ROOT: Final = Path(__file__).resolve().parent.parent.parent

# The tests are of no distribution, and this folder is where `python docs/update.py` looks.
sys.path.insert(0, str(ROOT))

from tests.test_architecture import ARROWS, ROOMS  # noqa: E402

ROOM_WORDS: Final = {
    "http1": "HTTP/1.1 as bytes",
    "contract": "the interface for authors of backends",
    "connection": "the transport's side",
    "applications": "the two forms of applications",
    "exchange": "one request and its answer",
    "serving": "state shared by connections",
    "semantics": "what HTTP means on any wire",
    "refusals": "an entry for every refusal",
}

NEXT_PHASES: Final[Mapping[Action, Phase]] = {
    Action.STOP: Phase.DRAINING,
    Action.STOP_BOTH: Phase.DRAINING,
    Action.RELOAD: Phase.RELOADING,
    Action.RELOAD_ANEW: Phase.RELOADING,
    Action.UPGRADE: Phase.UPGRADING,
}
"""The phase that an action leads to; the others lead to none."""

EVENTS: Final = (
    (Phase.STARTING, Phase.SERVING, "a worker\nis ready"),
    (Phase.RELOADING, Phase.SERVING, "all ready,\nor given up"),
    (Phase.UPGRADING, Phase.REPLACED, "the new one\nis ready"),
    (Phase.UPGRADING, Phase.SERVING, "failed"),
)
"""What leads from one phase to another without a signal."""


def states() -> str:
    """Return the states of what reads an HTTP/1 connection."""
    edges = [(state, target, event) for state, row in STATES.items() for event, target in row.items()]
    words = "; ".join(f"from {state} to {target} by {event}" for state, target, event in edges)
    picture = Picture("states", "The states of an HTTP/1 connection's reader", f"{words}.")
    return column.draw(picture, dict.fromkeys(STATES, ""), edges, box_width=96)


def phases() -> str:
    """Return the phases of a supervisor."""
    signals: dict[tuple[Phase, Phase], list[str]] = {}
    for name, row in SIGNALS.items():
        for phase, action in row.items():
            target = NEXT_PHASES.get(action)
            if target not in (None, phase):
                signals.setdefault((phase, target), []).append(name)
    edges = [(a.value, b.value, "\n".join(names)) for (a, b), names in signals.items()]
    edges += [(a.value, b.value, label) for a, b, label in EVENTS]
    spoken = (f"from {a} to {b}: {' '.join(label.split())}" for a, b, label in edges)
    picture = Picture("phases", "The phases of a supervisor", f"{'; '.join(spoken)}.")
    return column.draw(picture, {phase.value: "" for phase in Phase}, edges, box_width=96)


def direct_imports(room: str) -> list[str]:
    """Return the rooms that a room imports, without those that one of these imports too."""

    def below(name: str) -> set[str]:
        return {other.rpartition(".")[2] for other in ARROWS[f"kyoukai.core.{name}"]} & {*ROOMS}

    return [other for other in below(room) if not any(other in below(third) for third in below(room))]


def rooms() -> str:
    """Return the rooms of the core, from the highest to the lowest."""
    names = [*reversed(ROOMS)]
    edges = [(name, other, "") for name in names for other in sorted(direct_imports(name))]
    words = "; ".join(f"{name}, {ROOM_WORDS[name]}" for name in names)
    picture = Picture(
        "rooms", "The packages of kyoukai.core: an arrow leads to what a package imports", f"{words}."
    )
    return column.draw(picture, {name: ROOM_WORDS[name] for name in names}, edges, box_width=220)


def request() -> str:
    """Return the way of a request: the ten steps, in a column for each owner."""
    words = "; ".join(f"{number}. {step.owner}: {step.title}" for number, step in enumerate(STEPS, 1))
    picture = Picture("request", "The way of a request in ten steps", f"{words}.")
    width, step_height, box_height, box_width = 128, 50, 34, 120
    for index, owner in enumerate(OWNERS):
        picture.text(width * index + width / 2, 15, owner, "name")
        picture.box(width * index + 1, 24, width - 2, step_height * len(STEPS) + 4, "band")
    centres = [
        (width * OWNERS.index(step.owner) + width / 2, 34 + step_height * index)
        for index, step in enumerate(STEPS)
    ]
    for (x, y), (x2, y2) in pairwise(centres):
        side = box_width / 2 * ((x2 > x) - (x2 < x))
        if side:
            picture.arrow((x + side, y + box_height / 2), (x2, y + box_height / 2), (x2, y2))
        else:
            picture.arrow((x, y + box_height), (x2, y2))
    for number, (step, (x, y)) in enumerate(zip(STEPS, centres, strict=True), 1):
        picture.box(
            x - box_width / 2, y, box_width, box_height, "box mine" if step.owner == OWNERS[1] else "box"
        )
        picture.text(x, y + 21, f"{number} {step.title}")
    return picture.svg(width * len(OWNERS), step_height * len(STEPS) + 30)


def storey_of(backend: type) -> str:
    """Return the storey of the contract that a backend of this distribution stands on."""
    return "HTTPProtocol" if issubclass(backend, HTTP1Backend) else "Exchange"


def waist() -> str:
    """Return the applications, the exchange between, and the backends on the storeys of the contract."""
    found = [one for one in registry.registrations() if one.distribution == "kyoukai"]
    backends: dict[str, list[str]] = {storey: [] for storey in reversed(STOREYS)}
    for one in found:
        backends[storey_of(registry.load_backend(one.name))].append(one.name)
    made = "; ".join(f"on {storey}: {', '.join([*names, 'yours'])}" for storey, names in backends.items())
    picture = Picture(
        "waist",
        "Applications above, the exchange in the middle, and backends below",
        "Applications of Kyoukai, ASGI and WSGI meet one Exchange. It applies the policy, limits and "
        f"deadlines, and makes errors into answers, logs and stops, once for all wires. "
        f"Backends stand on it. {made}.",
    )
    width, gap = 384, 8
    third = (width - 2 * gap) / 3
    picture.text(width / 2, 14, "applications", "small")
    for index, name in enumerate(("Kyoukai", "ASGI 3", "WSGI")):
        x = index * (third + gap)
        picture.box(x + 1, 22, third - 2, 34)
        picture.text(x + third / 2, 43, name, "name")
        picture.arrow((x + third / 2, 56), (x + third / 2, 84), head=False)
    picture.box(1, 84, width - 2, 70, "box mine")
    picture.text(width / 2, 104, "Exchange", "name")
    picture.text(
        width / 2, 122, "one request and its answer: policy, limits,\ndeadlines, errors, logs, stop", "small"
    )
    rows = max(map(len, backends.values())) + 1
    for index, (storey, names) in enumerate(backends.items()):
        x = index * (third + gap)
        picture.arrow((x + third / 2, 154), (x + third / 2, 190), head=False)
        picture.box(x + 1, 190, third - 2, 30 + 34 * rows, "band")
        picture.text(x + third / 2, 209, storey if storey != "Exchange" else "Connection", "name")
        for row, name in enumerate([*names, "yours"]):
            picture.box(x + 10, 220 + 34 * row, third - 20, 26)
            picture.text(x + third / 2, 238 + 34 * row, name, "" if name != "yours" else "small")
    picture.text(width / 2, 242 + 34 * rows, "backends, each on a storey of the contract", "small")
    return picture.svg(width, 250 + 34 * rows)


PICTURES: Final[dict[str, Callable[[], str]]] = {
    "phases": phases,
    "request": request,
    "rooms": rooms,
    "states": states,
    "waist": waist,
    "why": plot.why,
}

"""The long lists of the pages: the sections of the corpus, and what other servers did with its cases.

`docs/update.py` puts them into the pages. Each function returns a header and rows, or whole sections.
"""

import json
import re
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator
from fnmatch import fnmatchcase
from functools import partial
from importlib import resources
from pathlib import Path
from typing import Any, Final

from kyoukai.backends.h2_.testing import H2Adapter
from kyoukai.testing import Case, WireAdapter, WireDifference, load_corpus
from kyoukai.testing.corpus import LEVELS
from kyoukai.testing.telling import UntoldError
from kyoukai.testing.wire_corpus import difference_of, tellings

ROOT: Final = Path(__file__).resolve().parent.parent

# The tests are of no distribution, and this folder is where `python docs/update.py` looks.
sys.path.insert(0, str(ROOT))

from tests.interfaces.differences import DIFFERENCES  # noqa: E402

RESULTS: Final = Path(__file__).parent / "peers" / "results.json"

GETS: Final = {
    "reset": "its stream is reset, with PROTOCOL_ERROR",
    "nothing": "the connection ends, with ENHANCE_YOUR_CALM",
}
"""What an adapter calls so."""

Rows = tuple[Iterable[str], Iterable[Iterable[object]]]


def plain(text: str) -> str:
    """Return text that Markdown takes for nothing else, on one line."""
    return re.sub(r"([\\`*_<>|\[\]])", r"\\\1", " ".join(text.split()))


def corpus_groups() -> Iterator[tuple[str, str, str]]:
    """Yield title, description and name of each file of the corpus."""
    cases = load_corpus()
    folder = resources.files("kyoukai.testing.corpus")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".toml"):
            group = tomllib.loads(file.read_text("utf-8"))
            count = sum(case.group == group["title"] for case in cases)
            yield group["title"], f"{plain(group['about'])} ({count} cases, `{file.name}`)", file.name


def corpus_counts() -> Rows:
    """Return how many cases there are of each level."""
    levels = [case.level for case in load_corpus()]
    rows = [[level, levels.count(level)] for level in LEVELS]
    return ("level", "cases"), [*rows, ["all", len(levels)]]


def results() -> dict[str, Any]:
    """Return what the last run of `docs/peers` wrote down."""
    found: dict[str, Any] = json.loads(RESULTS.read_text("utf-8"))
    return found


def peers_run() -> Rows:
    """Return each server with its versions and how it was run."""
    rows = [
        [
            name,
            ", ".join(f"{package} {version}" for package, version in server["versions"].items()),
            f"`python {server['command'].replace('{port}', 'PORT')}`",
        ]
        for name, server in results()["servers"].items()
    ]
    return ("server", "versions", "run as"), rows


def added(counts: Iterable[str]) -> str:
    """Return the sum of counts ``kept/total``; a dash where there is none."""
    pairs = [tuple(map(int, count.split("/"))) for count in counts]
    return "/".join(str(sum(part)) for part in zip(*pairs, strict=True)) or "-"


def peers_levels() -> Rows:
    """Return what each server kept, by level."""
    rows = []
    for name, server in results()["servers"].items():
        sections = server["sections"].values()
        rows.append(
            [name, *(added(counts[level] for counts in sections if level in counts) for level in LEVELS)]
        )
    return ("server", *LEVELS), rows


def peers_sections(levels: Collection[str]) -> Rows:
    """Return what each server kept at some levels, by section of the corpus."""
    servers = results()["servers"]
    rows = [
        [
            section,
            *(
                added(count for level, count in server["sections"][section].items() if level in levels)
                for server in servers.values()
            ),
        ]
        for section in next(iter(servers.values()))["sections"]
    ]
    return ("section", *servers), [row for row in rows if row[1] != "-"]


def peers_inputs() -> Rows:
    """Return what each server answered to the inputs that are shown in full."""
    found = results()
    servers = found["servers"]
    rows = [
        [f"{words} (`{case}`)", *(server["inputs"][case] for server in servers.values())]
        for case, words in found["inputs"].items()
    ]
    return ("input", *servers), rows


def http_rows() -> Iterator[tuple[str, str, list[Case]]]:
    """Yield what a row of `http.md` is about, what it promises, and the cases that it names."""
    cases = load_corpus()
    for line in (ROOT / "docs" / "reference" / "http.md").read_text("utf-8").splitlines():
        if line.startswith("| ") and not line.endswith("| cases |"):
            what, promise, names = (cell.strip() for cell in line.strip("|").split("|"))
            proofs = re.findall(r"`([^`]+)`", names)
            found = [case for case in cases if any(fnmatchcase(case.name, proof) for proof in proofs)]
            yield what, promise, found


def told_otherwise(adapter: type[WireAdapter], case: Case) -> WireDifference | None:
    """Return the difference by which a case gets something else on a wire."""
    for telling in tellings(case):
        wanted = "nothing" if telling.expected is None else str(telling.expected.status)
        difference = difference_of(adapter, telling.request)
        if difference is not None and difference.gets != wanted:
            return difference
    return None


def is_told(case: Case) -> bool:
    """Return whether another wire than HTTP/1 can carry a case."""
    try:
        tellings(case)
    except UntoldError:
        return False
    return True


def h2_differences() -> Rows:
    """Return what gets something else by HTTP/2, with the rows of `http.md` where most cases do."""
    rows = []
    for known in H2Adapter.differences:
        names = [f"`{c.name}`" for c in load_corpus() if is_told(c) and told_otherwise(H2Adapter, c) is known]
        places = []
        for what, _, cases in http_rows():
            told = [case for case in cases if is_told(case)]
            if sum(told_otherwise(H2Adapter, case) is known for case in told) * 2 > len(told):
                places.append(f"*{what}*")
        gets = GETS.get(known.gets, known.gets)
        rows.append([known.what, gets, known.why, "; ".join(places) or "none as a whole", ", ".join(names)])
    return ("request", "over HTTP/2", "reason", "rows", "cases"), rows


def h2_untold() -> Rows:
    """Return the rows of `http.md` whose cases are all of HTTP/1's own bytes."""
    rows = [[what, promise] for what, promise, cases in http_rows() if cases and not any(map(is_told, cases))]
    return ("request", "over HTTP/1.1"), rows


def peers_date() -> Rows:
    """Return when and where the servers were asked."""
    found = results()
    sections = next(iter(found["servers"].values()))["sections"].values()
    total = added(count for counts in sections for count in counts.values()).partition("/")[2]
    return ("date", "on", "cases"), [[found["date"], found["platform"], total]]


def hosted_differences(interface: str) -> Rows:
    """Return what differs between an application on another server and on ours, with what decides.

    :param interface: ``"asgi"`` or ``"wsgi"``.
    """
    rows = []
    for difference in DIFFERENCES:
        if interface in difference.interfaces:
            where = "".join(
                name for name, only in (("HTTP/1", difference.http1), ("HTTP/2", difference.http2)) if only
            )
            rows.append([difference.peer, difference.ours, where or "all", difference.text])
    return ("other server", "Kyoukai", "protocol", "decided by"), rows


TABLES: Final = {
    "corpus-counts": corpus_counts,
    "hosted-asgi": partial(hosted_differences, "asgi"),
    "hosted-wsgi": partial(hosted_differences, "wsgi"),
    "h2-differences": h2_differences,
    "h2-untold": h2_untold,
    "peers-date": peers_date,
    "peers-inputs": peers_inputs,
    "peers-levels": peers_levels,
    "peers-run": peers_run,
    "peers-hardening": partial(peers_sections, LEVELS[2:]),
    "peers-sections": partial(peers_sections, LEVELS[:2]),
}

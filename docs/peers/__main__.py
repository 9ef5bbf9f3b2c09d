"""``python docs/peers --python PATH``: what other servers do with the inputs of the corpus.

PATH is the Python of an environment that has the peers; nothing is installed here. Each server is
started on 127.0.0.1 with an application that answers what it saw, is sent the cases that
`verdict.py` chooses, each on a connection of its own and in one piece, and is ended by its process
id. What came of it is written to `results.json`, of which `docs/update.py` makes the tables of
`docs/explanation/peers.md`. It takes a minute or two a server.
"""

import argparse
import datetime
import json
import platform
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from conversation import Outcome, converse
from servers import PEERS, Peer, serving, versions
from verdict import INPUTS, chosen, is_kept

from kyoukai.testing import Case, load_corpus
from kyoukai.testing.corpus import LEVELS

RESULTS = Path(__file__).parent / "results.json"

AT_ONCE = 8
"""Conversations held at the same time: most of their time is waiting."""


def summarize(cases: Sequence[Case], outcomes: dict[str, Outcome]) -> dict[str, Any]:
    """Return what came of one server: counts by section and level, and the inputs shown in full."""
    kept = [case.name for case in cases if is_kept(case, outcomes[case.name])]
    sections: dict[str, dict[str, str]] = {}
    for group in dict.fromkeys(case.group for case in cases):
        for level in LEVELS:
            names = [case.name for case in cases if (case.group, case.level) == (group, level)]
            if names:
                count = sum(name in kept for name in names)
                sections.setdefault(group, {})[level] = f"{count}/{len(names)}"
    return {
        "sections": sections,
        "inputs": {name: in_short(outcomes[name]) for name in INPUTS},
        "not_kept": [case.name for case in cases if case.name not in kept],
    }


def in_short(outcome: Outcome) -> str:
    """Return the statuses that came, and whether the connection is open."""
    statuses = " ".join(map(str, outcome.statuses)) or "nothing"
    return statuses if outcome.closed else f"{statuses}, open"


def ask(peer: Peer, python: str) -> dict[str, Any]:
    """Run one server, and return what came of it."""
    corpus = {case.name: case for case in load_corpus()}
    cases = chosen(corpus.values())
    wanted = {case.name: case for case in cases} | {name: corpus[name] for name in INPUTS}
    with serving(peer, python) as port, ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = dict(zip(wanted, pool.map(partial(converse, port), wanted.values()), strict=True))
    return {"versions": versions(peer, python), "command": peer.command, **summarize(cases, outcomes)}


def main() -> None:
    """Ask the servers, and write down what they did."""
    parser = argparse.ArgumentParser(prog="python docs/peers", description="Ask other servers the corpus.")
    parser.add_argument("--python", required=True, help="the Python of an environment with the peers")
    parser.add_argument("--peer", action="append", help="ask this one again, and keep what the others did")
    options = parser.parse_args()
    names = options.peer or list(PEERS)
    servers = json.loads(RESULTS.read_text("utf-8"))["servers"] if options.peer else {}
    for name in names:
        python = sys.executable if name.startswith("kyoukai") else options.python
        servers[name] = ask(PEERS[name], python)
        print(f"{name}: {len(servers[name]['not_kept'])} not kept", flush=True)
    results = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "platform": f"{platform.python_implementation()} {platform.python_version()}, {platform.system()}",
        "inputs": INPUTS,
        "servers": {name: servers[name] for name in PEERS if name in servers},
    }
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()

"""Every case of the corpus on every backend, by a socket."""

import asyncio
import random

import pytest

from kyoukai.testing import RecordingApplication, converse_by_socket, faults, load_corpus
from kyoukai.testing.chunking import cut, random_pieces, with_actions
from kyoukai.testing.settings import SEED_VARIABLE, choose_seed

from ..corpus_report import PROPERTY, note


def patient(limits):
    """Return limits of a case with five times its timeouts.

    The cases are also sent in memory, where no client's thread has to get its turn before a request is late.
    """
    return {name: value * 5 if name.endswith("_timeout") else value for name, value in limits.items()}


def run_all(serve, backend, record_property, pieces_of, between=None):
    """Run all cases, on a server for each set of limits, and return what was wrong, in words."""
    groups = {}
    for case in load_corpus():
        groups.setdefault(tuple(sorted(case.limits.items())), []).append(case)
    found = {}
    for limits, cases in groups.items():
        application = RecordingApplication()
        server = serve(application, limits=patient(dict(limits)))
        for case in cases:
            outcome = converse_by_socket(
                server.component.address,
                application,
                with_actions(pieces_of(case), case.pause_at, case.ending),
                reply=case.reply,
                answers=len(case.answers),
                closes=case.closed,
                between=between and (lambda server=server: between(server)),
            )
            wrong = faults(case, outcome, named=True)
            if wrong:
                found[case.name] = "\n    ".join([f"{case.name}:", *wrong, repr(outcome)])
        server.stop()
    levels = {case.name: case.level for case in load_corpus()}
    record_property(PROPERTY, note(backend, levels, len(levels), sorted(found), by_socket=True))
    return "\n".join(found.values())


def test_whole(serve, backend, record_property):
    wrong = run_all(serve, backend, record_property, lambda case: cut(case.data, ()))
    assert not wrong, wrong


def let_it_read(server):
    """Let the server's loop read what was sent."""
    server.call(lambda: None)


@pytest.mark.parametrize("loop_factory", [asyncio.new_event_loop], ids=["asyncio"])
def test_in_random_pieces(serve, backend, record_property):
    seed = choose_seed()

    def pieces_of(case):
        # The same seed cuts the same case in the same way.
        return random_pieces(case.data, random.Random(f"{seed} {case.name}"), 1, len(case.data) // 3 + 1)

    wrong = run_all(serve, backend, record_property, pieces_of, let_it_read)
    assert not wrong, f"{SEED_VARIABLE}={seed}\n{wrong}"

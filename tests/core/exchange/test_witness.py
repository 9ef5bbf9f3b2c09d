"""Who is told of exceptions that were answered by a 500."""

import contextvars
from typing import Any

from kyoukai.core.exchange.witness import bear_witness, witness


def test_whoever_wants_to_know_is_told() -> None:
    told: list[Any] = []
    error, environ = ValueError(), {"PATH_INFO": "/"}

    def tell() -> None:
        witness.set(lambda *args: told.append(args))
        bear_witness(error, environ)

    contextvars.copy_context().run(tell)
    assert told == [(error, environ)]
    # Here nobody does.
    bear_witness(error, environ)
    assert len(told) == 1

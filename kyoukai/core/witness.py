"""Somebody who wants to know which exceptions were answered by a 500: the client of a test.

A context variable says who, since each request's context variables are a copy of its server's.
"""

from contextvars import ContextVar
from typing import Final

witness: Final[ContextVar[list[BaseException] | None]] = ContextVar("kyoukai.witness", default=None)
"""The list that takes them; ``None``, where nobody wants to know."""


def bear_witness(error: BaseException) -> None:
    """Tell whoever wants to know of an exception that nothing claimed."""
    errors = witness.get()
    if errors is not None:
        errors.append(error)

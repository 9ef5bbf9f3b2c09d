"""Somebody who wants to know which exceptions were answered by a 500: the client of a test.

A context variable says who, since each request's context variables are a copy of its server's.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

Witness = Callable[[BaseException, dict[str, Any]], None]

witness: Final[ContextVar[Witness | None]] = ContextVar("kyoukai.witness", default=None)
"""What is told of them; ``None``, where nobody wants to know."""


def bear_witness(error: BaseException, environ: dict[str, Any]) -> None:
    """Tell whoever wants to know of an exception that nothing claimed.

    :param environ: of the request that failed with it.
    """
    tell = witness.get()
    if tell is not None:
        tell(error, environ)

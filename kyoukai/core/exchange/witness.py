"""A callback that reports exceptions answered with a 500, for a test client.

It is in a context variable, as each request runs in a copy of its server's context.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, Final

Witness = Callable[[BaseException, dict[str, Any]], None]

witness: Final[ContextVar[Witness | None]] = ContextVar("kyoukai.witness", default=None)
"""The callback, or ``None``."""


def bear_witness(error: BaseException, environ: dict[str, Any]) -> None:
    """Report an exception that no error handler took.

    :param environ: the environ of the request that failed.
    """
    tell = witness.get()
    if tell is not None:
        tell(error, environ)

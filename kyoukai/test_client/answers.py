"""Answers as the transports of the clients return them, before they become responses."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from werkzeug.datastructures import Headers


class Answer(NamedTuple):
    """An answer with its whole body."""

    status: str
    """Code and reason, ``"200 OK"``."""
    headers: Headers
    body: bytes
    errors: Sequence[BaseException] = ()
    """The exceptions that were answered with a 500; those of a WebSocket's handler are added later."""


class Begun(NamedTuple):
    """An answer whose body is still arriving."""

    status: str
    headers: Headers
    pieces: AsyncIterator[bytes]
    errors: Sequence[BaseException] = ()

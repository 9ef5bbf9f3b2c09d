"""Answers as the clients get them, before they are responses."""

from collections.abc import AsyncIterator, Sequence
from typing import NamedTuple

from werkzeug.datastructures import Headers


class Answer(NamedTuple):
    """An answer with all of its body."""

    status: str
    """Code and reason, ``"200 OK"``."""
    headers: Headers
    body: bytes
    errors: Sequence[BaseException] = ()
    """The exceptions that it was answered by a 500 for; those of a WebSocket's handler come later."""


class Begun(NamedTuple):
    """An answer as it comes."""

    status: str
    headers: Headers
    pieces: AsyncIterator[bytes]
    errors: Sequence[BaseException] = ()

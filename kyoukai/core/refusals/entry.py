"""What the table says of one refusal."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """One kind of refusal. Its identifier never changes its meaning.

    The texts are plain Markdown; their line breaks mean nothing.
    """

    identifier: str
    """Small letters, digits and dashes: answers, log lines, metrics and traces carry it."""
    status: int
    """The status of the answer; 0: there is none, and the connection or the stream ends."""
    sentence: str
    """What the client is told."""
    wrong: str
    """What was wrong."""
    senders: str
    """Who sends such a thing."""
    client: str
    """What to change on the client's side."""
    source: str
    """The section that says so, or the reason."""
    server: str = ""
    """What to change on the server's side, if anything: mostly a setting."""


class Group(NamedTuple):
    """Refusals that belong together."""

    title: str
    refusals: tuple[Refusal, ...]


def flat(text: str) -> str:
    """Return a text of the table on one line."""
    return " ".join(text.split())

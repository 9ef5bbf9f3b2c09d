"""The fields of one entry in the table of refusals."""

from typing import NamedTuple


class Refusal(NamedTuple):
    """One kind of refusal. The meaning of its identifier never changes.

    The texts are plain Markdown. Their line breaks mean nothing.
    """

    identifier: str
    """Lower-case letters, digits and dashes. It appears in answers, log lines, metrics and traces."""
    status: int
    """The status of the answer. 0: no answer; the connection or the stream ends."""
    sentence: str
    """The sentence in the answer to the client."""
    wrong: str
    """The fault of the request."""
    senders: str
    """Typical clients that send such a request."""
    client: str
    """How to fix it in the client."""
    source: str
    """The section of the standard that requires the refusal, or another reason."""
    server: str = ""
    """How to change the server, if possible: usually a setting."""


class Group(NamedTuple):
    """A group of related refusals."""

    title: str
    refusals: tuple[Refusal, ...]


def flat(text: str) -> str:
    """Return a text of the table as one line."""
    return " ".join(text.split())

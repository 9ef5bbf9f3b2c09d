"""The outcome of one connection: what the client received, and what the application recorded."""

import re
import reprlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .answers import Answer, Asked, read_answers
from .recorder import Seen

# Matches a HEAD request line that every server accepts, after optional empty lines.
HEAD_LINE: Final = re.compile(rb"(?:\r\n)*HEAD [!-~]+ HTTP/1\.[0-9]\r\n")

_short: Final = reprlib.Repr()
_short.maxstring = _short.maxother = 120
_short.maxdict = _short.maxtuple = _short.maxlist = 40


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """The outcome of one connection. The Date of the answers is ignored when outcomes are compared."""

    answers: tuple[Answer, ...]
    seen: tuple[Seen, ...]
    """The requests passed to the application."""
    continued: int
    """How many times ``100 Continue`` was received."""
    closed: bool
    """Whether the server ended the connection."""
    faults: tuple[str, ...] = ()
    """Errors that do not depend on the request."""

    @property
    def complete(self) -> int:
        """How many answers are complete."""
        return sum(answer.complete for answer in self.answers)

    def __repr__(self) -> str:
        lines = [f"closed={self.closed} continued={self.continued}"]
        for answer in self.answers:
            lines.append(
                f"answer {answer.status} {answer.reason} {dict(answer.fields)} {_short.repr(answer.content)}"
                + ("" if answer.complete else " (cut)")
            )
        for seen in self.seen:
            fields = {name: _short.repr(value)[1:-1] for name, value in seen.fields.items()}
            lines.append(
                f"seen {seen.method} {_short.repr(seen.target)} {seen.version} {fields} "
                f"body {len(seen.body)} {_short.repr(seen.body)} trailers {_short.repr(seen.trailers)}"
            )
        lines += [f"fault {fault}" for fault in self.faults]
        return f"<Outcome {'; '.join(lines)}>"


def read_outcome(
    received: bytes,
    sent: bytes,
    seen: Sequence[Seen],
    *,
    closed: bool,
    aborted: bool = False,
    faults: Sequence[str] = (),
) -> Outcome:
    """Return the outcome from the bytes that a client received.

    :param received: the bytes of the server.
    :param sent: the bytes that the client sent, to recognise answers to HEAD.
    :param seen: the requests that the application saw.
    :param closed: whether the server ended the connection; ``aborted``: whether without an end of file.
    :param faults: errors found in other ways.
    """
    asked = [Asked(request.method, request.version) for request in seen]
    # Every request reaches the application, except the last one, which may be refused.
    if b"HEAD" not in sent:
        asked.append(Asked("GET"))
    elif not seen and HEAD_LINE.match(sent):
        asked.append(Asked("HEAD"))
    else:
        asked.append(Asked(None))
    reading = read_answers(received, asked, ended=closed, aborted=aborted)
    return Outcome(reading.answers, tuple(seen), reading.continued, closed, (*reading.faults, *faults))

"""The states of reading the messages of a connection, in words and in a table.

``idle``
    Between two messages; also before the first. Empty lines may come.
``arriving``
    The first byte of a request line has arrived; the head is not complete.
``head``
    The parser has been given a whole head.
``body``
    The head was accepted; the body is arriving. If the application reads the body as it arrives, the
    request may be answered meanwhile.
``ended``
    No further request is read from this connection: the last one had ``close`` or was refused, the client
    sent its end of file, or the server stops. Answers may still be owed, and input is discarded.

The sending side needs no states: it is the queue of exchanges, whose first is being answered.

Each state is an object. Its attributes are the events that it admits, and their values the states that
follow. ``self.state = self.state.message_begin`` is both the step and its check: an event that the state does
not admit raises :class:`IllegalTransitionError`.
"""

from typing import Final

from ..errors import KyoukaiError

TABLE: Final[dict[str, dict[str, str]]] = {
    "idle": {"begin": "arriving", "resume": "body", "end": "ended"},
    "arriving": {"message_begin": "head", "end": "ended"},
    "head": {"headers_complete": "body", "end": "ended"},
    "body": {"message_complete": "idle", "end": "ended"},
    "ended": {"end": "ended"},
}
"""The next state by state and event. ``begin``: the first byte of a head was read; ``message_begin``,
``headers_complete`` and ``message_complete``: the parser's calls; ``resume``: the parser stopped at the end
of a head, and another one takes the body; ``end``: no further request will be read."""

EVENTS: Final = tuple(sorted({event for events in TABLE.values() for event in events}))


class IllegalTransitionError(KyoukaiError, RuntimeError):
    """A parser called its callbacks in a wrong order, or the connection has a bug."""


class State:
    """One state. Its attributes are the events that it admits, their values the states that follow."""

    __slots__ = ("name", *EVENTS)

    begin: "State"
    message_begin: "State"
    headers_complete: "State"
    message_complete: "State"
    resume: "State"
    end: "State"

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"<State {self.name}>"


def _not_admitted(event: str) -> property:
    def read(state: State) -> State:
        raise IllegalTransitionError(f"{event} cannot happen in the state {state.name}")

    return property(read)


def _build() -> dict[str, State]:
    states = {}
    for name, events in TABLE.items():
        # One class for each state: with `__getattr__` for the other events, Python would read the admitted
        # ones ten times as slowly.
        others = {event: _not_admitted(event) for event in EVENTS if event not in events}
        of_its_own: type[State] = type(name.title(), (State,), {"__slots__": (), **others})
        states[name] = of_its_own(name)
    for name, events in TABLE.items():
        for event, following in events.items():
            setattr(states[name], event, states[following])
    return states


STATES: Final = _build()
IDLE: Final = STATES["idle"]
ARRIVING: Final = STATES["arriving"]
HEAD: Final = STATES["head"]
BODY: Final = STATES["body"]
ENDED: Final = STATES["ended"]
IN_HEAD: Final = frozenset({ARRIVING, HEAD})
"""The states before the parser is at the end of the head."""

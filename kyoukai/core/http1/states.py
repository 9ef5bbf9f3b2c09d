"""The states of what reads the messages of a connection, as prose and one table.

``idle``
    Between two messages; also before the first. Empty lines may come.
``arriving``
    The first byte of a request line has come, the end of the head has not.
``head``
    The parser has been given a whole head.
``body``
    The head was accepted; the body is coming. Its request may be answered meanwhile, where the
    application has the body as it comes.
``ended``
    No further request is read from this connection: the last one said ``close``, or was refused,
    or the client sent its end of file, or the server stops. Answers may still be owed, and input
    is discarded.

The sending side needs no states: it is the queue of exchanges, whose first is being answered.

Each state is an object whose attributes are the events it admits and whose values are the states
that follow, so that ``self.state = self.state.message_begin`` is the step and its check at once:
an event that a state does not admit is an :class:`IllegalTransitionError`.
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
"""State and event give the next state. ``begin``: the first byte of a head has been read;
``message_begin``, ``headers_complete`` and ``message_complete``: the parser's calls; ``resume``: the parser
stopped at the end of a head whose body another one takes; ``end``: no further request will be read."""

EVENTS: Final = tuple(sorted({event for events in TABLE.values() for event in events}))


class IllegalTransitionError(KyoukaiError, RuntimeError):
    """A parser broke the order of its calls, or the connection has a fault of its own."""


class State:
    """One state. Its attributes are the events it admits, their values the states that follow."""

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
        # A class each: with `__getattr__` for the events that are not admitted, Python would read the others
        # ten times as slowly.
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
"""Those in which the parser has not come to the end of the head."""

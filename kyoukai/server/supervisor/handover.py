"""What two supervisors say to each other, of which one takes the place of the other.

They speak by a channel as a supervisor and a worker do. The new one may be of another version of Kyoukai: it
passes over what it does not know.

From the old one:

==========  ==================================================================
estate      the sockets that listen: ``listening`` and ``admin``, columns each; ``version``, and its ``pid``
more        further descriptors of the message before
go          serve from now on: the old one does not any more; ``ends`` of its workers by reason, and the
            descriptors of what they have counted, laid out as ``layout`` says; ``signals`` that are left
ends        more of its workers have ended, by reason
ended       all of them have, and have counted to the end
==========  ==================================================================

From the new one:

==========  ==================================================================
ready       all its workers have started; ``kept`` are the names of the sockets that it goes on with, and
            ``pid_file`` is the file that names its process
failed      it does not start, and ``why``
==========  ==================================================================
"""

import select
from collections.abc import Sequence
from typing import Any, Final

from kyoukai.core.errors import KyoukaiError
from kyoukai.server.handed import Column
from kyoukai.server.metrics import layout
from kyoukai.server.sockets import inherit
from kyoukai.server.supervisor.channel import Channel, Message

VARIABLE: Final = "KYOUKAI_UPGRADE"
"""The environment variable that tells a new supervisor the descriptor of its end."""

VERSION: Final = 1
"""Of these messages. It is raised when a new supervisor could not make sense of an old one's."""

LAYOUT: Final = [layout.SIZE, layout.MAX_SERIES, layout.LABELS_SIZE, *layout.DURATIONS, *layout.LAGS]
"""How regions of memory are laid out: see :mod:`kyoukai.server.metrics.layout`."""

MOST: Final = 250
"""Descriptors of one message: fewer than the system passes with one."""

PATIENCE: Final = 10.0
"""Seconds until the rest of a message has come, whose beginning has."""


class HandoverError(KyoukaiError):
    """The other supervisor does not say what it should."""


def send(channel: Channel, kind: str, descriptors: Sequence[int], **values: Any) -> bool:
    """Send a message with any number of descriptors; return whether the other side can have got it."""
    sent = channel.send(kind, descriptors[:MOST], total=len(descriptors), **values)
    for start in range(MOST, len(descriptors), MOST):
        sent = sent and channel.send("more", descriptors[start : start + MOST])
    return sent


def receive(channel: Channel) -> Message:
    """Return the next message with all its descriptors, as soon as it is there.

    :raises HandoverError: if it does not come.
    """
    return complete(channel, receive_part(channel))


def complete(channel: Channel, message: Message) -> Message:
    """Return a message with all its descriptors, which come in further ones.

    :raises HandoverError: if they do not come.
    """
    while len(message.descriptors) < message.values.get("total", 0):
        message.descriptors.extend(receive_part(channel).descriptors)
    return message


def receive_part(channel: Channel) -> Message:
    """Return the next message.

    :raises HandoverError: if none comes.
    """
    try:
        while (message := channel.receive()) is None:
            if not select.select([channel], [], [], PATIENCE)[0]:
                raise HandoverError("the supervisor from before says nothing")
    except EOFError:
        raise HandoverError("the supervisor from before is gone") from None
    return message


def describe(columns: Sequence[Column]) -> list[list[Any]]:
    """Return columns as a message has them, without their sockets."""
    return [[column.place, column.key, column.name, column.inode, len(column.sockets)] for column in columns]


def read_columns(described: Sequence[Sequence[Any]], descriptors: list[int]) -> list[Column]:
    """Return the columns of a message.

    :param descriptors: their sockets' come first, and are taken out.
    """
    columns = []
    for place, key, name, inode, count in described:
        sockets = [inherit(descriptors.pop(0)) for _ in range(count)]
        columns.append(Column(place, key, name, None if inode is None else tuple(inode), list(sockets)))
    return columns


def flatten(columns: Sequence[Column]) -> list[int]:
    """Return the descriptors of columns, in order."""
    return [sock.fileno() for column in columns for sock in column.sockets]

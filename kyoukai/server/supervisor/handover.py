"""The messages between an old supervisor and the new one that replaces it in an upgrade.

They use the same kind of channel as a supervisor and a worker. The new supervisor may be of another version
of Kyoukai: each side ignores what it does not know.

From the old supervisor:

==========  ==================================================================
estate      the listening sockets: columns ``listening`` and ``admin``; ``version``; ``pid``
more        further descriptors of the previous message
go          serve from now on; the old supervisor no longer serves. ``ends``: ended workers by reason;
            the descriptors of the counts, in the layout ``layout``; ``signals`` left to the new one
ends        further ended workers, by reason
ended       all workers have ended, and their counts are final
==========  ==================================================================

From the new supervisor:

==========  ==================================================================
ready       all workers have started; ``kept``: names of the sockets that stay in use; ``pid_file``: path
failed      it does not start; ``why``: the reason
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
"""The environment variable with the descriptor of the new supervisor's end of the channel."""

VERSION: Final = 1
"""Version of these messages. Raise it if a new supervisor could misread an old one's messages."""

LAYOUT: Final = [layout.SIZE, layout.MAX_SERIES, layout.LABELS_SIZE, *layout.DURATIONS, *layout.LAGS]
"""The layout of the memory regions with counts: see :mod:`kyoukai.server.metrics.layout`."""

MOST: Final = 250
"""Descriptors sent with one message: fewer than the system's limit."""

PATIENCE: Final = 10.0
"""Seconds to wait for the rest of a message whose first part has arrived."""


class HandoverError(KyoukaiError):
    """The other supervisor is gone, silent, or sent an unexpected message."""


def send(channel: Channel, kind: str, descriptors: Sequence[int], **values: Any) -> bool:
    """Send a message with any number of descriptors; return whether it was sent."""
    sent = channel.send(kind, descriptors[:MOST], total=len(descriptors), **values)
    for start in range(MOST, len(descriptors), MOST):
        sent = sent and channel.send("more", descriptors[start : start + MOST])
    return sent


def receive(channel: Channel) -> Message:
    """Wait for the next message, and return it with all its descriptors.

    :raises HandoverError: if it does not arrive.
    """
    return complete(channel, receive_part(channel))


def complete(channel: Channel, message: Message) -> Message:
    """Read the further messages that carry a message's other descriptors; return the complete message.

    :raises HandoverError: if they do not arrive.
    """
    while len(message.descriptors) < message.values.get("total", 0):
        message.descriptors.extend(receive_part(channel).descriptors)
    return message


def receive_part(channel: Channel) -> Message:
    """Return the next message.

    :raises HandoverError: if none arrives.
    """
    try:
        while (message := channel.receive()) is None:
            if not select.select([channel], [], [], PATIENCE)[0]:
                raise HandoverError("the old supervisor sends nothing")
    except EOFError:
        raise HandoverError("the old supervisor is gone") from None
    return message


def describe(columns: Sequence[Column]) -> list[list[Any]]:
    """Return the JSON form of columns, without their sockets."""
    return [[column.place, column.key, column.name, column.inode, len(column.sockets)] for column in columns]


def read_columns(described: Sequence[Sequence[Any]], descriptors: list[int]) -> list[Column]:
    """Return the columns of a message.

    :param descriptors: the sockets' descriptors come first, and are removed from the list.
    """
    columns = []
    for place, key, name, inode, count in described:
        sockets = [inherit(descriptors.pop(0)) for _ in range(count)]
        columns.append(Column(place, key, name, None if inode is None else tuple(inode), list(sockets)))
    return columns


def flatten(columns: Sequence[Column]) -> list[int]:
    """Return the descriptors of columns, in order."""
    return [sock.fileno() for column in columns for sock in column.sockets]

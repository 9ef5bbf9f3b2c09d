"""Checks that a message is of the kind that the receiver asks for."""

from .errors import UnfitMessage
from .frame_reader import UNSUPPORTED_DATA


def as_text(message: str | bytes) -> str:
    """Return a message that is a text.

    :raises UnfitMessage: if it is binary.
    """
    if isinstance(message, str):
        return message
    raise UnfitMessage(UNSUPPORTED_DATA, "a text is expected")


def as_binary(message: str | bytes) -> bytes:
    """Return a message that is binary.

    :raises UnfitMessage: if it is a text.
    """
    if isinstance(message, bytes):
        return message
    raise UnfitMessage(UNSUPPORTED_DATA, "a binary message is expected")

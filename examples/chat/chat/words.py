"""Checks of what visitors write: names of rooms, their own names, messages."""

import re

MAX_NAME = 40
MAX_TEXT = 1000

MAX_SIZE = 16 * 1024
"""Bytes of the largest message. A text of :data:`MAX_TEXT` characters fits, however its JSON escapes them."""

ROOM = re.compile(r"\w(?:[\w -]{0,38}\w)?")
"""The names of rooms. They are part of URLs; the page's form has the same rule."""

# Characters that a text may not have: control characters other than tabs and line breaks, and surrogates,
# which JSON can escape but UTF-8 cannot encode.
NO_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class Wrong(ValueError):
    """Invalid input. The text is for its author, and short enough for the reason of a close frame."""


def is_room(name: str) -> bool:
    """Return whether a room may have this name."""
    return ROOM.fullmatch(name) is not None


def read_name(value: str) -> str:
    """Return the name that a visitor chose.

    :raises Wrong: if it is empty or too long.
    """
    name = " ".join(NO_TEXT.sub(" ", value).split())
    if not name:
        raise Wrong("Please say who you are.")
    if len(name) > MAX_NAME:
        raise Wrong(f"A name has {MAX_NAME} characters at most.")
    return name


def read_text(message: object) -> str:
    """Return the text of a message, such as ``{"text": "hello"}``.

    :raises Wrong: if there is no text, or it is too long.
    """
    text = message.get("text") if isinstance(message, dict) else None
    if not isinstance(text, str):
        raise Wrong("A message is an object with a text.")
    text = NO_TEXT.sub("", text.replace("\r\n", "\n")).strip()
    if not text:
        raise Wrong("There is nothing in this message.")
    if len(text) > MAX_TEXT:
        raise Wrong(f"This has {len(text)} characters; {MAX_TEXT} are the most.")
    return text

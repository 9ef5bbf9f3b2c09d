"""Read the identifier of a refusal from the content of an answer by the server itself."""

import json
import re
from typing import Final

from kyoukai.core.errors import BadRequest

from .corpus import Expected

GENERAL: Final = BadRequest.identifier
"""The identifier for a parser error that says only that the message is malformed."""

IN_TEXT: Final = re.compile(rb" \(([a-z0-9-]+)\)\n\Z")

IN_HTML: Final = re.compile(rb"<p><code>([a-z0-9-]+)</code></p>\n</html>\n\Z")


def named_refusal(content: bytes) -> str | None:
    """Return the identifier in the content of an answer, or ``None`` if there is none."""
    match = IN_TEXT.search(content) or IN_HTML.search(content)
    if match is not None:
        return match[1].decode("ascii")
    try:
        name = json.loads(content)["refusal"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def refusal_faults(wanted: Expected, content: bytes, *, exactly: bool = False) -> list[str]:
    """Return what is wrong with the identifier of a refusal.

    A backend from another distribution may leave the identifier out, or use the general one of a malformed
    message.

    :param exactly: require the identifier of the case in every answer with content.
    """
    if wanted.refusal is None or not content:
        return []
    name = named_refusal(content)
    if name == wanted.refusal or (not exactly and name in (None, GENERAL)):
        return []
    return [f"it names the refusal {name!r}, expected {wanted.refusal!r}"]

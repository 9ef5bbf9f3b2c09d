"""Which refusal an answer names: the identifier that the server's own answers carry in their content."""

import json
import re
from typing import Final

from kyoukai.core.errors import BadRequest

from .corpus import Expected

GENERAL: Final = BadRequest.identifier
"""What a parser's error is refused as that says no more than that the message is malformed."""

IN_TEXT: Final = re.compile(rb" \(([a-z0-9-]+)\)\n\Z")

IN_HTML: Final = re.compile(rb"<p><code>([a-z0-9-]+)</code></p>\n</html>\n\Z")


def named_refusal(content: bytes) -> str | None:
    """Return the identifier in the content of an answer; ``None``: it names none."""
    match = IN_TEXT.search(content) or IN_HTML.search(content)
    if match is not None:
        return match[1].decode("ascii")
    try:
        name = json.loads(content)["refusal"]
    except (ValueError, KeyError, TypeError):
        return None
    return name if isinstance(name, str) else None


def refusal_faults(wanted: Expected, content: bytes, *, exactly: bool = False) -> list[str]:
    """Return what is wrong with the identifier in an answer by which the server refuses a request.

    A backend of another distribution may name none, or the general one of its status.

    :param exactly: whether it must be the one of the case, wherever the answer has content.
    """
    if wanted.refusal is None or not content:
        return []
    name = named_refusal(content)
    if name == wanted.refusal or (not exactly and name in (None, GENERAL)):
        return []
    return [f"it names the refusal {name!r}, and not {wanted.refusal!r}"]

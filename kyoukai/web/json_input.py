"""JSON as requests bring it: what ``json`` would return or raise, by fewer steps.

It has what Werkzeug asks of a request's ``json_module``: ``loads`` and ``dumps``.
"""

import json
from json import dumps
from typing import Any, Final

__all__ = ("dumps", "loads")

WHITE_SPACE: Final = " \t\n\r"
"""RFC 8259 section 2: ws."""

_decode: Final = json.JSONDecoder().raw_decode


def loads(data: str | bytes | bytearray, **options: Any) -> Any:
    """Return what :func:`json.loads` returns.

    :param options: those of :func:`json.loads`.
    :raises ValueError: as that does, if ``data`` is no JSON, or nested too deeply to be read.
    """
    try:
        # RFC 8259 section 8.1: JSON is UTF-8. The json module looks for other encodings, by the NULs that
        # they have among the first bytes, and twice for white space, which takes as long as a small document.
        if type(data) is bytes and data.startswith((b"{", b"[")) and data[1:2] != b"\0" and not options:
            text = data.decode("utf-8", "surrogatepass")
            value, end = _decode(text)
            if end == len(text) or not text[end:].strip(WHITE_SPACE):
                return value
        return json.loads(data, **options)
    except RecursionError:
        # The client chooses how deep its lists are: it is refused as for any other mistake.
        raise ValueError("the JSON is nested too deeply") from None

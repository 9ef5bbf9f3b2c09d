"""Parses JSON of requests: the same results and errors as :mod:`json`, in fewer steps.

It has the functions that Werkzeug expects of a request's ``json_module``: ``loads`` and ``dumps``.
"""

import json
from json import dumps
from typing import Any, Final

__all__ = ("dumps", "loads")

WHITE_SPACE: Final = " \t\n\r"
"""RFC 8259 section 2: ws."""

_decode: Final = json.JSONDecoder().raw_decode


def loads(data: str | bytes | bytearray, **options: Any) -> Any:
    """Return the result of :func:`json.loads`.

    :param options: options of :func:`json.loads`.
    :raises ValueError: if ``data`` is not JSON, or nested too deeply.
    """
    try:
        # RFC 8259 section 8.1: JSON is UTF-8. The json module checks for other encodings, by NULs in the
        # first bytes, and twice for white space, which takes as long as parsing a small document.
        if type(data) is bytes and data.startswith((b"{", b"[")) and data[1:2] != b"\0" and not options:
            text = data.decode("utf-8", "surrogatepass")
            value, end = _decode(text)
            if end == len(text) or not text[end:].strip(WHITE_SPACE):
                return value
        return json.loads(data, **options)
    except RecursionError:
        # The client chooses the depth of its lists: a malformed request like any other.
        raise ValueError("the JSON is nested too deeply") from None

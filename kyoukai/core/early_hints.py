"""103 Early Hints: fields of the answer that a client may act on before there is one (RFC 8297)."""

from collections.abc import Iterable, Mapping
from typing import Final

from werkzeug.datastructures import Headers

from .serialize import HOP_BY_HOP, InvalidResponseError, encode_lines, lowered_name

HintFields = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]
"""Fields of a hint: pairs of name and value, or a mapping from names to one value or several."""

# What says how a message is delimited. RFC 9110 section 8.6: "A server MUST NOT send a Content-Length
# header field in any response with a status code of 1xx"; section 6.5: it has no trailers either.
NEVER_HINTED: Final = HOP_BY_HOP | {"content-length", "trailer"}


def serialize_early_hints(fields: HintFields) -> bytes:
    """Return a 103 as it is sent; nothing, where there are no fields.

    :param fields: the fields to be hinted at.
    :raises InvalidResponseError: if one of them cannot be sent, or is no hint but about the connection
        or the framing.
    """
    lines: list[str] = []
    for name, value in _pairs(fields):
        if lowered_name(name) in NEVER_HINTED:
            raise InvalidResponseError(f"{name} is no field of an early hint: it is about the connection")
        lines.append(f"{name}: {value}")
    # RFC 9110 section 15.2: it ends with the header section.
    return encode_lines(["HTTP/1.1 103 Early Hints", *lines, ""]) if lines else b""


def _pairs(fields: HintFields) -> Iterable[tuple[str, str]]:
    """Return the fields one by one.

    :raises InvalidResponseError: if a value has CR, LF or NUL in it, or something is no str.
    """
    pairs: list[tuple[str, str]] = []
    try:
        # Werkzeug knows the shapes that fields come in.
        pairs.extend(Headers(fields))
    except (TypeError, ValueError) as exc:
        raise InvalidResponseError(f"an early hint is pairs of name and value: {exc}") from None
    for name, _ in pairs:
        if not isinstance(name, str):
            raise InvalidResponseError(f"the field name {name!r} is no str")
    return pairs

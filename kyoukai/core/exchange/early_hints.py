"""103 Early Hints: fields that a client may act on before the answer (RFC 8297)."""

from typing import Final

from ..semantics.field_pairs import FieldPairs, read_pairs
from ..semantics.serialize import HOP_BY_HOP, InvalidResponseError, encode_lines, lowered_name

# Fields of the message framing. RFC 9110 section 8.6: "A server MUST NOT send a Content-Length header
# field in any response with a status code of 1xx"; section 6.5: a 1xx has no trailers either.
NEVER_HINTED: Final = HOP_BY_HOP | {"content-length", "trailer"}


def read_early_hints(fields: FieldPairs) -> list[tuple[str, str]]:
    """Return the fields of a 103 one by one.

    :param fields: the fields to send.
    :raises InvalidResponseError: if one of them cannot be sent, or concerns the connection or the framing.
    """
    pairs = read_pairs("early hints", fields)
    for name, _ in pairs:
        if lowered_name(name) in NEVER_HINTED:
            raise InvalidResponseError(
                f"{name} cannot be an early hint: it concerns the connection or the framing"
            )
    encode_lines([f"{name}: {value}" for name, value in pairs])
    return pairs

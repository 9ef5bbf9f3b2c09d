"""Reading fields that an application passes without a response."""

from collections.abc import Iterable, Mapping

from werkzeug.datastructures import Headers

from .serialize import InvalidResponseError

FieldPairs = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]
"""Pairs of name and value, or a mapping from names to one or several values."""


def read_pairs(what: str, fields: FieldPairs) -> list[tuple[str, str]]:
    """Return fields one by one.

    :param what: what the fields are, for the message.
    :raises InvalidResponseError: if a value has CR or LF in it, or an item is not a pair of ``str``.
    """
    pairs: list[tuple[str, str]] = []
    try:
        # Werkzeug knows all shapes of fields.
        pairs.extend(Headers(fields))
    except (TypeError, ValueError) as exc:
        raise InvalidResponseError(f"{what} must be pairs of name and value: {exc}") from None
    for name, _ in pairs:
        if not isinstance(name, str):
            raise InvalidResponseError(f"{what} must be pairs of name and value; {name!r} is not a name")
    return pairs

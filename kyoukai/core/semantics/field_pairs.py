"""Fields as an application writes them where there is no response to set them on."""

from collections.abc import Iterable, Mapping

from werkzeug.datastructures import Headers

from .serialize import InvalidResponseError

FieldPairs = Mapping[str, str | Iterable[str]] | Iterable[tuple[str, str]]
"""Pairs of name and value, or a mapping from names to one value or several."""


def read_pairs(what: str, fields: FieldPairs) -> list[tuple[str, str]]:
    """Return fields one by one.

    :param what: what they are, for the message.
    :raises InvalidResponseError: if a value has CR or LF in it, or something is no pair of str.
    """
    pairs: list[tuple[str, str]] = []
    try:
        # Werkzeug knows the shapes that fields come in.
        pairs.extend(Headers(fields))
    except (TypeError, ValueError) as exc:
        raise InvalidResponseError(f"{what} must be pairs of name and value: {exc}") from None
    for name, _ in pairs:
        if not isinstance(name, str):
            raise InvalidResponseError(f"{what} must be pairs of name and value; {name!r} is no name")
    return pairs

"""The encoder of an application's JSON answers."""

import importlib
from collections.abc import Callable
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.extras import extra_command

from .calling import check_call, describe
from .responses import encode_json

JSONEncoder = Callable[[Any], bytes | str]

LIBRARIES: Final = ("orjson", "msgspec")
"""Libraries that can be named; each is an extra of the same name."""


def choose_encoder(chosen: JSONEncoder | str | None) -> Callable[[Any], bytes]:
    """Return the function that makes JSON.

    :param chosen: ``None``: the standard library's; ``"orjson"`` or ``"msgspec"``; or a function that returns
        JSON as ``bytes`` or ``str``.
    :raises ConfigurationError: if it is none of these, or the library is not installed.
    """
    if chosen is None:
        return encode_json
    if isinstance(chosen, str):
        return _encoder_of(chosen)
    check_call("json_encoder", chosen, ("value",))

    def encode(value: Any) -> bytes:
        encoded = chosen(value)
        if isinstance(encoded, str):
            return encoded.encode()
        if isinstance(encoded, bytes):
            return encoded
        raise TypeError(f"{describe(chosen)} returned {encoded!r:.80}; JSON must be bytes or a str")

    return encode


def _encoder_of(name: str) -> Callable[[Any], bytes]:
    if name not in LIBRARIES:
        known = " or ".join(map(repr, LIBRARIES))
        raise ConfigurationError(f"json_encoder must be a function, {known}, not {name!r}")
    try:
        library = importlib.import_module("msgspec.json" if name == "msgspec" else name)
    except ImportError as exc:
        raise ConfigurationError(
            f"json_encoder is {name!r}, which cannot be imported ({exc}): {extra_command(name)}"
        ) from exc
    encode: Callable[[Any], bytes]
    if name == "msgspec":
        encode = library.Encoder().encode
    else:
        option = library.OPT_NON_STR_KEYS

        # The standard library accepts numbers as keys.
        def encode(value: Any) -> bytes:
            encoded: bytes = library.dumps(value, None, option)
            return encoded

    return encode

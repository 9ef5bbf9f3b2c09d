"""Stopping behind a request that offers an upgrade (RFC 9110 section 7.8)."""

from collections.abc import Mapping, Sequence

from .grammar import connection_options


class UpgradeOffered(Exception):
    """The parser has stopped behind a request that offers an upgrade and has no body.

    What follows may be in the other protocol. If it is not, it can be fed again.

    :ivar rest: what was fed and has not been parsed.
    """

    def __init__(self, rest: bytes) -> None:
        super().__init__(rest)
        self.rest = rest


def offers_upgrade(version: bytes, fields: Mapping[bytes, Sequence[bytes]]) -> bool:
    """Return whether the client offers another protocol.

    "A server MUST ignore an Upgrade header field that is received in an HTTP/1.0 request", and "a
    sender of Upgrade MUST also send an "Upgrade" connection option".

    :param version: ``b"1.1"``.
    :param fields: the values of the fields that matter, by their names in lower case.
    """
    return (
        b"upgrade" in fields
        and version != b"1.0"
        and b"upgrade" in connection_options(fields.get(b"connection", ()))
    )

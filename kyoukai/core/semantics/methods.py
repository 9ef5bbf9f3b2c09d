"""Request methods (RFC 9110 section 9): the registered ones, and those that a server serves."""

import re
from collections.abc import Collection, Container
from typing import Final

from ..errors import refused
from .grammar import MAX_METHOD_SIZE, TOKEN

# RFC 9110 section 16.1.1 and the IANA HTTP Method Registry. The registry also reserves `*` and PRI, which
# no request may use.
# fmt: off
METHODS: Final = frozenset(
    {
        "ACL", "BASELINE-CONTROL", "BIND", "CHECKIN", "CHECKOUT", "CONNECT", "COPY", "DELETE", "GET",
        "HEAD", "LABEL", "LINK", "LOCK", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL",
        "MKREDIRECTREF", "MKWORKSPACE", "MOVE", "OPTIONS", "ORDERPATCH", "PATCH", "POST", "PROPFIND",
        "PROPPATCH", "PUT", "QUERY", "REBIND", "REPORT", "SEARCH", "TRACE", "UNBIND", "UNCHECKOUT",
        "UNLINK", "UNLOCK", "UPDATE", "UPDATEREDIRECTREF", "VERSION-CONTROL",
    }
)
# fmt: on

REGISTERED: Final = METHODS - {"CONNECT"}
"""The registered methods, which a server serves whatever its application declares."""

SERVED_METHODS: Final = frozenset(method.encode() for method in REGISTERED)
"""The same methods as bytes."""

ALL: Final = "*"
"""An application declares this to be served every method."""

USUAL_METHODS: Final = frozenset({b"GET", b"HEAD", b"POST", b"PUT", b"PATCH", b"DELETE", b"OPTIONS"})
"""The methods that every parser knows."""

# Never served, even if declared: see above, and check_method.
RESERVED: Final = frozenset({"*", "PRI", "CONNECT"})

# Werkzeug's routes do not distinguish case, as RFC 9110 section 9.1 requires. If methods in small letters
# were served, a filter for GET would miss a get.
DECLARABLE: Final = re.compile(rb"(?=[^a-z]{1,%d}\Z)%b" % (MAX_METHOD_SIZE, TOKEN))


class EveryMethod(Container[bytes]):
    """Contains every method that may be declared."""

    def __contains__(self, method: object) -> bool:
        return isinstance(method, bytes) and may_be_declared(method.decode("latin-1"))


def may_be_declared(method: str) -> bool:
    """Return whether an application may declare ``method``, given in capitals."""
    sent = method.encode("latin-1", "replace")
    return method not in RESERVED and DECLARABLE.fullmatch(sent) is not None


def served_methods(declared: Collection[str]) -> Container[bytes]:
    """Return the methods that a server serves.

    :param declared: the application's methods besides the registered ones, in capitals; :data:`ALL` stands
        for every method.
    """
    if ALL in declared:
        return EveryMethod()
    return SERVED_METHODS | {method.encode() for method in declared if may_be_declared(method)}


def check_method(method: bytes, served: Container[bytes] = SERVED_METHODS) -> None:
    """Check the method.

    :raises BadRequest: if it is not a token (section 9.1), which a wire without a request line can send.
    :raises NotImplementedByServer: if it is not served (RFC 9110 section 9.1), or is CONNECT: an
        origin server makes no tunnels (section 9.3.6).
    """
    if method == b"CONNECT":
        raise refused("connect-not-served")
    if method not in served:
        if re.fullmatch(TOKEN, method) is None:
            raise refused("bare-cr" if b"\r" in method else "method-malformed")
        raise refused("method-unknown")

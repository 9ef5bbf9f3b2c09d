"""Backends that break the rules of the lower storey."""

import weakref
from typing import Any, ClassVar

from kyoukai import HTTP1_FEATURES, HTTP1Backend
from kyoukai.backends.reference import KyoukaiProtocol


class Sound(HTTP1Backend):
    """What the mutants derive from; it keeps all rules."""

    api_version = 1
    protocol_class = KyoukaiProtocol


class NeedsAnOption(Sound):
    """It cannot be made without an option."""

    def __init__(self, *, path: str) -> None:
        super().__init__()


class OfALaterVersion(Sound):
    """It claims a version that no release supports."""

    api_version = 99


class ClaimsWhatNobodyKnows(Sound):
    """It claims a feature that is neither known nor its own."""

    features = frozenset({*HTTP1_FEATURES, "quick"})


class OffersOneString(Sound):
    """Its ALPN names are a string, and so one of each letter."""

    alpn_protocols = "http/1.1"  # type: ignore[assignment]


class BeginsAsHTTP(Sound):
    """Its preface takes requests from backends for HTTP/1."""

    preface = b"GET / "


class BeginsWithAText(Sound):
    """Its preface can be the start of nothing that is received."""

    preface = "PRI * HTTP/2.0"  # type: ignore[assignment]


class BeginsOtherwise(Sound):
    """Its connections do not begin with its preface."""

    preface = b"PRI * HTTP/2.0\r\n"


class TakesEveryOption(Sound):
    """It swallows options that it does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__()


class HandsOutOneTwice(Sound):
    """It hands the last connection out again, as long as that is not connected."""

    last: Any = None

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        if self.last is None or self.last() is None or hasattr(self.last(), "transport"):
            protocol = super().create_protocol(component, context, ip, port)
            self.last = weakref.ref(protocol)
            return protocol
        return self.last()


class KnowsNoUnixSocket(Sound):
    """It takes no port for an error."""

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        if not port:
            raise ValueError("there is no port")
        return super().create_protocol(component, context, ip, port)


class ServesForTheFirst(Sound):
    """All servers of a process serve for the first of those that run."""

    first: ClassVar[Any] = None

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        cls = ServesForTheFirst
        if cls.first is None or cls.first.server.stopping:
            cls.first = component
        return super().create_protocol(cls.first, context, ip, port)


class Silent(Sound):
    __doc__ = None

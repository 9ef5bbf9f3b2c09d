"""Backends that are broken where the corpus, or the comparison with the reference, alone finds it."""

from typing import Any

from kyoukai.backends.reference import KyoukaiProtocol
from kyoukai.core.http1.exchange import HTTP1Exchange

from .parsers import Calls, by_calls
from .upper import mutant


class _Silent(HTTP1Exchange):
    def send_continue(self) -> None:
        """Do nothing."""


@mutant
class NeverContinues(KyoukaiProtocol):
    """A client that waits for 100 Continue waits in vain."""

    exchange_class = _Silent


@by_calls
class TakesUnderscores(Calls):
    """It takes an underscore in the name of a field for a dash."""

    def on_header(self, name: bytes, value: bytes) -> None:
        self.protocol.on_header(name.replace(b"_", b"-"), value)


@mutant
class AddsAField(KyoukaiProtocol):
    """Its answers have a field of its own."""

    def write_response(self, response: Any, fake_environ: dict[str, Any]) -> Any:
        response.headers["X-Mutant"] = "1"
        return super().write_response(response, fake_environ)

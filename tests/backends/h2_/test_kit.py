"""The rules of the contract, by the kit; and that they find each fault that could be made here."""

from collections.abc import Sequence
from typing import Any

import pytest

from kyoukai import AnswerHead, Exchange, ExchangeConnection
from kyoukai.backends.h2_ import backend, events
from kyoukai.backends.h2_.connection import H2ServerConnection
from kyoukai.backends.h2_.exchange import H2Exchange
from kyoukai.testing import BackendSuite
from kyoukai.testing.report import run_rule
from kyoukai.testing.rules import load_rules
from kyoukai.testing.subject import Subject

Fields = Sequence[tuple[str, str]]


class TestH2Backend(BackendSuite):
    """The rules that hold for this wire. The corpus is of HTTP/1."""

    backend = "h2"
    corpus = ()


class LosesTheEndOfABody(H2Exchange):
    """K10.2"""

    def receive_body(self, data: bytes) -> None:
        super().receive_body(data[:-1])


class NeverTellsTheEndOfABody(H2Exchange):
    """K10.2"""

    def receive_end(self, trailers: Any = ()) -> None:
        pass


class LosesTrailers(H2Exchange):
    """K10.5"""

    def receive_end(self, trailers: Any = ()) -> None:
        super().receive_end()


class LosesTheEndOfAnAnswer(H2Exchange):
    """K10.8"""

    def send_end(self, data: bytes = b"", trailers: Fields = ()) -> None:
        super().send_end(data[:-1], trailers)


class LosesTrailersOfAnswers(H2Exchange):
    """K2.8"""

    def send_end(self, data: bytes = b"", trailers: Fields = ()) -> None:
        super().send_end(data)


class SendsNoHints(H2Exchange):
    """K2.7"""

    def send_informational(self, status: str, fields: Fields) -> bool:
        return True


class NeverEndsAnAnswer(H2Exchange):
    """K10.9"""

    def send_end(self, data: bytes = b"", trailers: Fields = ()) -> None:
        if data:
            self.send_data(data)


class SendsContentToHead(H2Exchange):
    """K10.10"""

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        super().send_whole(head, b"content" if self.head.method == "HEAD" else content)


class IgnoresThePause(H2Exchange):
    """K10.13"""

    def pause_client(self) -> None:
        pass


class NeverResumes(H2Exchange):
    """K10.14"""

    def resume_client(self) -> None:
        pass


class ForgetsTheReset(H2Exchange):
    """K10.12"""

    def reset(self) -> None:
        self.send_end()


class TellsTheKey(H2Exchange):
    """K11.1"""

    def send_tunnel_head(self, protocol: str, fields: Fields) -> int:
        return super().send_tunnel_head(protocol, fields[:-1])


class IgnoresTheTransportsPause(H2ServerConnection):
    """K8.2"""

    def pause_writing(self) -> None:
        pass


class ForgetsThatTimePasses(H2ServerConnection):
    """K10.19"""

    def sweep(self, now: float) -> None:
        pass


class ForgetsItsClient(H2ServerConnection):
    """K8.3"""

    def connection_lost(self, exc: Exception | None) -> None:
        self.exchanges = ()
        super().connection_lost(exc)


class ForgetsAStop(H2ServerConnection):
    """K6.1"""

    def shutdown(self) -> None:
        pass


class ClosesAtAStop(H2ServerConnection):
    """K6.2"""

    def shutdown(self) -> None:
        self.close()


FAULTS = [
    fault
    for fault in list(globals().values())
    if isinstance(fault, type)
    and issubclass(fault, Exchange | ExchangeConnection)
    and fault.__module__ == __name__
]


RULES = {rule.id: rule for rule in load_rules()}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_kit_finds(fault: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule of its docstring is broken, and none of those that would be the cause of that."""
    module = events if issubclass(fault, Exchange) else backend
    monkeypatch.setattr(module, fault.__mro__[1].__name__, fault)
    rule, subject = RULES[str(fault.__doc__)], Subject("h2")
    assert run_rule(rule, subject).outcome == "broken"
    assert [name for name in rule.after if run_rule(RULES[name], subject).outcome == "broken"] == []

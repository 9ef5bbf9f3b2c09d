"""Run the rules of the kit, and check that they find typical mistakes of an author."""

from collections.abc import Sequence

import kyoukai_scgi
import pytest
from kyoukai_scgi import SCGIConnection, SCGIExchange

from kyoukai import AnswerHead
from kyoukai.testing import BackendSuite, run_rules

Fields = Sequence[tuple[str, str]]


class TestSCGIBackend(BackendSuite):
    """The rules for this wire. One of them runs the corpus, except for cases about bytes of HTTP/1."""

    backend = "scgi"
    corpus = ()


class LosesTheEndOfABody(SCGIExchange):
    """K10.2"""

    def receive_body(self, data: bytes) -> None:
        super().receive_body(data[:-1])


class NeverTellsTheEndOfABody(SCGIExchange):
    """K10.2"""

    def receive_end(self, trailers: Sequence[tuple[bytes, bytes]] = ()) -> None:
        pass


class LosesTheEndOfAnAnswer(SCGIExchange):
    """K10.8"""

    def send_end(self, data: bytes = b"", trailers: Fields = ()) -> None:
        super().send_end(data[:-1])


class AnswersTwice(SCGIExchange):
    """K10.7"""

    def send_whole(self, head: AnswerHead, content: bytes) -> None:
        super().send_whole(head, content)
        super().send_whole(head, content)


class IgnoresThePause(SCGIExchange):
    """K10.13"""

    def pause_client(self) -> None:
        pass


class NeverResumes(SCGIExchange):
    """K10.14"""

    def resume_client(self) -> None:
        pass


class IgnoresTheTransportsPause(SCGIConnection):
    """K8.2"""

    def pause_writing(self) -> None:
        pass


class ForgetsTheReset(SCGIExchange):
    """K10.12"""

    def reset(self) -> None:
        self.owner.close()


class NeverEnds(SCGIExchange):
    """K10.9"""

    def answered(self) -> None:
        pass


class DestroysItsAnswer(SCGIExchange):
    """K10.18"""

    def answered(self) -> None:
        self.owner.close()


class ForgetsThatTimePasses(SCGIConnection):
    """K10.19"""

    def sweep(self, now: float) -> None:
        pass


class ForgetsItsClient(SCGIConnection):
    """K8.3"""

    def connection_lost(self, exc: Exception | None) -> None:
        self.exchanges = ()
        super().connection_lost(exc)


class ForgetsAStop(SCGIConnection):
    """K6.1"""

    def shutdown(self) -> None:
        pass


FAULTS = [
    LosesTheEndOfABody,
    NeverTellsTheEndOfABody,
    LosesTheEndOfAnAnswer,
    AnswersTwice,
    IgnoresThePause,
    NeverResumes,
    IgnoresTheTransportsPause,
    ForgetsTheReset,
    NeverEnds,
    DestroysItsAnswer,
    ForgetsThatTimePasses,
    ForgetsItsClient,
    ForgetsAStop,
]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_kit_finds(fault: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule in the docstring is broken, and causes every other broken rule."""
    monkeypatch.setattr(kyoukai_scgi, fault.__mro__[1].__name__, fault)
    report = run_rules("scgi", corpus=False)
    assert not report.passed
    broken = {result.rule.id: result.cause for result in report.results if result.outcome == "broken"}
    assert fault.__doc__ in broken
    assert {rule for rule, cause in broken.items() if not cause} == {fault.__doc__}, broken

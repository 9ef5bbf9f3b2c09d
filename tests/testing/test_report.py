"""What :func:`run_rules` tells, and what it skips and why."""

import asyncio
import json
import re
import signal
import subprocess
import sys
from typing import Any

import pytest

import kyoukai.testing
from kyoukai import HTTP1_FEATURES, Backend
from kyoukai.backends.reference import KyoukaiProtocol
from kyoukai.backends.reference.parser import RequestParser
from kyoukai.testing import report as reporting
from kyoukai.testing import run_rules
from kyoukai.testing import subject as testing_subject
from kyoukai.testing.checks import load_checks
from kyoukai.testing.report import OUTCOMES, Report, RuleResult, run_rule
from kyoukai.testing.rules import load_rules
from kyoukai.testing.subject import Subject

from .mutants import lower

RULES = {rule.id: rule for rule in load_rules()}


class Fixed(asyncio.Protocol):
    """A connection of the lower storey."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        self.transport.close()


class FixedBackend(Backend):
    """It answers the same to everything."""

    api_version = 1

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> asyncio.Protocol:
        return Fixed()


class WithoutTrailers(lower.Sound):
    """It claims less."""

    features = HTTP1_FEATURES - {"trailers"}


class MadeWithoutTrailers(lower.Sound):
    """It says what it can when it is made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.features = HTTP1_FEATURES - {"trailers"}


class MadeWithNumbers(lower.Sound):
    """It gets features that are none when it is made."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.features = frozenset({*HTTP1_FEATURES, 5})  # type: ignore[arg-type]


def outcomes(report: Report) -> dict[str, str]:
    return {result.rule.id: result.outcome for result in report.results}


def test_the_report_of_a_sound_backend() -> None:
    seen: list[tuple[int, int]] = []
    report = run_rules("reference", progress=lambda done, total: seen.append((done, total)), corpus=False)
    assert report.passed
    assert report.backend == "reference"
    assert [result.rule for result in report.results] == list(load_rules())
    total = len(load_rules())
    assert seen == [(done, total) for done in range(total + 1)]
    document = json.loads(json.dumps(report.to_json()))
    assert document["passed"] is True
    assert document["counts"]["required"]["broken"] == 0
    assert sum(sum(counts.values()) for counts in document["counts"].values()) == total
    assert {result["outcome"] for result in document["results"]} <= set(OUTCOMES)
    assert document["results"][0]["rule"] == "K1.1"


def test_the_report_of_a_broken_backend() -> None:
    report = run_rules(f"{lower.__name__}:ClaimsWhatNobodyKnows", corpus=False)
    assert not report.passed
    assert report.count("broken") == report.count("broken", "required") == 1
    [broken] = [result for result in report.results if result.outcome == "broken"]
    assert broken.message == "'quick' is not a feature"
    assert broken.expected == "a known one or `package.feature`"


def test_an_optional_rule_is_no_failure() -> None:
    report = run_rules(f"{lower.__name__}:Silent", corpus=False)
    assert report.passed
    assert report.count("broken", "optional") == 1


def test_the_lower_storey_keeps_its_rules_and_the_others_are_not_checked() -> None:
    report = run_rules(f"{__name__}:FixedBackend")
    assert report.passed
    for result in report.results:
        if result.rule.level == "untestable":
            assert result.outcome == "untestable"
        elif result.rule.storey == "Backend":
            assert result.outcome == "kept"
        elif result.rule.storey == "HTTPProtocol":
            assert result.outcome == "inapplicable"
            assert result.message == "the backend's connections do not derive from HTTPProtocol"
        elif result.rule.feature is not None:
            assert result.outcome == "inapplicable"
        else:
            assert (result.outcome, result.message) == ("unchecked", testing_subject.NO_ADAPTER)


def test_features_that_it_gets_when_it_is_made_are_looked_at() -> None:
    result = run_rule(load_rules()[2], Subject(MadeWithNumbers))
    assert (result.rule.id, result.outcome, result.message) == ("K1.3", "broken", "5 is not a feature")


@pytest.mark.parametrize("name", ["WithoutTrailers", "MadeWithoutTrailers"])
def test_a_feature_that_is_not_claimed_does_not_apply(name: str) -> None:
    report = run_rules(f"{__name__}:{name}", corpus=False)
    reasons = {
        result.rule.id: result.message for result in report.results if result.outcome == "inapplicable"
    }
    reason = "the backend does not claim the feature 'trailers'"
    assert reasons == {"K3.6": reason, "K10.5": reason}


@pytest.mark.parametrize("name", ["no-such-backend", "no_such_module:Backend", "json:dumps"])
def test_non_backend_breaks_the_first_rule(name: str) -> None:
    report = run_rules(name)
    assert not report.passed
    assert outcomes(report)["K1.1"] == "broken"
    assert {outcome for rule, outcome in outcomes(report).items() if rule not in ("K1.1", "K1.2")} == {
        "unchecked",
        "untestable",
    }


def test_a_class_can_be_given() -> None:
    subject = Subject(FixedBackend)
    assert subject.backend_class is FixedBackend
    assert run_rule(RULES["K1.7"], subject).outcome == "kept"


def test_a_check_that_does_not_end_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(subject: Subject) -> None:
        await asyncio.Event().wait()

    monkeypatch.setitem(load_checks(), "K1.3", never)  # type: ignore[arg-type]
    monkeypatch.setattr(reporting, "CHECK_TIMEOUT", 0.3)
    monkeypatch.setenv("KYOUKAI_TIMEOUT_SCALE", "0.1")
    result = run_rule(RULES["K1.3"], Subject("reference"))
    assert result == RuleResult(RULES["K1.3"], "broken", "the check did not finish within 0.03 seconds")


def test_a_check_that_fails_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(subject: Subject) -> None:
        raise LookupError("nothing")

    monkeypatch.setitem(load_checks(), "K1.3", fail)  # type: ignore[arg-type]
    result = run_rule(RULES["K1.3"], Subject("reference"))
    assert (result.outcome, result.message) == ("broken", "the check raised LookupError: nothing")


class EndlessParser(RequestParser):
    """It reads the same bytes for ever."""

    def feed_data(self, data: bytes, /) -> None:
        while data:
            pass


class EndlessProtocol(KyoukaiProtocol):
    """Its parser never returns."""

    def make_parser(self) -> Any:
        return EndlessParser(self)


class Endless(lower.Sound):
    """Its parser never returns."""

    protocol_class = EndlessProtocol


class EndlessToConnect(lower.Sound):
    """Its connections are never made."""

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        while True:
            pass


@pytest.mark.parametrize("backend", [Endless, EndlessToConnect])
def test_a_backend_that_never_returns_is_interrupted(
    backend: type[Backend], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "STUCK_TIMEOUT", 0.05)
    monkeypatch.setattr(testing_subject, "STUCK_TIMEOUT", 0.05)
    subject = Subject(backend)
    result = run_rule(RULES["K1.7"], subject)
    assert result.outcome == "broken"
    assert re.fullmatch(
        rf"the event loop was blocked for 0\.05 seconds, in {re.escape(__file__)}, line \d+", result.message
    )
    # What keeps all else from being looked at is looked at once.
    rule = run_rule(RULES["K3.1"], subject)
    if backend is Endless:
        assert rule.outcome == "broken"
    else:
        assert rule.message == "no connection can be created: the event loop was blocked for too long"
    # The process has its signal back.
    assert signal.getsignal(signal.SIGALRM) is signal.SIG_DFL
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_a_signal_that_is_in_use_is_left_alone() -> None:
    signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        assert run_rule(RULES["K1.7"], Subject("reference")).outcome == "kept"
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)


class Featureless(lower.Sound):
    """Its features are no collection."""

    features = None  # type: ignore[assignment]


def test_invalid_features_break_a_rule_and_claim_nothing() -> None:
    report = run_rules(f"{__name__}:Featureless", corpus=False)
    [broken] = [result for result in report.results if result.outcome == "broken"]
    assert (broken.rule.id, broken.message) == ("K1.3", "features is a NoneType")
    assert outcomes(report)["K3.6"] == "inapplicable"


class Leaving(lower.Sound):
    """It ends the process, as if all were well, when a connection comes."""

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        sys.exit(0)


class LeavingAtOnce(lower.Sound):
    """It ends the process when it is made."""

    def __init__(self, **options: Any) -> None:
        sys.exit(0)


class LeavingInTranslation(lower.Sound):
    """It ends the process when an exception is translated."""

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> Any:
        protocol: Any = super().create_protocol(component, context, ip, port)
        protocol.parser_errors = (ValueError,)
        protocol.translate_exception = lambda exc: sys.exit(0)
        return protocol


@pytest.mark.parametrize(
    ("backend", "broken"), [(Leaving, "K1.6"), (LeavingAtOnce, "K1.1"), (LeavingInTranslation, "K4.1")]
)
def test_a_backend_that_exits_is_broken(backend: type[Backend], broken: str) -> None:
    report = run_rules(f"{__name__}:{backend.__name__}", corpus=False)
    [result] = [result for result in report.results if result.rule.id == broken]
    assert (result.outcome, result.message) == ("broken", "the check raised SystemExit: 0")
    assert not report.passed


@pytest.mark.parametrize("value", ["0", "-1", "nan", "soon"])
def test_a_scale_that_is_none_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("KYOUKAI_TIMEOUT_SCALE", value)
    message = rf"KYOUKAI_TIMEOUT_SCALE is '{re.escape(value)}'; it must be a number above zero"
    with pytest.raises(ValueError, match=message):
        Subject("reference")


def test_the_rules_need_neither_pytest_nor_hypothesis() -> None:
    code = (
        "import sys\n"
        "sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
        "import kyoukai.testing\n"
        "assert 'kyoukai.testing.suite' not in sys.modules\n"
        "if not kyoukai.testing.run_rules('reference', corpus=False).passed: sys.exit(2)\n"
        "try:\n"
        "    kyoukai.testing.BackendSuite\n"
        "except ImportError:\n"
        "    sys.exit(3)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=120).returncode == 3


def test_the_face_has_the_suite_and_nothing_else_lazily() -> None:
    assert kyoukai.testing.BackendSuite.__module__ == "kyoukai.testing.suite"
    with pytest.raises(AttributeError, match="has no attribute 'Suite'"):
        _ = kyoukai.testing.Suite  # type: ignore[attr-defined]

"""How the kit finds the adapter of a wire, and what it says where there is none."""

import asyncio
from typing import Any

import pytest

from kyoukai import Backend
from kyoukai.testing import WireAdapter, WireAnswer, run_rules
from kyoukai.testing.http1_adapter import HTTP1Adapter
from kyoukai.testing.report import run_rule
from kyoukai.testing.rules import load_rules
from kyoukai.testing.subject import AdapterError, Subject, read_adapter

from ..test_cli import invoke

pytestmark = pytest.mark.usefixtures("little_patience")

RULES = {rule.id: rule for rule in load_rules()}


class Echo(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class EchoBackend(Backend):
    """It sends back what it gets."""

    api_version = 1

    def create_protocol(self, component: Any, context: Any, ip: str, port: int) -> asyncio.Protocol:
        return Echo()


class Lines(WireAdapter):
    """Its answers are what it has sent."""

    def encode_head(self, method: str, target: str, fields: Any, size: int | None) -> bytes:
        return f"{method} {target}\n".encode()

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        return WireAnswer(200, (), data, True) if data else None


class Unfinished(WireAdapter):
    """It cannot read answers."""

    def encode_head(self, method: str, target: str, fields: Any, size: int | None) -> bytes:
        return b""


class Raising(Lines):
    """It fails when it reads."""

    def decode_answer(self, data: bytes, ended: bool) -> WireAnswer | None:
        raise LookupError("no frame")


class Tunnels(Lines):
    """It asks for tunnels."""

    def encode_tunnel(self, protocol: str, target: str, fields: Any) -> bytes:
        return f"TUNNEL {protocol}\n".encode()


class ClaimsTunnels(EchoBackend):
    """It claims what it does not do."""

    features = frozenset({"tunnel"})


class Named(EchoBackend):
    """It names its adapter."""

    testing_adapter = f"{__name__}:Lines"


class NamesNone(EchoBackend):
    """It names an adapter that there is not."""

    testing_adapter = f"{__name__}:Nothing"


def test_subclass_of_httpprotocol_needs_no_adapter() -> None:
    assert Subject("reference").adapter is HTTP1Adapter


def test_it_is_named_by_the_backend_or_given() -> None:
    assert Subject(Named).adapter is Lines
    assert Subject(EchoBackend, adapter=Lines).adapter is Lines
    assert Subject(Named, adapter=f"{__name__}:Raising").adapter is Raising
    assert Subject(EchoBackend).adapter is None


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ("no_such_module:Adapter", "testing_adapter is 'no_such_module:Adapter': No module named"),
        ("Adapter", "'Adapter' is not of the form module:attribute"),
        (f"{__name__}:Nothing", "has no attribute 'Nothing'"),
        (f"{__name__}:RULES", "must be a subclass of kyoukai.testing.WireAdapter"),
        (Unfinished, "must be a subclass of kyoukai.testing.WireAdapter"),
    ],
)
def test_invalid_adapter_is_refused(named: Any, message: str) -> None:
    with pytest.raises(AdapterError, match=message):
        read_adapter(named)


def test_a_name_that_leads_nowhere_is_why_rules_are_not_checked() -> None:
    result = run_rule(RULES["K10.1"], Subject(NamesNone))
    assert result.outcome == "unchecked"
    assert result.message.endswith("has no attribute 'Nothing'")


def test_report_without_an_adapter_says_how_to_write_one() -> None:
    result = run_rule(RULES["K10.1"], Subject(EchoBackend))
    assert result.outcome == "unchecked"
    assert "write a kyoukai.testing.WireAdapter" in result.message


def test_without_a_tunnel_it_says_how_to_have_one() -> None:
    """The other rules of the wire are checked."""
    for adapter, outcome in ((Lines, "unchecked"), (Tunnels, "broken")):
        subject = Subject(ClaimsTunnels, adapter=adapter)
        results = [run_rule(rule, subject) for rule in RULES.values() if rule.feature == "tunnel"]
        assert len(results) > 1
        assert {result.outcome for result in results} == {outcome}
        assert run_rule(RULES["K10.1"], subject).outcome == "broken"
        if outcome == "unchecked":
            assert all("define its encode_tunnel" in result.message for result in results)


def test_a_wire_that_does_not_claim_tunnels_has_no_rules_about_them() -> None:
    results = [run_rule(rule, Subject(Named)) for rule in RULES.values() if rule.feature == "tunnel"]
    assert {result.message for result in results} == {"the backend does not claim the feature 'tunnel'"}


def test_adapter_reads_tunnels_like_answers_by_default() -> None:
    adapter = Lines()
    assert adapter.decode_tunnel(b"x", False) == adapter.decode_answer(b"x", False)
    with pytest.raises(NotImplementedError, match="Lines does not define encode_tunnel"):
        adapter.encode_tunnel("echo", "/", ())


def test_raising_adapter_is_reported() -> None:
    report = run_rules(f"{__name__}:EchoBackend", adapter=Raising, corpus=False)
    broken = {result.rule.id: result for result in report.results if result.outcome == "broken"}
    assert broken["K10.1"].message.startswith("the adapter raised LookupError('no frame')")
    assert broken["K1.7"].cause == ""
    assert {broken[rule].cause for rule in ("K10.1", "K10.7", "K10.8", "K10.16")} == {"K1.7"}


def test_wire_without_calls_is_broken() -> None:
    report = run_rules(f"{__name__}:Named", corpus=False)
    broken = {result.rule.id: result.message for result in report.results if result.outcome == "broken"}
    assert broken["K10.1"].startswith("the application was not called; the client got 200 with ")
    assert not report.passed


def test_command_takes_an_adapter() -> None:
    result = invoke("check", f"{__name__}:EchoBackend", "--no-corpus", "--adapter", f"{__name__}:Lines")
    assert result.exit_code == 1
    assert "BROKEN          K10.1" in result.stdout
    refused = invoke("check", "reference", "--no-corpus", "--adapter", "no_such_module:Adapter")
    assert refused.exit_code == 2
    assert "testing_adapter is 'no_such_module:Adapter': No module named 'no_such_module'" in refused.stderr

"""The corpus by adapters: the requests of its cases mean the same on every wire."""

import asyncio
import dataclasses
from collections.abc import Iterator
from typing import Any

import pytest
from framed_adapter import FramedAdapter

from kyoukai.testing import WireDifference, load_corpus
from kyoukai.testing.adapter import UnsayableError
from kyoukai.testing.corpus import load_files
from kyoukai.testing.http1_adapter import HTTP1Adapter
from kyoukai.testing.report import run_rule
from kyoukai.testing.rules import load_rules
from kyoukai.testing.silence import silenced
from kyoukai.testing.subject import Subject
from kyoukai.testing.telling import UntoldError
from kyoukai.testing.wire_corpus import CONNECTION, NO_SIZE, tellings
from kyoukai.testing.wire_runner import WireReport, run_wire_corpus

from .mutants import wire

CASES = {case.name: case for case in load_corpus()}
RULE = next(rule for rule in load_rules() if rule.id == "K9.5")

pytestmark = pytest.mark.usefixtures("little_patience")


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    with silenced():
        yield


def run(backend: str, cases: Any, *, whole: bool = True, adapter: Any = None) -> WireReport:
    subject = Subject(backend, adapter=adapter)
    # Both are found out outside of a loop.
    assert subject.features is not None
    assert subject.adapter is not None
    return asyncio.run(run_wire_corpus(subject, tuple(cases), 1, whole=whole))


# HTTP/1's own adapter shows that what is read of a case is what it says: by it, each is kept.
@pytest.mark.parametrize("backend", ["httptools", "reference", "h2", "framed_backend:FramedBackend"])
def test_every_case_that_a_wire_can_carry_is_kept(backend: str) -> None:
    report = run(backend, CASES.values(), whole=False)
    assert [failure for _, failure in report.broken] == []
    assert report.unshown == []
    differing = {name for names in report.differing.values() for name in names}
    assert {*report.kept} | {*report.untold} | differing == {*CASES}
    assert len(report.kept) > 350
    assert report.conversations > 1500


# What is told


def told(name: str, **options: Any) -> Any:
    return tellings(CASES[name], **options)


def test_each_request_that_is_answered_is_told_by_itself() -> None:
    first, second, *others = told("pipelined-bodies")
    assert [first.request.target, second.request.target] == ["/1", "/2"]
    assert second.request.trailers == (("X-T", "2"),)
    assert {telling.expected.status for telling in (first, second, *others)} == {200}
    assert len(others) == len(CASES["pipelined-bodies"].answers) - 2


def test_unanswered_request_behind_another_is_not_sent() -> None:
    [telling] = told("refused-then-request")
    assert telling.expected.status == 400


def test_the_end_of_the_client_is_that_of_its_last_request() -> None:
    ends = [telling.request.ending for telling in told("end-after-several-requests")]
    assert ends[:-1] == [None] * (len(ends) - 1)
    assert ends[-1] is CASES["end-after-several-requests"].ending


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("end-before-anything", {}, "an incomplete head"),
        ("refused-by-request-line-then-request", {}, "a request line without exactly three words"),
        ("chunk-incomplete", {}, "the framing of chunks"),
        ("length-body-incomplete", {}, CONNECTION),
        ("trailer-kept-apart", {"chunked": False}, NO_SIZE),
        ("end-in-chunk-data", {"chunked": False}, NO_SIZE),
    ],
)
def test_cases_that_no_other_wire_can_express(name: str, options: Any, reason: str) -> None:
    with pytest.raises(UntoldError, match=reason):
        told(name, **options)


def test_a_body_in_chunks_by_a_wire_that_has_none() -> None:
    telling = told("coding-chunked", chunked=False)[0]
    assert telling.request.size == len(telling.request.body) > 0


# That faults are found


class Halves(HTTP1Adapter):
    """Declares what there is, what there is not, and what is otherwise than it says."""

    differences = (
        WireDifference("a second Host", lambda request: len(request.values("host")) > 1, "400", "no reason"),
        WireDifference("no Host", lambda request: not request.values("host"), "431", "no reason"),
    )

    def encode_head(self, method: str, target: str, fields: Any, size: int | None) -> bytes:
        if method == "PUT":
            raise UnsayableError("the method PUT")
        return super().encode_head(method, target, fields, size)


def test_declared_differences_that_are_absent_or_wrong() -> None:
    names = ["host-twice-equal", "host-missing", "length-counts-bytes", "upgrade-unknown-list"]
    report = run("reference", [CASES[name] for name in names], adapter=Halves)
    # Both are refused by HTTP/1 just so: nothing differs.
    assert report.unshown == ["a second Host", "no Host"]
    [(case, failure)] = report.broken
    assert case.name == "host-missing"
    assert "the client got 400, declared 431 for no Host" in failure
    assert report.untold == {"upgrade-unknown-list": "the method PUT"}
    assert report.kept == ["host-twice-equal", "length-counts-bytes"]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"status": 204}, "the client got 200, expected 204"),
        ({"application": False, "seen": {}}, "the application was called 1 times, expected 0"),
        ({"seen": {"path": "/b"}}, "the request: its path is '/', expected '/b'"),
        ({"seen": {"trailers": (("X-T", "2"),)}}, "the request: its trailers is"),
        ({"fields": {"x-a": "1"}}, "the request: its field x-a is None, expected '1'"),
        ({"has": {"x-b": "1"}}, "the answer: its field x-b is '', expected '1'"),
        ({"lacks": ("date",)}, "the answer: it must not have the field date"),
        ({"content": b"no"}, "the answer: its content is b'ok', expected b'no'"),
        ({"cut": True}, "the answer: it is complete, expected it to break off"),
    ],
)
def test_compared_parts(changed: dict[str, Any], fault: str) -> None:
    [telling] = told("trailer-kept-apart")
    expected = dataclasses.replace(telling.expected, **changed)
    case = dataclasses.replace(CASES["trailer-kept-apart"], answers=(expected,))
    [(_, failure)] = run("reference", [case]).broken
    assert fault in failure


EXPECTING = r"""
title = "Expectations"
about = "Of a client that waits."

[[case]]
name = "waits"
level = "MUST"
source = "s"
why = "w"
send = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
continue = false
answers = [{status = 200, body = "a"}]
connection = "open"
"""


@pytest.mark.parametrize("backend", ["reference", "h2"])
def test_100_continue_is_compared(backend: str, tmp_path: Any) -> None:
    (tmp_path / "cases.toml").write_text(EXPECTING, "utf-8")
    [case] = load_files(tmp_path)
    [(_, failure)] = run(backend, [case]).broken
    assert "100 Continue was sent" in failure
    assert run(backend, [dataclasses.replace(case, continued=True)]).broken == []


# As a rule


class Boasts(FramedAdapter):
    """It declares more than there is."""

    differences = (
        *FramedAdapter.differences,
        WireDifference("a head in verse", lambda request: False, "400", "no reason"),
    )


def test_a_wire_that_breaks_the_corpus_breaks_its_rule() -> None:
    name = f"{wire.__name__}:TakesUnderscores"
    result = run_rule(RULE, Subject(name, whole=True))
    assert result.outcome == "broken"
    assert "underscore-dropped" in result.message
    assert result.data == CASES["underscore-dropped"].data


def test_a_difference_that_no_case_shows_breaks_it() -> None:
    result = run_rule(RULE, Subject(f"{wire.__name__}:Sound", whole=True, adapter=f"{__name__}:Boasts"))
    assert (result.outcome, result.message) == (
        "broken",
        "the adapter declares differences that no case shows: a head in verse",
    )


def test_of_http_1_all_of_the_corpus_is_run_instead() -> None:
    result = run_rule(RULE, Subject("reference"))
    assert (result.outcome, "HTTPProtocol" in result.message) == ("inapplicable", True)

"""Requests that are made up come to the same by every wire."""

import asyncio
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from kyoukai.testing.differential import main as differential
from kyoukai.testing.generation import Conversation
from kyoukai.testing.runner import main as runner
from kyoukai.testing.servers import Servers
from kyoukai.testing.silence import silenced
from kyoukai.testing.subject import Subject
from kyoukai.testing.telling import WireRequest
from kyoukai.testing.wire_conversation import AT_ONCE
from kyoukai.testing.wire_differential import COUNTED, WireComparison, WireTally, limits_of, run_wires

from .mutants import wire

MUTANT = f"{wire.__name__}:TakesUnderscores"


@pytest.fixture(autouse=True)
def no_log() -> Iterator[None]:
    with silenced():
        yield


def test_the_same_by_http_2_and_in_frames() -> None:
    tally = run_wires(range(400), 1, ["h2", "framed_backend:FramedBackend"])
    assert not tally.findings, "\n".join(tally.findings)
    assert tally.examples == 400
    assert tally.gets["200"] > 50
    assert tally.gets["400"] > 20
    # As many are left out as that says.
    assert sum(tally.gets.values()) + sum(tally.untold.values()) >= 400
    assert tally.declared


def test_a_difference_is_found_and_shrunk() -> None:
    subjects = [Subject(name) for name in ("reference", MUTANT)]
    assert all(subject.adapter is not None for subject in subjects)
    fields = (("Host", "a"), ("X-B", "2"), ("X_A", "3"), ("X-C", "4"))
    request = WireRequest("POST", "/", fields, 3, b"abc")

    async def compare() -> tuple[str | None, str]:
        async with Servers() as servers:
            comparison = WireComparison(subjects, servers)
            found = await comparison.judge(request, [], [AT_ONCE], WireTally())
            return found, await comparison.shrink(request, [("max_fields", 9)], [AT_ONCE])

    found, smallest = asyncio.run(compare())
    assert found is not None
    assert "it differs from reference" in found
    assert "fields=(('Host', 'a'), ('X_A', '3')), size=0, body=b''" in smallest
    assert "limits {}" in smallest


def test_the_limits_that_a_wire_counts_otherwise() -> None:
    text = Conversation(b"", (("max_fields", 4), ("max_head_size", 1024), ("max_body_size", 5)))
    assert limits_of(text, WireRequest("GET", "/")) == text.limits
    assert dict(limits_of(text, WireRequest("GET", "/", size=None))) == {**COUNTED, "max_body_size": 5}
    many = WireRequest("GET", "/", (("X-M", "1"),) * 40)
    assert dict(limits_of(text, many)) == {
        "max_fields": 4,
        "max_head_size": COUNTED["max_head_size"],
        "max_body_size": 5,
    }


def test_command_compares_other_wires_by_adapters() -> None:
    result = CliRunner().invoke(
        differential, ["--examples", "30", "--seed", "1", "--backend", "reference", "--backend", "h2"]
    )
    assert result.exit_code == 0, result.output
    assert "30 examples, 60 conversations" in result.output
    assert "30 examples by several wires, 0 differences" in result.output


def test_the_command_runs_the_corpus_by_an_adapter() -> None:
    options = ["--backend", "h2", "--whole", "--case", "host-"]
    result = CliRunner().invoke(runner, options)
    assert result.exit_code == 0, result.output
    assert "corpus, h2: " in result.output
    assert "all kept" in result.output
    assert "concern HTTP/1 only" in result.output
    assert "differ as declared by the adapter: a target" in result.output
    result = CliRunner().invoke(runner, ["--backend", MUTANT, "--whole", "--case", "underscore-dropped"])
    assert result.exit_code == 1
    assert "1 not kept: underscore-dropped" in result.output

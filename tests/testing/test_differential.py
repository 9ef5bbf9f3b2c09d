import asyncio
import dataclasses
import random
import re

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from werkzeug.exceptions import InternalServerError

from kyoukai.backends.reference import ReferenceBackend
from kyoukai.backends.reference.protocol import KyoukaiProtocol
from kyoukai.core.errors import ExpectationFailed
from kyoukai.testing import Action, Answer, Outcome, differential
from kyoukai.testing.chunking import Cutting
from kyoukai.testing.comparison import Comparison, Finding, Held, differences, is_worded_alike
from kyoukai.testing.differential import Difference, Tally, run
from kyoukai.testing.generation import Conversation, example, whole
from kyoukai.testing.servers import Servers
from kyoukai.testing.settings import SEED_VARIABLE, choose_seed
from kyoukai.testing.shrinking import shrink
from kyoukai.testing.strategies import cut_conversations

from ..conftest import BACKENDS

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


# The property


@pytest.fixture(scope="module")
def runner():
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="module")
def comparison(runner):
    servers = Servers()
    yield Comparison(BACKENDS, runner.run(servers.__aenter__()))
    runner.run(servers.__aexit__(None, None, None))


# The same examples each time: those of the next test are others.
@settings(
    max_examples=500,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)
@given(drawn=cut_conversations())
def test_one_outcome(drawn, runner, comparison):
    text, ways = drawn
    finding = runner.run(comparison.find(text, ways))
    assert finding is None or differential.kept_because(finding), str(finding)


def test_one_outcome_of_many_plain_examples():
    seed = choose_seed()
    tally = run(range(1000), seed, BACKENDS)
    shown = "\n".join(f"example {number}: {finding}" for number, finding in tally.findings)
    assert not tally.found, f"{SEED_VARIABLE}={seed}\n{shown}"
    assert tally.examples == 1000
    assert tally.conversations == 2000 * len(BACKENDS)


def test_the_examples_are_neither_all_refused_nor_all_served():
    tally = run(range(1500), 1, ["reference"])
    statuses = {name[:3] for name in tally.answers}
    assert {"200", "400", "413", "414", "415", "417", "431", "501", "505"} <= statuses
    ends = {end.rpartition(",")[0]: 0 for end in tally.ends}
    for end, count in tally.ends.items():
        ends[end.rpartition(",")[0]] += count
    assert ends["all served"] + ends["several, all served"] > 300, ends
    assert ends["refused at once"] > 300, ends
    assert ends["some served, then refused"] > 100, ends
    assert ends["nothing answered"] > 20, ends


def test_every_difference_that_is_kept_has_a_reason():
    assert all(
        isinstance(known.pattern.pattern, bytes) and known.reason for known in differential.DIFFERENCES
    )


# That faults are found


class Faulty(KyoukaiProtocol):
    """Faulty in four ways, each of which shows for few conversations."""

    def make_parser(self):
        parser = super().make_parser()
        parser.get_method = lambda: parser._head.method.replace(b"DELETE", b"GET")
        return parser

    def handle_parser_exception(self, exc):
        super().handle_parser_exception(InternalServerError() if isinstance(exc, ExpectationFailed) else exc)

    def data_received(self, data):
        super().data_received(data.removeprefix(b"xy").replace(b"PUT ", b"POST "))


class FaultyBackend(ReferenceBackend):
    """Makes faulty connections."""

    protocol_class = Faulty


FAULTY = f"{__name__}:FaultyBackend"


def found(text, ways=None, **options):
    """Hold one conversation with a right and a faulty backend, and return the shrunk finding."""

    async def hold():
        async with Servers() as servers:
            comparison = Comparison(["reference", FAULTY], servers, **options)
            finding = await comparison.find(text, ways or [whole(text)])
            return finding and await comparison.shrink(finding)

    return asyncio.run(hold())


def test_correct_parser_yields_no_finding():
    assert found(Conversation(GET)) is None


def test_another_method_is_found_and_shrunk():
    limits = (("max_fields", 4), ("max_pipelined", 1))
    put = b"PUT /a HTTP/1.1\r\nX-A: 1\r\nHost: a\r\n\r\n"
    finding = found(Conversation(GET + put + GET, limits, Action.END))
    assert re.fullmatch(rb"PUT / HTTP/1.[01]\r\n(H|h)ost:.*\r\n\r\n", finding.conversation.data, re.DOTALL)
    assert finding.conversation.limits == ()
    assert finding.conversation.ending is None
    assert finding.lines == (f"{FAULTY}, whole differs from reference, whole",)
    assert "seen POST" in str(finding)
    assert "seen PUT" in str(finding)


def test_a_parser_that_tells_another_method_is_found_and_shrunk():
    delete = b"DELETE /a HTTP/1.1\r\nX-A: 1\r\nHost: a\r\n\r\n"
    finding = found(Conversation(GET + delete + GET))
    assert re.fullmatch(rb"DELETE / HTTP/1.[01]\r\n(H|h)ost:.*\r\n\r\n", finding.conversation.data, re.DOTALL)
    # The server reads the head too: it does not serve what the two do not agree on.
    assert "seen GET" not in str(finding)
    assert "seen DELETE" in str(finding)
    assert "It is not certain where the message ends" in str(finding)


def test_a_failure_is_found(caplog):
    finding = found(Conversation(b"POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 1\r\n\r\na"))
    assert f"{FAULTY}, whole: the server answered with 500" in finding.lines


def test_dependence_on_cuts_is_found_and_shrunk():
    text = Conversation(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabxycd")
    at = text.data.index(b"xy")
    ways = [whole(text), Cutting("in pieces", (text.data[:at], text.data[at:]), 2)]
    finding = found(text, ways)
    label = f"{FAULTY}, in pieces differs from reference, in pieces"
    assert finding.lines == (label,)
    before, after = finding.held[-1].cutting.pieces
    assert after.startswith(b"xy")
    assert before.startswith(b"POST / HTTP/1.1\r\n")


# What is compared


def answer(status=200, content=b"ok", **fields):
    return Answer(
        status, "", {name.replace("_", "-"): value for name, value in fields.items()}, content, True
    )


def held(*outcomes, cuttings=("whole", "whole")):
    """Two or more outcomes, of two backends or of two cuttings."""
    return tuple(
        Held(f"b{number}" if len(set(cuttings)) == 1 else "b", Cutting(label, (), 1), outcome)
        for number, (outcome, label) in enumerate(zip(outcomes, cuttings, strict=False))
    )


SERVED = Outcome((answer(),), (), 0, False)
REFUSED = Outcome((answer(400, b"400 Bad", connection="close", content_length="7"),), (), 0, True)
CUT = ("whole", "in pieces")


@pytest.mark.parametrize("cuttings", [("whole", "whole"), CUT])
@pytest.mark.parametrize(
    "other",
    [
        dataclasses.replace(SERVED, closed=True),
        dataclasses.replace(SERVED, answers=()),
        dataclasses.replace(SERVED, answers=(answer(content=b"no"),)),
        dataclasses.replace(SERVED, answers=(answer(x_a="1"),)),
        REFUSED,
    ],
)
def test_differences(other, cuttings):
    [line] = differences(held(SERVED, other, cuttings=cuttings))
    assert "differs from" in line
    assert differences(held(other, other, cuttings=cuttings)) == []


def test_differences_allowed_by_cuts():
    continued = dataclasses.replace(SERVED, continued=1)
    closing = dataclasses.replace(SERVED, answers=(answer(connection="close"),))
    for other in (continued, closing):
        assert differences(held(SERVED, other, cuttings=CUT)) == []
        assert differences(held(SERVED, other)) == ["b1, whole differs from b0, whole"]


def test_the_words_of_a_refusal():
    words = answer(400, b"400 Worse", connection="close", content_length="9")
    pair = held(REFUSED, dataclasses.replace(REFUSED, answers=(words,)))
    assert differences(pair) == []
    assert differences(pair, strict=True) == ["a refusal has a different text"]
    assert not is_worded_alike(pair)
    assert is_worded_alike(pair[:1])
    cut = dataclasses.replace(REFUSED, answers=(dataclasses.replace(words, complete=False),))
    assert differences(held(REFUSED, cut)) == ["b1, whole differs from b0, whole"]


def test_faults_are_found_where_all_are_alike():
    faulty = dataclasses.replace(SERVED, faults=("it is wrong",))
    assert differences(held(faulty, faulty)) == ["b0, whole: it is wrong", "b1, whole: it is wrong"]
    failed = dataclasses.replace(SERVED, answers=(answer(500, b""),))
    assert differences(held(failed)) == ["b0, whole: the server answered with 500"]


# Shrinking


@pytest.mark.parametrize("size", [1, 2, 3, 100, 257])
def test_shrink(size):
    async def fails(elements):
        return {0, size // 2, size - 1} <= set(elements)

    assert list(asyncio.run(shrink(range(size), fails))) == sorted({0, size // 2, size - 1})


def test_shrink_to_nothing():
    async def fails(elements):
        return True

    assert list(asyncio.run(shrink(b"abc", fails))) == []


# The report, and the command


def finding(data, line="a line"):
    text = Conversation(data)
    return Finding(text, (Held("b", whole(text), SERVED),), (line,))


def test_the_smallest_of_each_kind_is_kept():
    first, second = Tally(), Tally()
    first.keep(1, finding(b"aaa"))
    first.keep(2, finding(b"aaaa"))
    first.keep(3, finding(b"aaaa", "another line"))
    second.keep(4, finding(b"a"))
    first.add(second)
    assert [(number, kept.conversation.data) for number, kept in first.findings] == [(4, b"a"), (3, b"aaaa")]


def test_a_difference_may_be_kept(monkeypatch):
    known = Difference(re.compile(rb"a+b"), "it is so")
    monkeypatch.setattr(differential, "DIFFERENCES", (known,))
    assert differential.kept_because(finding(b"xaab")) == "it is so"
    assert differential.kept_because(finding(b"xaa")) is None


def test_kept_differences_are_counted(monkeypatch):
    monkeypatch.setattr(differential, "DIFFERENCES", (Difference(re.compile(rb""), "any"),))
    tally = run(range(100), 1, ["reference", FAULTY])
    assert tally.found == 0
    assert 0 < tally.kept["any"] < 60
    assert any("any" in line for line in tally.lines())


def test_an_example_is_its_number_and_its_seed():
    text, source = example(3, 17)
    again, other = example(3, 17)
    assert (text, source.random()) == (again, other.random())
    assert example(3, 18)[0] != text
    assert isinstance(source, random.Random)


def command(*arguments):
    return CliRunner().invoke(differential.main, arguments)


def test_the_command():
    result = command("--examples", "40", "--seed", "9", "--backend", "reference")
    assert result.exit_code == 0, result.output
    assert "seed 9, examples 0 to 39, backends reference" in result.output
    assert "40 examples, 80 conversations" in result.output
    assert "differences: 0" in result.output
    assert re.search(r"answers: +\d+  200\n", result.output)


def test_the_command_in_several_processes(monkeypatch):
    monkeypatch.setattr(differential, "BATCH", 20)
    one = command("--examples", "40", "--seed", "9", "--backend", "reference")
    two = command("--examples", "40", "--seed", "9", "--backend", "reference", "--jobs", "2")
    assert two.exit_code == 0, two.output
    counts = r"^  (?:answers|conversations): .*$"
    assert sorted(re.findall(counts, one.output, re.M)) == sorted(re.findall(counts, two.output, re.M))


def test_the_command_prints_what_it_finds():
    result = command("--examples", "60", "--seed", "9", "--backend", "reference", "--backend", FAULTY)
    assert result.exit_code == 1
    assert ", shrunk:\n    " in result.output
    assert "PUT" in result.output
    monotonic_seed = command("--examples", "0", "--backend", "reference").output
    assert re.match(r"seed \d+, examples 0 to -1", monotonic_seed)

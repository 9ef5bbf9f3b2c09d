import asyncio
import dataclasses
import logging
import os
import subprocess
import sys

import pytest
from click.testing import CliRunner

from kyoukai import Backend
from kyoukai.asphalt import BACKEND_VARIABLE
from kyoukai.testing import runner
from kyoukai.testing.corpus import load_files
from kyoukai.testing.runner import MAX_FAILURES, case_cuttings, run_case, standing, summary
from kyoukai.testing.settings import SEED_VARIABLE

CASES = r"""
title = "Examples"
about = "One of each kind."

[[case]]
name = "served"
level = "MUST"
source = "s"
why = "w"
send = "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
answers = [{status = 200, method = "POST", path = "/a", body = "abc"}]
connection = "open"

[[case]]
name = "refused"
level = "SHOULD"
source = "s"
why = "w"
send = ["GET / HTTP/1.1\r\nHost: a\r\nX: ", {repeat = "a", times = 2000}, "\r\n\r\n"]
limits = {max_head_size = 1024}
answers = [431]
connection = "closed"

[[case]]
name = "timed"
level = "HARDENING"
source = "s"
why = "w"
send = "GET / HTTP/1.1\r\n"
limits = {head_timeout = 0.05}
answers = [408]
connection = "closed"

[[case]]
name = "continued"
level = "MUST"
source = "s"
why = "w"
send = "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\na"
continue = true
answers = [{status = 200, body = "a"}]
connection = "open"

[[case]]
name = "cut"
level = "MUST"
source = "s"
why = "w"
send = ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", {end = true}]
reply = {pieces = ["a", "b"], fails_after = 1}
answers = [{status = 200, content = "a", cut = true}]
connection = "closed"
"""


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cases")
    (folder / "cases.toml").write_text(CASES)
    return {case.name: case for case in load_files(folder)}


@pytest.mark.parametrize("name", ["served", "refused", "timed", "continued", "cut"])
def test_a_case_that_is_kept(cases, backend, name):
    case = cases[name]
    result = run_case(case, backend, 1)
    assert result.failures == ()
    assert result.conversations == len(list(case_cuttings(case, 1)))
    assert run_case(case, backend, 1, whole=True).conversations == 1


def wrong(case, **changes):
    """A case that expects something else of its first answer."""
    first = dataclasses.replace(case.answers[0], **changes)
    return dataclasses.replace(case, answers=(first, *case.answers[1:]))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(runner, "PATIENCE", 0.01)
    monkeypatch.setattr(runner, "LITTLE_PATIENCE", 0.01)


@pytest.mark.usefixtures("impatient")
def test_wrong_expectations_are_not_kept(cases, backend):
    served, refused = cases["served"], cases["refused"]
    for case, fault in (
        (wrong(served, status=201), "the answers are [200], expected [201]"),
        (wrong(served, seen={"path": "/b"}), "its path is '/a', expected '/b'"),
        (wrong(served, has={"x": "1"}), "its field x is None"),
        (wrong(served, application=False), "the application was called 1 times, expected 0"),
        (dataclasses.replace(served, closed=True), "the connection is open"),
        (dataclasses.replace(served, continued=True), "100 Continue was sent 0 times"),
        (dataclasses.replace(served, answers=()), "the answers are [200], expected none"),
        (
            dataclasses.replace(served, answers=served.answers * 2),
            "the answers are [200], expected [200, 200]",
        ),
        (wrong(refused, application=True), "the application was called 0 times, expected 1"),
        (dataclasses.replace(refused, closed=False), "the connection is closed"),
        (dataclasses.replace(refused, limits={}), "the answers are [200], expected [431]"),
        (wrong(cases["cut"], cut=False), "answer 1: it is not complete"),
        (dataclasses.replace(cases["timed"], limits={}), "the answers are none, expected [408]"),
    ):
        result = run_case(case, backend, 1)
        assert len(result.failures) == MAX_FAILURES
        assert fault in result.failures[0]
        assert f"{case.name}, {backend}, whole ({SEED_VARIABLE}=1)" in result.failures[0]


def test_unexpected_100_is_found(cases, backend):
    """It comes where the body comes later than its head."""
    failures = run_case(dataclasses.replace(cases["continued"], continued=False), backend, 1).failures
    assert failures
    assert all("100 Continue was sent 1 times" in failure for failure in failures)


class Careless(Backend):
    """Speaks HTTP if all of a request comes in one piece, and leaves things behind if told to."""

    api_version = 1

    def create_protocol(self, component, parent_context, server_ip, server_port):
        return CarelessProtocol()


class CarelessProtocol(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(
            b"HTTP/1.1 204 No Content\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n"
            if data.endswith(b"\r\n\r\n")
            else b"HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n"
        )
        if b"/task" in data:
            tasks.append(asyncio.ensure_future(asyncio.sleep(60)))
        if b"/loop" in data:
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)


CARELESS = f"{__name__}:Careless"
tasks = []


@pytest.mark.usefixtures("impatient")
def test_a_backend_that_depends_on_how_it_is_cut(cases):
    result = run_case(wrong(cases["served"], status=204, seen={}), CARELESS, 1)
    assert "application was called 0 times" in result.failures[0]
    assert "whole" in result.failures[0]
    assert "cut at 1 " in result.failures[1]
    assert "400: Date is missing" in result.failures[1]


@pytest.mark.usefixtures("impatient")
def test_faults_outside_a_conversation(cases):
    case = dataclasses.replace(cases["served"], data=b"GET /loop HTTP/1.1\r\n\r\n")
    result = run_case(case, CARELESS, 1, whole=True)
    assert "an error was reported to the event loop" in result.failures[0]
    assert "ZeroDivisionError" in result.failures[0]


@pytest.mark.usefixtures("impatient")
def test_leftovers(cases):
    case = dataclasses.replace(cases["served"], data=b"GET /task HTTP/1.1\r\n\r\n")

    async def run():
        async with standing(CARELESS) as stand:
            return await stand.run(case, 1, whole=True)

    async def run_and_clean_up():
        try:
            await run()
        finally:
            while tasks:
                tasks.pop().cancel()
            await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="left tasks behind"):
        asyncio.run(run_and_clean_up())

    async def run_inside():
        async with standing(CARELESS) as stand:
            result = await stand.run(case, 1, whole=True)
            tasks.pop().cancel()
            await asyncio.sleep(0)
        return result

    assert "1 tasks are still running" in asyncio.run(run_inside()).failures[-1]


def test_the_same_seed_cuts_the_same_case_in_the_same_way(cases):
    refused = cases["refused"]
    assert list(case_cuttings(refused, 1)) == list(case_cuttings(refused, 1))
    assert list(case_cuttings(refused, 1)) != list(case_cuttings(refused, 2))
    assert [way.label for way in case_cuttings(cases["timed"], 1)] == ["whole", "byte by byte"]


def test_the_environment_sets_the_seed(cases, monkeypatch):
    monkeypatch.setenv(SEED_VARIABLE, "12345")
    [failure] = run_case(wrong(cases["served"], has={"x": "1"}), "reference", whole=True).failures
    assert "KYOUKAI_SEED=12345" in failure


def test_summary():
    levels = ["MUST", "MUST", "HARDENING"]
    assert summary("b", levels, "9 conversations", []) == (
        "corpus, b: 3 cases (2 MUST, 0 SHOULD, 1 HARDENING), 9 conversations, all kept"
    )
    assert summary("b", levels, "9 conversations", ["x", "y"]).endswith(", 2 not kept: x, y")


@pytest.fixture
def command(cases, monkeypatch):
    monkeypatch.setattr(runner, "load_corpus", lambda: tuple(cases.values()))
    return lambda *arguments: CliRunner().invoke(runner.main, arguments)


def test_the_command(command):
    result = command("--backend", "reference", "--whole")
    assert result.exit_code == 0
    assert result.output == (
        "corpus, reference: 5 cases (3 MUST, 1 SHOULD, 1 HARDENING), 5 conversations, all kept\n"
    )


def test_the_command_runs_every_backend(command, backend):
    result = command("--case", "serv")
    assert result.exit_code == 0
    assert f"corpus, {backend}: 1 cases (1 MUST, 0 SHOULD, 0 HARDENING), " in result.output


def test_the_command_fails(command, cases, monkeypatch):
    monkeypatch.setattr(runner, "load_corpus", lambda: (wrong(cases["served"], has={"x": "1"}),))
    result = command("--backend", "reference", "--whole")
    assert result.exit_code == 1
    assert "its field x is None, expected '1'" in result.output
    assert "why: w" in result.output
    assert result.output.endswith("1 not kept: served\n")


def test_the_command_as_a_process():
    environment = {name: value for name, value in os.environ.items() if name != BACKEND_VARIABLE}
    arguments = ["--case", "no-such-case", "--backend", "reference"]
    result = subprocess.run(
        [sys.executable, "-W", "error", "-m", "kyoukai.testing.runner", *arguments],
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("corpus, reference: 0 cases")


def test_the_command_leaves_logging_as_it_was(command, caplog):
    command("--whole")
    logging.getLogger("kyoukai").error("seen")
    # In its debug mode, asyncio logs callbacks that a loaded machine makes slow.
    assert [record.getMessage() for record in caplog.records if record.name == "kyoukai"] == ["seen"]

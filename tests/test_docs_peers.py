"""The page of other servers says what was measured, and what is measured is judged as the page says."""

import importlib
import json
import re
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from kyoukai.testing import Case, load_corpus

from .test_docs import update

PEERS = Path(__file__).parent.parent / "docs" / "peers"
RESULTS = json.loads((PEERS / "results.json").read_text("utf-8"))
CORPUS = {case.name: case for case in load_corpus()}


@pytest.fixture(scope="module")
def tool() -> Iterator[dict[str, ModuleType]]:
    """The tool's modules, which are of no package."""
    names = ("conversation", "servers", "verdict", "applications")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(PEERS))
        yield {name: importlib.import_module(name) for name in names}
        for name in names:
            del sys.modules[name]


def test_the_page_has_every_number_that_was_measured() -> None:
    page = (PEERS.parent / "explanation" / "peers.md").read_text("utf-8")
    assert update.render(page) == page, "python docs/update.py"
    assert RESULTS["date"] in page
    for server, result in RESULTS["servers"].items():
        rows = [line for line in page.splitlines() if line.startswith(f"| {server} |")]
        assert len(rows) == 2
        assert all(version in rows[0] for version in result["versions"].values())
        counts = [count.split("/") for levels in result["sections"].values() for count in levels.values()]
        shown = re.findall(r"(\d+)/(\d+)", rows[1])
        assert sum(int(kept) for kept, _ in shown) == sum(int(kept) for kept, _ in counts)
        total = sum(int(total) for _, total in counts)
        assert sum(int(total) for _, total in shown) == total
        assert sum(int(kept) for kept, _ in counts) == total - len(result["not_kept"])


def test_every_server_was_asked(tool: dict[str, ModuleType]) -> None:
    assert list(RESULTS["servers"]) == list(tool["servers"].PEERS)
    assert RESULTS["inputs"] == tool["verdict"].INPUTS
    assert all(result["inputs"].keys() == RESULTS["inputs"].keys() for result in RESULTS["servers"].values())


def test_this_server_kept_all() -> None:
    ours = {server for server in RESULTS["servers"] if server.startswith("kyoukai")}
    assert len(ours) == 2
    assert [RESULTS["servers"][server]["not_kept"] for server in ours] == [[], []]


def test_the_inputs_are_of_the_corpus() -> None:
    assert [name for name in RESULTS["inputs"] if name not in CORPUS] == []


def test_comparison_is_fair(tool: dict[str, ModuleType]) -> None:
    cases = tool["verdict"].chosen(CORPUS.values())
    assert len(cases) > 300
    unfair = {
        "method-unregistered",
        "upgrade-h2c",
        "preface-of-http-2",
        "gzip",
        "head-late",
        "expect-unknown",
    }
    unfair |= {"target-above-default-limit", "end-in-head", "handler-raises", "order-target-without-the-rest"}
    assert unfair.isdisjoint(case.name for case in cases)
    assert unfair <= CORPUS.keys()


def answer(status: int, **seen: str) -> bytes:
    from_application = b""
    if seen:
        described = sys.modules["applications"].described
        from_application = b"X-Seen: " + described("GET", "/", **seen).encode() + b"\r\n"
    return b"HTTP/1.1 %d \r\nContent-Length: 2\r\n%b\r\nok" % (status, from_application)


SEEN: Any = {"path": b"/", "query": "", "body": b""}


def held(tool: dict[str, ModuleType], case: Case, reply: bytes, *, closes: bool = True) -> Any:
    """Hold a conversation with a server that says the same whatever it is sent."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(reply)
                if closes:
                    connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            return tool["conversation"].converse(listener.getsockname()[1], case)
        finally:
            thread.join()


@pytest.mark.parametrize(
    ("name", "replies", "closes", "kept"),
    [
        ("host-missing", [(400, {})], True, True),
        ("host-missing", [(500, {})], True, True),
        ("host-missing", [(400, {})], False, False),
        ("host-missing", [(200, SEEN)], True, False),
        ("host-missing", [], True, False),
        ("host-missing", [(400, {}), (200, SEEN)], True, False),
        ("host-with-port", [(200, SEEN)], False, True),
        ("host-with-port", [(200, SEEN)], True, True),
        ("host-with-port", [(200, SEEN), (200, SEEN)], False, False),
        ("host-with-port", [(400, {})], True, False),
        ("length-in-1.0", [(200, {**SEEN, "body": b"bodY"})], True, False),
    ],
)
def test_the_verdict(
    tool: dict[str, ModuleType], name: str, replies: list[Any], closes: bool, kept: bool
) -> None:
    if name == "host-missing" and not closes:
        tool["conversation"].PATIENCE = 0.2
    reply = b"".join(answer(status, **seen) for status, seen in replies)
    outcome = held(tool, CORPUS[name], reply, closes=closes)
    assert outcome.statuses == tuple(status for status, _ in replies)
    assert outcome.closed is closes
    assert tool["verdict"].is_kept(CORPUS[name], outcome) is kept


def test_answers_are_read_leniently(tool: dict[str, ModuleType]) -> None:
    read = tool["conversation"].read_replies
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
    endless = b"HTTP/1.0 400 Bad Request\r\n\r\nno length"
    replies, continued = read(b"HTTP/1.1 100 Continue\r\n\r\n" + chunked * 2 + endless, b"GET", ended=True)
    assert ([reply.status for reply in replies], continued) == ([200, 200, 400], 1)
    assert read(endless, b"GET", ended=False) == ([], 0)
    assert read(b"HTTP/1.1 400 \r\nContent-Length: 9\r\n\r\n", b"HEAD", ended=False)[0][0].status == 400

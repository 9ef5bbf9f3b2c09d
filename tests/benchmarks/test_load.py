"""What wrk is told, and how its output is read."""

import json

import pytest

from benchmarks import content, load
from benchmarks.load import Load, LoadError
from benchmarks.workloads import WORKLOADS

HELLO = WORKLOADS["hello"]

OUTPUT = """Running 1s test @ http://127.0.0.1:8000/
  1 threads and 64 connections
  100 requests in 1.00s, 14.00KB read
Requests/sec:    100.00

"""


def printed(**changes: float) -> str:
    told = {"requests": 100, "bytes": 14000, "seconds": 1.0, "p50": 0.5, "p99": 2.0, "errors": 0, **changes}
    return f"{OUTPUT}{load.MARK}{json.dumps(told)}\n"


def test_counts_are_read() -> None:
    assert load.read_output(printed(), HELLO) == Load(100, 14000, 1.0, 0.5, 2.0)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (OUTPUT, "no result"),
        (printed(errors=1), "not every request"),
        (printed(requests=0), "not every request"),
        (printed(bytes=1199), "shorter than 12 bytes"),
    ],
)
def test_run_with_errors_is_discarded(output: str, message: str) -> None:
    with pytest.raises(LoadError, match=message):
        load.read_output(output, HELLO)


def test_strings_of_lua() -> None:
    assert load.quoted('a"b\\c\nü') == '"a\\034b\\092c\\010\\195\\188"'


def test_the_script_says_the_request() -> None:
    script = load.script(WORKLOADS["post"])
    assert 'wrk.method = "POST"' in script
    assert 'wrk.headers["Content-Type"] = "application/json"' in script
    assert f"wrk.body = {load.quoted(content.ORDER.decode())}" in script
    assert "request = function" not in script
    assert "for i = 1, 16 do" in load.script(WORKLOADS["pipelined"])


def test_the_order_is_of_one_kibibyte() -> None:
    assert len(content.ORDER) == 1024
    assert content.receipt(json.loads(content.ORDER))["items"] == 15

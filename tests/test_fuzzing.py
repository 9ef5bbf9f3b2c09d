"""The fuzz targets, without what drives them: on the inputs that fuzzing begins with."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from fuzzing import FindingError, connection, reference_parser
from fuzzing.seeds import CHOICES, MAX_SIZE, seeds, write_seeds
from kyoukai.backends.reference.parser import RequestParser
from kyoukai.core.limits import Limits
from kyoukai.testing import load_corpus

ROOT = Path(__file__).parents[1]
SEEDS = dict(seeds())

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello"


@pytest.mark.parametrize("name", SEEDS)
def test_reference_parser(name):
    for limits in range(len(reference_parser.LIMITS)):
        for is_policed in (0, 128):
            reference_parser.check(bytes((limits + is_policed, 100)) + SEEDS[name][2:])


@pytest.mark.parametrize("name", SEEDS)
def test_connection(name):
    for choice in (0, 128):
        connection.check(bytes((choice, 100)) + SEEDS[name][2:])


@pytest.mark.parametrize("check", [reference_parser.check, connection.check])
@pytest.mark.parametrize("data", [b"", b"\x00", b"\x00\x80", b"\x00\x80G"])
def test_little_input(check, data):
    check(data)


def test_the_seeds_are_the_corpus(tmp_path):
    count = write_seeds(tmp_path / "a" / "b")
    written = {path.name: path.read_bytes() for path in (tmp_path / "a" / "b").iterdir()}
    assert written == SEEDS
    assert count == len(SEEDS) == sum(len(case.data) <= MAX_SIZE for case in load_corpus())
    assert len(SEEDS) > 200
    assert all(data.startswith(CHOICES) for data in SEEDS.values())


def test_atheris_is_not_needed_to_import_a_target():
    code = "import sys; from fuzzing import connection, reference_parser; print('atheris' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout == "False\n"


# That faults are found


class Faulty(RequestParser):
    """A parser whose ``fault`` says what is wrong with it."""

    fault = ""

    def feed_data(self, data):
        protocol = self._protocol
        match self.fault:
            case "it cuts" if data[:1] == b"\n":
                data = data[1:]
            case "it raises" if b"hello" in data:
                raise KeyError
            case "it forgets":
                self._error = None
            case "it calls" if self._head.method and not data.startswith(b"\n"):
                protocol.on_headers_complete()
        super().feed_data(data)


@pytest.mark.parametrize(
    ("fault", "data", "error", "message"),
    [
        ("it cuts", GET, FindingError, "byte by byte it is not as whole"),
        ("it raises", POST, KeyError, None),
        # The generator is at its end.
        ("it forgets", b"GET / HTTP/1.1\r\na\r\n\r\n", StopIteration, None),
        ("it calls", POST, FindingError, "headers_complete is called after"),
    ],
)
def test_a_fault_is_found(monkeypatch, fault, data, error, message):
    reference_parser.check(CHOICES + data)
    monkeypatch.setattr(reference_parser, "RequestParser", Faulty)
    monkeypatch.setattr(Faulty, "fault", fault)
    with pytest.raises(error, match=message):
        reference_parser.check(CHOICES + data)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"max_fields": 1}, "too many fields"),
        ({"max_target_size": 256}, "target is too long"),
        ({"max_field_size": 256}, "field is too long"),
        ({"max_head_size": 1024}, "fields are too large"),
    ],
)
def test_a_limit_that_is_passed_is_found(monkeypatch, limits, message):
    """A parser that keeps to the default limits passes smaller ones."""
    head = b"GET /%b HTTP/1.1\r\nHost: a\r\nX: %b\r\n\r\n" % (b"a" * 600, b"a" * 700)
    monkeypatch.setattr(reference_parser, "LIMITS", (Limits(**limits),))
    monkeypatch.setattr(
        reference_parser, "RequestParser", lambda recorder, limits: RequestParser(recorder, Limits())
    )
    with pytest.raises(FindingError, match=message):
        reference_parser.check(CHOICES + head)


def test_a_body_that_is_too_large_is_found(monkeypatch):
    monkeypatch.setattr(reference_parser.policy, "accept", lambda sent, limits: SimpleNamespace(fault=None))
    monkeypatch.setattr(reference_parser, "LIMITS", (Limits(max_body_size=4),))
    with pytest.raises(FindingError, match="body is too large"):
        reference_parser.check(CHOICES + POST)

"""`kyoukai backends`: what it lists, and what it shows of one backend."""

import json
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from kyoukai.core.features import Feature

from .processes import python
from .test_cli import fail, succeed
from .wire.prefaced import PRISM


@pytest.fixture(autouse=True)
def restored_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back what ``--app-dir`` puts onto the path."""
    monkeypatch.setattr(sys, "path", sys.path.copy())


@pytest.mark.parametrize("arguments", [("backends",), ("backends", "list")], ids=" ".join)
def test_the_list_has_ours(arguments: tuple[str, ...]) -> None:
    lines = succeed(*arguments).splitlines()
    release = version("kyoukai")
    assert lines[0].split() == ["NAME", "DISTRIBUTION", "VERSION", "CONTRACT", "FEATURES"]
    rows = [line.split() for line in lines[1:]]
    assert ["httptools", "kyoukai", release, "1", "all"] in rows
    assert ["reference", "kyoukai", release, "1", "all"] in rows
    assert rows == sorted(rows)
    # The columns are aligned.
    assert len({line.index(row[1], len(row[0])) for line, row in zip(lines[1:], rows, strict=True)}) == 1


def write_distribution(folder: Path, name: str, entry: str, module: str = "") -> None:
    """Write what pip leaves of a distribution with one backend and one module."""
    metadata = folder / f"{name.replace('-', '_')}-0.5.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.5\n")
    (metadata / "entry_points.txt").write_text(f"[kyoukai.backends]\n{entry}\n")
    (folder / f"{name.replace('-', '_')}.py").write_text(module)


def test_unloadable_backend_is_listed_with_its_reason(tmp_path: Path) -> None:
    broken = "raise RuntimeError('a library\\nis missing')\n"
    write_distribution(tmp_path, "kyoukai-broken", "broken = kyoukai_broken:Backend", broken)
    write_distribution(tmp_path, "kyoukai-gone", "gone = kyoukai_gone.nowhere:Backend")
    write_distribution(tmp_path, "kyoukai-plain", "plain = kyoukai_plain:Plain", "class Plain: pass\n")
    future = "from kyoukai.backends.reference import ReferenceBackend\n"
    future += "class Future(ReferenceBackend):\n    api_version = 99\n"
    write_distribution(tmp_path, "kyoukai-future", "future = kyoukai_future:Future", future)
    leaving = "import sys\nsys.exit('no backend today')\n"
    write_distribution(tmp_path, "kyoukai-leaving", "leaving = kyoukai_leaving:Backend", leaving)
    write_distribution(tmp_path, "kyoukai-twin-a", "twin = kyoukai.backends.reference:ReferenceBackend")
    write_distribution(tmp_path, "kyoukai-twin-b", "twin = kyoukai.backends.httptools_:HttptoolsBackend")
    with python("-m", "kyoukai", "backends", folder=tmp_path) as process:
        assert process.finish() == 0
    assert process.stderr == ""
    header, *lines = process.stdout.splitlines()
    assert header.split() == ["NAME", "DISTRIBUTION", "VERSION", "CONTRACT", "FEATURES"]
    rows = {line.split()[1]: line.split(maxsplit=3) for line in lines if "kyoukai-" in line.split()[1]}
    reasons = {name: row[3] for name, row in rows.items() if row[2] == "0.5"}
    assert "RuntimeError: a library" in reasons["kyoukai-broken"]
    assert "ModuleNotFoundError" in reasons["kyoukai-gone"]
    assert "must be a subclass of kyoukai.Backend" in reasons["kyoukai-plain"]
    assert "has api_version 99; this release of Kyoukai supports 1" in reasons["kyoukai-future"]
    assert "SystemExit: no backend today" in reasons["kyoukai-leaving"]
    for twin in ("kyoukai-twin-a", "kyoukai-twin-b"):
        assert "kyoukai-twin-a 0.5" in reasons[twin]
        assert "kyoukai-twin-b 0.5" in reasons[twin]
    # One line for each, whatever its reason looks like, and ours are not hurt.
    assert len(lines) == len(reasons) + len(succeed("backends").splitlines()) - 1
    assert ["reference", "kyoukai", version("kyoukai"), "1", "all"] in [line.split() for line in lines]


def test_the_list_in_json_has_the_reasons_too(tmp_path: Path) -> None:
    write_distribution(tmp_path, "kyoukai-gone", "gone = kyoukai_gone.nowhere:Backend")
    write_distribution(tmp_path, "kyoukai-narrow", "narrow = kyoukai_narrow:Narrow", NARROW)
    with python("-m", "kyoukai", "backends", "list", "--json", folder=tmp_path) as process:
        assert process.finish() == 0
    found = {entry["name"]: entry for entry in json.loads(process.stdout)}
    gone = found["gone"]
    assert "ModuleNotFoundError" in gone.pop("error")
    assert gone == {
        "name": "gone",
        "reference": "kyoukai_gone.nowhere:Backend",
        "distribution": "kyoukai-gone",
        "version": "0.5",
        "api_version": None,
        "features": None,
    }
    assert found["narrow"]["features"] == ["keep-alive", "chunked", "telepathy"]
    assert found["narrow"]["api_version"] == 1
    assert found["narrow"]["error"] is None
    assert found["reference"]["features"] == [str(feature) for feature in Feature]


NARROW = """
from kyoukai import Backend

class Narrow(Backend):
    \"\"\"Speaks little.

    :param speed: how fast,
        in metres a second.
    :param name: whose it is.
    \"\"\"

    api_version = 1
    features = frozenset({"chunked", "telepathy", "keep-alive"})
    alpn_protocols = ()

    def __init__(self, *, name, speed=5, colour="red", **options):
        super().__init__(**options)

    def create_protocol(self, component, parent_context, server_ip, server_port):
        raise NotImplementedError

class Plain(Backend):
    api_version = 1
    features = None

    def create_protocol(self, component, parent_context, server_ip, server_port):
        raise NotImplementedError
"""


def test_the_table_has_features(tmp_path: Path) -> None:
    write_distribution(tmp_path, "kyoukai-narrow", "narrow = kyoukai_narrow:Narrow", NARROW)
    write_distribution(tmp_path, "kyoukai-none", "none = kyoukai_narrow:Plain")
    with python("-m", "kyoukai", "backends", folder=tmp_path) as process:
        assert process.finish() == 0
    rows = {line.split()[0]: line.split(maxsplit=4) for line in process.stdout.splitlines()}
    assert rows["narrow"] == ["narrow", "kyoukai-narrow", "0.5", "1", "keep-alive, chunked, telepathy"]
    assert rows["none"][3:] == ["1", "none"]


# `backends show`


def test_showing_one_of_ours() -> None:
    text = succeed("backends", "show", "httptools")
    release = version("kyoukai")
    lines = text.splitlines()
    assert lines[0] == "httptools: HTTP/1.1 parsed by llhttp. It has no options."
    facts = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[2:7]}
    assert facts["registered"] == f"httptools, by kyoukai {release}"
    assert facts["class"] == "kyoukai.backends.httptools_.backend:HttptoolsBackend"
    assert Path(facts["file"]).parts[-3:] == ("backends", "httptools_", "backend.py")
    assert facts["contract"] == "1"
    assert facts["ALPN"] == "http/1.1"
    assert "Options: none" in lines
    for feature in Feature:
        assert any(line.split(maxsplit=1) == [feature.value, feature.meaning] for line in lines)


def test_showing_a_class_that_nobody_registers(tmp_path: Path) -> None:
    (tmp_path / "narrow.py").write_text(NARROW)
    with python("-m", "kyoukai", "backends", "show", "narrow:Narrow", folder=tmp_path) as process:
        assert process.finish() == 0
    shown = [line.split(maxsplit=1) for line in process.stdout.splitlines()]
    assert ["narrow:Narrow:", "Speaks little."] in shown
    assert ["registered", "no"] in shown
    assert ["ALPN", "none"] in shown
    assert ["name", "whose it is.  [required]"] in shown
    assert ["speed", "how fast, in metres a second.  [default: 5]"] in shown
    assert ["colour", "[default: 'red']"] in shown
    assert ["telepathy", "Not a feature that this release of Kyoukai knows."] in shown
    assert str(tmp_path / "narrow.py") in process.stdout


def test_showing_in_json(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    write_distribution(elsewhere, "kyoukai-narrow", "narrow = kyoukai_narrow:Narrow", NARROW)
    arguments = ("show", "kyoukai_narrow:Narrow", "--json", "--app-dir", "elsewhere")
    with python("-m", "kyoukai", "backends", *arguments, folder=tmp_path) as process:
        assert process.finish() == 0
    found = json.loads(process.stdout)
    features = found.pop("features")
    assert list(features) == ["keep-alive", "chunked", "telepathy"]
    assert features["chunked"] == Feature.CHUNKED.meaning
    assert found == {
        "name": "kyoukai_narrow:Narrow",
        "summary": "Speaks little.",
        "module": "kyoukai_narrow",
        "attribute": "Narrow",
        "file": str(elsewhere / "kyoukai_narrow.py"),
        "registered": [{"name": "narrow", "distribution": "kyoukai-narrow", "version": "0.5"}],
        "api_version": 1,
        "alpn_protocols": [],
        "preface": None,
        "options": [
            {"name": "name", "required": True, "default": None, "meaning": "whose it is."},
            {
                "name": "speed",
                "required": False,
                "default": "5",
                "meaning": "how fast, in metres a second.",
            },
            {"name": "colour", "required": False, "default": "'red'", "meaning": ""},
        ],
    }


def test_showing_what_its_connections_begin_with() -> None:
    assert r"preface     b'PRISM * 1\r\n\r\n'" in succeed("backends", "show", PRISM)
    assert json.loads(succeed("backends", "show", PRISM, "--json"))["preface"] == r"b'PRISM * 1\r\n\r\n'"
    assert "preface     none" in succeed("backends", "show", "reference")


def test_showing_what_cannot_be_loaded() -> None:
    expected = "unknown backend 'htptools'; did you mean httptools?"
    assert fail("backends", "show", "htptools").startswith(expected)
    assert "must be a subclass of kyoukai.Backend" in fail("backends", "show", "json:JSONDecoder")


def test_help() -> None:
    output = " ".join(succeed("backends", "-h").split())
    assert "Without a command it lists them." in output
    assert "its distribution with the version" in " ".join(succeed("backends", "list", "-h").split())
    assert "module:attribute" in succeed("backends", "show", "-h")

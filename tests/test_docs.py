"""The pages say what the code has: examples, tables, outputs, names and links."""

import dataclasses
import importlib.util
import inspect
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import kyoukai
from kyoukai.asphalt import KyoukaiComponent
from kyoukai.commands.options import BY_NAME, TABLE
from kyoukai.core.exchange.answer_writer import AnswerWriter
from kyoukai.server.access_log import DEFAULT_FORMAT
from kyoukai.server.tls import SETTINGS as SSL_SETTINGS
from kyoukai.web.websocket_route import WebSocketOptions
from kyoukai.websocket import WebSocketSettings

from .test_architecture import ROOMS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PROSE = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]


def load_update() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_update", DOCS / "update.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # A dataclass or a named tuple looks its module up.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


update = load_update()


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def rows(page: str, heading: str) -> dict[str, list[str]]:
    """Return the rows of the first table below a heading of a page in docs/, by their first cell."""
    text = (
        (DOCS / page)
        .read_text("utf-8")
        .partition(f"\n{heading if heading[0] == '#' else f'## {heading}'}\n")[2]
    )
    lines = re.search(r"(?m)^\|.*\n\|[-| ]+\n((?:\|.*\n)+)", text)
    assert lines is not None
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1].splitlines()]
    return {row[0].strip("`"): row[1:] for row in cells}


@pytest.mark.parametrize("page", update.PAGES, ids=name)
def test_generated_text_is_up_to_date(page: Path) -> None:
    text = page.read_text("utf-8")
    assert update.render(text) == text, "python docs/update.py"


@pytest.mark.parametrize("page", update.PAGES, ids=name)
def test_every_marker_stands_before_what_it_marks(page: Path) -> None:
    text = page.read_text("utf-8")
    marked = update.MARKED_FENCE.findall(text) + update.MARKED_TABLE.findall(text)
    assert len(re.findall(r"<!-- (?:file|output|table):", text)) == len(marked)


@pytest.mark.parametrize("page", update.PAGES, ids=name)
def test_code_is_a_file_that_is_tested(page: Path) -> None:
    fences = re.findall(r"(?m)^(.*)\n```(?:python|yaml|console)$", page.read_text("utf-8"))
    assert [before for before in fences if not re.match(r"<!-- (file|output): \S+ -->", before)] == []


def test_every_example_of_the_pages_is_on_a_page() -> None:
    shown = {
        match
        for page in update.PAGES
        for match in re.findall(r"<!-- file: (\S+) -->", page.read_text("utf-8"))
    }
    there = {name(path) for path in (ROOT / "examples" / "docs").iterdir() if path.is_file()}
    assert there - shown == set()


def test_the_index_of_examples_has_every_folder() -> None:
    index = (ROOT / "examples" / "README.md").read_text("utf-8")
    listed = re.findall(r"(?m)^\| \[`(\w+)`\]\(", index)
    there = [path.name for path in (ROOT / "examples").iterdir() if any(path.rglob("*.py"))]
    assert sorted(listed) == sorted(there)


@pytest.mark.parametrize("command", ["serve", "test"])
def test_the_commands_of_the_readme_are_one_line(command: str) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    found = re.findall(rf"(?m)^<!-- command: {command} -->\n```sh\n(.*\n)```$", text)
    assert len(found) == 1
    assert re.fullmatch(r"\S.*\n", found[0])
    assert found[0].startswith("python3 -m venv .venv && .venv/bin/pip install ")


def test_the_readme_prints_what_kyoukai_backends_prints() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    block = re.search(r"(?m)^    \$ kyoukai backends\n((?:    .*\n)+)", text)
    assert block is not None
    assert re.sub(r"(?m)^    ", "", block[1]) == update.backends_output()


def slug(heading: str) -> str:
    """Return the anchor that a repository's page, and myst-parser, give a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("page", PROSE, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"(?ms)^(```+).*?^\1$", "", page.read_text("utf-8"))
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text):
        path, _, anchor = target.partition("#")
        other = (page.parent / path).resolve() if path else page
        assert other.exists(), target
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", other.read_text("utf-8"))
            assert anchor in map(slug, headings), target


def test_every_option_is_listed() -> None:
    for group, options in TABLE.items():
        assert list(rows("reference/configuration.md", f"### {group}")) == [option.flag for option in options]
    assert sorted(rows("reference/configuration.md", "TLS")) == sorted(SSL_SETTINGS)


def test_the_defaults_of_settings_are_those_of_the_table() -> None:
    app = kyoukai.Kyoukai("defaults")
    component = KyoukaiComponent(app)
    defaults = {
        "factory": False,
        "bind": "",
        "host": component.entrance.listeners[0].hosts[0],
        "port": component.entrance.listeners[0].port,
        "uds": component.entrance.listeners[0].uds or "",
        "backend": component.backend_name,
        "server_field": component.server.server_field,
        "access_log": component.server.observe is not None,
        "access_log_format": DEFAULT_FORMAT,
        "cancel_on_disconnect": component.server.cancel_on_disconnect,
        "resource_name": component.resource_name,
        "trace": component.trace,
        "debug": app.debug,
    }
    listed = {name: BY_NAME[name].default for name in defaults}
    assert listed == {name: str(value).lower() for name, value in defaults.items()}
    assert component.server.limits == kyoukai.Limits()


def test_every_logger_is_listed() -> None:
    package = ROOT / "kyoukai"
    # The kit for tests silences loggers and has none.
    files = [path for path in package.rglob("*.py") if package / "testing" not in path.parents]
    sources = [path.read_text("utf-8") for path in files]
    used = {name for source in sources for name in re.findall(r'getLogger\("([\w.]+)"\)', source)}
    # The runner's own logger; the other is what the command line sets Asphalt's level by.
    assert set(rows("reference/configuration.md", "Logging")) - {""} | {"asphalt"} == used - {
        "asphalt.core.runner"
    } | {
        "asphalt",
        "asphalt.core.runner",
    }


def test_every_setting_of_websockets_is_listed_and_an_option_of_their_routes() -> None:
    names = [field.name for field in dataclasses.fields(WebSocketSettings)]
    assert list(rows("how-to/websockets.md", "Limits and settings")) == names
    assert set(names) <= WebSocketOptions.__annotations__.keys()


def test_the_contract_names_its_version() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    assert f"`API_VERSION`, now {kyoukai.API_VERSION}." in page


def test_the_contract_lists_what_a_parser_has_and_calls() -> None:
    from kyoukai.core.contract.parser import ParserCallbacks

    page = (DOCS / "reference" / "contract.md").read_text("utf-8").partition("## RequestParser")[2]
    for shape in (kyoukai.RequestParser, ParserCallbacks):
        methods = [name for name, _ in inspect.getmembers(shape, inspect.isfunction) if name[0] != "_"]
        assert len(methods) >= 4
        assert [method for method in methods if method not in page] == []


def test_the_contract_asks_for_what_is_abstract() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    owed = [*kyoukai.Backend.__abstractmethods__, *kyoukai.HTTPProtocol.__abstractmethods__]
    assert sorted(owed) == ["create_protocol", "make_parser"]
    assert [method for method in owed if f"- `{method}(" not in page] == []


def public_methods(cls: type) -> set[str]:
    """Return the methods that a class defines itself, and does not keep to itself."""
    return {name for name, value in vars(cls).items() if name[0] != "_" and inspect.isfunction(value)}


def test_the_contract_lists_what_a_wire_writes() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    section = page.partition("### What the wire writes")[2].partition("### What the wire calls")[0]
    required, optional = section.split("Some wires can do more.")
    assert set(re.findall(r"(?m)^\| `(\w+)\(", required)) == kyoukai.Exchange.__abstractmethods__
    # What a wire may override is all that is there to write with, but for what only reads.
    rest = public_methods(AnswerWriter) - kyoukai.Exchange.__abstractmethods__ - {"answer_fields", "drain"}
    assert set(re.findall(r"(?m)^\| `(\w+)\(", optional)) == rest | {"send_continue", "cut_off"}


def test_the_contract_lists_what_a_wire_calls() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    section = page.partition("### What the wire calls")[2].partition("### What the application asks")[0]
    listed = {
        name
        for row in re.findall(r"(?m)^\| (`\w+\(.*?) \|", section)
        for name in re.findall(r"`(\w+)\(", row)
    }
    assert listed == {
        "receive", "receive_body", "receive_end", "refuse", "end_client", "lose", "pause_writing",
        "resume_writing", "sweep",
    }  # fmt: skip
    assert listed <= public_methods(kyoukai.Exchange)


def test_the_contract_lists_what_an_application_asks() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    section = page.partition("### What the application asks")[2].partition("### RequestHead")[0]
    listed = re.findall(r"`(?:await )?(\w+)(?:\(\w*\))?`", "".join(re.findall(r"(?m)^\| (`.*?) \|", section)))
    assert len(listed) > 10
    # Over HTTP/1 the connection is asked, by the same names, but for what belongs to one request.
    one = {"head", "body", "status", "sent", "error"}
    attributes = {*dir(kyoukai.Exchange), *dir(kyoukai.HTTPProtocol), "app", "server"}
    assert set(listed) - one <= attributes
    assert one <= set(listed) <= set(dir(kyoukai.Exchange))


def test_the_contract_lists_what_a_wire_says_of_a_head() -> None:
    page = (DOCS / "reference" / "contract.md").read_text("utf-8")
    section = page.partition("### RequestHead and AnswerHead")[2].partition("### Connection")[0]
    assert [name for name in kyoukai.RequestHead._fields if f"`{name}`" not in section] == []
    silent = {"lines", "has_date", "has_server"}
    assert [
        name for name in kyoukai.AnswerHead.__slots__ if f"`{name}`" not in section and name not in silent
    ] == []


def test_the_way_of_a_request_takes_ten_steps_and_names_their_files() -> None:
    page = (DOCS / "explanation" / "how-it-works.md").read_text("utf-8")
    steps = re.findall(r"(?m)^\| (\d+) \| .* \| (.*) \|$", page)
    assert [int(number) for number, _ in steps] == list(range(1, 11))
    for _, cell in steps:
        folder = ROOT / "kyoukai"
        files = re.findall(r"`([^`]+)`", cell)
        assert files
        for file in files:
            # One without a folder is beside the one before it.
            path = (ROOT / "kyoukai" if "/" in file else folder) / file
            assert path.exists(), file
            folder = path.parent


def test_how_it_works_names_every_package_and_only_real_modules() -> None:
    page = (DOCS / "explanation" / "how-it-works.md").read_text("utf-8")
    core = ROOT / "kyoukai" / "core"
    rooms = dict(re.findall(r"(?m)^\| `(\w+)/` \| (.*) \|$", page))
    assert sorted(rooms) == sorted(path.parent.name for path in core.glob("*/__init__.py"))
    # From the highest to the lowest.
    assert tuple(reversed(rooms)) == ROOMS
    for room, text in rooms.items():
        named = re.findall(r"`(\w+)`", text)
        assert [name for name in named if not (core / room / f"{name}.py").exists()] == []

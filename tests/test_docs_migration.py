"""The pages for those who come from elsewhere name what there is, and all that there was."""

import ast
import asyncio
import importlib
import inspect
import re
from typing import Any

import asphalt.core
import pytest
import werkzeug.exceptions
import werkzeug.test
import werkzeug.utils
from click.testing import CliRunner
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

import kyoukai
from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai, KyoukaiComponent, cli
from kyoukai.commands.options import COMPONENT_SETTINGS as SETTINGS
from kyoukai.web import Route, make_response
from kyoukai.websocket import WebSocket

from .test_docs import DOCS

MIGRATION = (DOCS / "how-to" / "migration.md").read_text("utf-8")
NAMES = MIGRATION.partition("\n## Where each name went\n")[2]
COMING = (DOCS / "how-to" / "coming-from.md").read_text("utf-8")

# What users have, and no name of ours.
THEIRS = {"encode", "events", "flask_app", "hook", "parent", "work"}
# What a cell says in passing: types, values, names of settings and modules, a few pieces of code.
PLAIN = re.compile(
    r"GET|HEAD|dict|list|str|module:attribute|asyncio\.Server|strict_slashes|limits|source|response"
    r"|certificate|key|kyoukai\.backends|importlib\.metadata\.version\(.*\)"
    r"|async with|def|(async )?def item\(ctx, number\)|async def handler\(ctx, ws\)"
    r"|ctx\.user( = user)?"
)


def cells(page: str, column: int) -> list[str]:
    """Return the cells of one column of all tables of a page."""
    tables = re.findall(r"(?m)^\|.*\n\|[-|]+\n((?:\|.*\n)+)", page)
    rows = [line for table in tables for line in table.splitlines()]
    return [re.split(r" ?(?<!\\)\| ?", row)[1:-1][column] for row in rows]


def spans(text: str) -> list[str]:
    """Return what a text has for code."""
    return re.findall(r"`([^`]+)`", text)


async def make_names() -> dict[str, Any]:
    """Return what the names in the pages stand for; none is called."""
    app = Kyoukai("shop", sessions=CookieSessions("a key of sixteen bytes"))
    request = Request(EnvironBuilder().get_environ())
    async with asphalt.core.Context() as parent:
        ctx = HTTPRequestContext(parent, request, app)
    route = Route(lambda ctx: None, "/")
    route.rule = route.scope = Any  # type: ignore[assignment]
    return {
        **{name: getattr(kyoukai, name) for name in kyoukai.__all__},
        "app": app,
        "bp": kyoukai.Blueprint("bp"),
        "ctx": ctx,
        "component": KyoukaiComponent(app),
        "group": kyoukai.RouteGroup(),
        "ws": WebSocket,
        "Route": Route,
        "response": Response(),
        "Response": Response,
        "Request": Request,
        "asyncio": asyncio,
        "inject": asphalt.core.inject,
        "kyoukai": kyoukai,
        "werkzeug": werkzeug,
        "range": range,
        "make_response": make_response,
        "KeyError": KeyError,
        "Exception": Exception,
    }


@pytest.fixture(scope="module")
def names() -> dict[str, Any]:
    return asyncio.run(make_names())


class Checker:
    """Looks a piece of code up: every name, every attribute, every keyword."""

    def __init__(self, names: dict[str, Any]) -> None:
        self.names = names

    def check(self, code: str) -> None:
        """Check one piece.

        :raises AssertionError: if there is something in it that does not exist.
        """
        self.find(ast.parse(re.sub("^(@|await |async for (chunk|message) in )", "", code), mode="eval").body)

    def find(self, node: ast.expr) -> Any:
        """Return what an expression names, the class where it would be an instance."""
        match node:
            case ast.Name(id=name):
                assert name in self.names or name in THEIRS, name
                return self.names.get(name)
            case ast.Attribute(value=value, attr=attr):
                found = self.find(value)
                if inspect.ismodule(found) and not hasattr(found, attr):
                    return importlib.import_module(f"{found.__name__}.{attr}")
                if isinstance(found, type) and issubclass(found, Route):
                    assert attr in found.__slots__ or hasattr(found, attr)
                    return None
                assert hasattr(found, attr), (found, attr)
                return getattr(found, attr)
            case ast.Call(func=function, args=args, keywords=keywords):
                called = self.find(function)
                for keyword in keywords:
                    assert keyword.arg is not None
                    assert self.takes(called, keyword.arg), (called, keyword.arg)
                    self.find(keyword.value)
                if getattr(called, "__name__", "") == "test_client":
                    called = importlib.import_module("kyoukai.test_client").InProcessClient
                for arg in args:
                    if not isinstance(arg, ast.Name):  # What users have.
                        self.find(arg)
                return called
            case ast.List(elts=elements):
                for element in elements:
                    self.find(element)
        return None

    def takes(self, called: Any, keyword: str) -> bool:
        """Return whether a function can be called with a keyword."""
        if called is None:
            return False
        parameters = inspect.signature(called).parameters
        if keyword in parameters:
            return True
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            return False
        name = called.__name__
        if name in ("test_client", "live_client"):
            return keyword in ("context", "use_cookies", "raise_exceptions")
        if name == "open":
            return keyword in inspect.signature(EnvironBuilder).parameters
        if name in ("KyoukaiComponent", "run"):
            return keyword in SETTINGS
        if name == "add_route_group":
            return keyword in inspect.signature(kyoukai.Blueprint).parameters
        if name == "route":
            return keyword in inspect.signature(kyoukai.Blueprint.route).parameters
        return name == "url_for"


def check_span(checker: Checker, span: str) -> None:
    if PLAIN.fullmatch(span):
        return
    if span.startswith("kyoukai "):
        check_command(span)
    else:
        checker.check(span)


def check_command(command: str) -> None:
    """Check that the command line has what a command says."""
    _, subcommand, *rest = command.split()
    text = CliRunner().invoke(cli.main, [subcommand, "--help"]).output
    assert text.startswith("Usage: ")
    for option in rest:
        assert not option.startswith("-") or option in text


OURS = sorted({span for cell in cells(NAMES, -1) + cells(COMING, -1) for span in spans(cell)})


@pytest.mark.parametrize("span", OURS)
def test_what_a_page_says_is_ours_is_there(span: str, names: dict[str, Any]) -> None:
    check_span(Checker(names), span)


@pytest.mark.parametrize(
    "span",
    [
        "Kyoukai(title='shop')",
        "app.rout('/')",
        "ctx.request.formular",
        "@app.route('/', method='GET')",
        "kyoukai.web.nothing",
        "KyoukaiComponent(app, ip='::1')",
        "nothing",
        "Limits(max_body=1)",
    ],
)
def test_what_is_not_there_is_found(span: str, names: dict[str, Any]) -> None:
    with pytest.raises((AssertionError, AttributeError, ImportError)):
        check_span(Checker(names), span)


def test_there_are_tables() -> None:
    assert len(OURS) > 120
    assert len(cells(COMING, 1)) > 90
    assert all(re.fullmatch(r"\|[^|]*\|[^|]*\|[^|]*\|", row) for row in COMING.splitlines() if row[:1] == "|")


# The public names of 2.2.1.post1, by module: those of the module, and by class what the class has.
BEFORE: dict[str, dict[str, str]] = {
    "app": {
        "": "__version__ version_format Kyoukai",
        "Kyoukai": "request_class response_class context_class name server_name loop component debug config"
        " root register_blueprint finalize log_route handle_httpexception process_request start run",
    },
    "asphalt": {
        "": "ConnectionMadeEvent ConnectionLostEvent CtxEvent RouteMatchedEvent RouteInvokedEvent"
        " RouteReturnedEvent KyoukaiBaseComponent KyoukaiComponent HTTPRequestContext",
        "KyoukaiComponent": "connection_made connection_lost app ip port cfg server base_context backend"
        " logger start get_server_name get_protocol",
        "HTTPRequestContext": "route_matched route_invoked route_completed app request params route bp rule"
        " environ proto url_for",
    },
    "blueprint": {
        "": "Blueprint",
        "Blueprint": "name finalized routes map errorhandlers parent prefix computed_prefix tree_routes host"
        " get_submount traverse_tree finalize add_child route errorhandler wrap_route add_errorhandler"
        " get_errorhandler get_hooks add_hook after_request before_request add_route get_route"
        " add_route_group url_for match",
    },
    "route": {
        "": "Route",
        "Route": "do_argument_checking bp routes endpoint reverse_hooks should_invoke_hooks hooks"
        " callable_repr add_path get_submount get_endpoint_name invoke_function check_route_args add_hook"
        " get_hooks before_request after_request invoke",
    },
    "routegroup": {
        "": "get_rg_bp RouteGroupType route errorhandler hook before_request after_request RouteGroup"
    },
    "testing": {
        "": "TestKyoukai",
        "TestKyoukai": "wrap_existing_app testing_bp inject_request",
    },
    "util": {"": "as_html as_plaintext as_json wrap_response"},
    "wsgi": {"": "SaneWSGIWrapper to_wsgi_environment get_formatted_response"},
    "backends": {
        "": "KyoukaiProtocol PROTOCOL_CLASS H2KyoukaiComponent H2KyoukaiProtocol H2State"
        " create_wsgi_environment get_header GunicornAdapter uWSGIAdapter uwsgi_entry_point"
    },
}


def there_was() -> list[tuple[str, str]]:
    """Return each module and name, with the class before it where it belongs to one."""
    return [
        (module, f"{owner}.{name}" if owner else name)
        for module, owners in BEFORE.items()
        for owner, text in owners.items()
        for name in text.split()
    ]


@pytest.mark.parametrize(("module", "name"), there_was(), ids=".".join)
def test_every_name_of_before_has_a_row(module: str, name: str) -> None:
    sections = re.split(r"(?m)^### ", NAMES)
    (section,) = [part for part in sections if f"`kyoukai.{module}`" in part.partition("\n")[0]]
    named: set[str] = set()
    for cell in cells(section, 0):
        owner = ""
        for span in spans(cell):
            word = re.split(r"[(, ]", span)[0]
            if word.startswith("."):
                word = owner + word
            owner = word.partition(".")[0]
            named |= {word, owner}
    assert name in named

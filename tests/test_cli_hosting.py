"""``kyoukai run`` with applications of WSGI and ASGI."""

import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from kyoukai.asgi import ASGIApplication
from kyoukai.cli import main
from kyoukai.wsgi import WSGIApplication

from .processes import kyoukai_run
from .serving import message
from .test_cli import Runner, fail, succeed

FOREIGN = """
from werkzeug.wrappers import Request, Response

class Debuggable:
    debug = False
    async def __call__(self, scope, receive, send):
        pass

class WSGI(Debuggable):
    def __call__(self, environ, start_response):
        start_response("200 OK", [("Content-Length", "5")])
        return [b"hello"]

async def asgi(scope, receive, send):
    pass

@Request.application
def hidden(request):
    return Response("hello")

def create_app():
    return application

application = WSGI()
debuggable = Debuggable()
"""


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runner:
    (tmp_path / "foreign.py").write_text(FOREIGN)
    monkeypatch.chdir(tmp_path)
    replacement = Runner()
    monkeypatch.setattr("kyoukai.server.launch.run_application", replacement)
    return replacement


@pytest.mark.parametrize("module", ["foreign", "foreign.py"])
@pytest.mark.parametrize(
    ("attribute", "options", "hosted"),
    [
        # Where there is no `app`, it is the name that WSGI servers have for one.
        ("", [], WSGIApplication),
        (":application", ["--interface", "wsgi"], WSGIApplication),
        ("", ["--factory"], WSGIApplication),
        (":WSGI", ["--factory", "--interface", "WSGI"], WSGIApplication),
        (":hidden", ["--interface", "wsgi"], WSGIApplication),
        (":asgi", [], ASGIApplication),
        (":asgi", ["--interface", "asgi", "--root-path", "/shop", "--lifespan", "off"], ASGIApplication),
    ],
)
def test_interface_of_the_target(
    runner: Runner, module: str, attribute: str, options: list[str], hosted: type
) -> None:
    succeed("run", f"{module}{attribute}", *options)
    assert type(runner.component.app) is hosted


@pytest.mark.parametrize("module", ["foreign", "foreign.py"])
@pytest.mark.parametrize(
    ("attribute", "options", "said"),
    [
        (
            ":asgi",
            ["--interface", "wsgi"],
            "is not an application of wsgi, but one of ASGI: set interface, or",
        ),
        (
            "",
            ["--interface", "asgi"],
            "is not an application of asgi, but one of WSGI: set interface, or --inter",
        ),
        (
            "",
            ["--interface", "kyoukai"],
            "is not an application of kyoukai, but one of WSGI: set interface, or",
        ),
        (
            ":hidden",
            [],
            "hidden' can be called in several ways, and may be an application of ASGI or of WSGI",
        ),
        (
            ":create_app",
            [],
            "is a function, not an application; if it returns one, set factory, or --fac",
        ),
        (":Request", [], "Request' is a class, not an application"),
        (":WSGI", [], "WSGI' is a class, not an application"),
        ("", ["--lifespan", "on"], "lifespan is 'on', but app "),
        ("", ["--root-path", "shop"], "root_path is 'shop'; it must be a path that begins with '/' and does"),
        (":asgi", ["--debug"], "debug needs an application that has a debug mode: <function asgi"),
    ],
)
def test_unservable_targets(
    runner: Runner, module: str, attribute: str, options: list[str], said: str
) -> None:
    assert said in fail("run", f"{module}{attribute}", *options).replace("'foreign.py'", "'foreign'")


def test_a_target_with_neither_of_the_names(runner: Runner, tmp_path: Path) -> None:
    (tmp_path / "bare.py").touch()
    assert fail("run", "bare").endswith("module 'bare' has no attribute 'app', nor 'application'")
    assert fail("run", "bare.py") == "'bare.py' has no 'app', nor 'application'"


def test_unknown_interface(runner: Runner) -> None:
    result = CliRunner().invoke(main, ["run", "foreign", "--interface", "cgi"])
    assert "--interface is 'cgi'; it must be one of auto, kyoukai, asgi, wsgi" in result.stderr


def test_interface_from_environment_and_command_line(runner: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KYOUKAI_INTERFACE", "wsgi")
    monkeypatch.setenv("KYOUKAI_MAX_THREADS", "7")
    succeed("run", "foreign:hidden")
    assert app_of(runner).threads == 7
    succeed("run", "foreign:hidden", "--max-threads", "3")
    assert app_of(runner).threads == 3
    assert "of ASGI" in fail("run", "foreign:asgi")
    succeed("run", "foreign:asgi", "--interface", "auto")


def test_interface_from_a_file(runner: Runner, tmp_path: Path) -> None:
    lines = ["type: kyoukai", "app: foreign:hidden", "interface: wsgi", "max_threads: 5", "root_path: /shop"]
    (tmp_path / "config.yaml").write_text("component:\n" + "".join(f"  {line}\n" for line in lines))
    succeed("run", "config.yaml")
    assert app_of(runner).threads == 5
    (tmp_path / "config.yaml").write_text(
        "component:\n" + "".join(f"  {line}\n" for line in lines[:3]) + "max_threads: 6\n"
    )
    succeed("run", "config.yaml")
    assert app_of(runner).threads == 6
    succeed("run", "config.yaml", "--max-threads", "8")
    assert app_of(runner).threads == 8


def app_of(runner: Runner) -> WSGIApplication:
    app = runner.component.app
    assert isinstance(app, WSGIApplication)
    return app


def test_debug_turns_its_own_debug_mode_on(runner: Runner, caplog: pytest.LogCaptureFixture) -> None:
    succeed("run", "foreign:debuggable", "--debug")
    served = runner.component.app
    assert isinstance(served, ASGIApplication)
    assert served.application.debug is True  # type: ignore[attr-defined]
    assert "every client sees the application's error pages" in caplog.text


PROJECT = """
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse
from django.urls import path

settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="secret", DEBUG=False)

def index(request):
    names = ("wsgi.multithread", "wsgi.multiprocess", "SCRIPT_NAME")
    return HttpResponse(" ".join(str(request.environ[name]) for name in names))

urlpatterns = [path("", index)]
application = get_wsgi_application()
"""

ASGI = """
async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"first"})
"""


def test_django_in_workers(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "__init__.py").touch()
    (tmp_path / "project" / "wsgi.py").write_text(PROJECT)
    options = ("--port", "0", "--workers", "1", "--max-threads", "3", "--root-path", "/shop")
    with kyoukai_run("project.wsgi", *options, folder=tmp_path) as process:
        process.wait_for(r"\(backend httptools, loop uvloop, WSGI\) by 1 worker")
        with process.connect() as client:
            assert client.request(message()).body == b"True True /shop"
        process.send(signal.SIGTERM)
        assert process.finish() == 0


def test_an_application_of_asgi_that_is_reloaded(tmp_path: Path) -> None:
    (tmp_path / "site_by_asgi.py").write_text(ASGI)
    with kyoukai_run("site_by_asgi", "--port", "0", "--reload", folder=tmp_path) as process:
        process.wait_for(r"\(backend httptools, loop uvloop, ASGI\)")
        with process.connect() as client:
            assert client.request(message()).body == b"first"
        (tmp_path / "site_by_asgi.py").write_text(ASGI.replace("first", "second"))
        process.wait_for("reloaded: 1 new workers serve")
        # The former worker ends once it has answered what came to it.
        process.wait_for(r"worker 1 \(pid \d+\) has ended \(reload\)")
        with process.connect() as client:
            assert client.request(message()).body == b"second"
        process.send(signal.SIGTERM)
        assert process.finish() == 0

from pathlib import Path
from typing import Any

import pytest
from werkzeug.wrappers import Response

from kyoukai import Blueprint, ConfigurationError, HTTPRequestContext, Kyoukai

from .asking import ask


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name, text in {
        "index.html": "front",
        "style.css": "a {}",
        "sub/index.html": "sub",
        "empty/keep": "",
        ".well-known/security.txt": "Contact:",
        "a b&c.txt": "spaced",
    }.items():
        path = tmp_path / "site" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "site"


def body(app: Kyoukai, path: str, **options: Any) -> tuple[int, str]:
    with ask(app, path, **options) as response:
        return response.status_code, b"".join(response.iter_encoded()).decode()


def serving(prefix: str, site: Path, **options: Any) -> Kyoukai:
    app = Kyoukai("site")
    app.static(prefix, site, **options)
    return app


def test_files(site: Path) -> None:
    app = serving("/static", site)
    assert body(app, "/static/style.css") == (200, "a {}")
    assert body(app, "/static/sub/index.html") == (200, "sub")
    assert body(app, "/static/a b&c.txt") == (200, "spaced")
    for path in ("/static", "/static/", "/static/sub", "/static/sub/", "/static/missing", "/style.css"):
        assert body(app, path)[0] == 404
    assert body(app, "/static/style.css", method="POST")[0] == 405
    assert body(app, "/static/style.css/")[0] == 404


def test_an_index(site: Path) -> None:
    app = serving("/static", site, index="index.html")
    assert body(app, "/static/") == (200, "front")
    assert body(app, "/static/sub/") == (200, "sub")
    assert body(app, "/static/empty/")[0] == 404
    assert body(app, "/static/sub/index.html") == (200, "sub")
    assert body(app, "/static/style.css/")[0] == 404
    with ask(app, "/static/sub", query_string="a=b%20c") as response:
        assert (response.status_code, response.location) == (308, "/static/sub/?a=b%20c")
    with ask(app, "/static") as response:
        assert (response.status_code, response.location) == (308, "http://localhost/static/")


def test_a_site_at_the_root(site: Path) -> None:
    app = serving("", site, index="index.html")

    @app.route("/api")
    async def api(ctx: HTTPRequestContext) -> str:
        return "api"

    assert body(app, "/") == (200, "front")
    assert body(app, "/style.css") == (200, "a {}")
    assert body(app, "/api") == (200, "api")
    (site / "evil:x").mkdir()
    with ask(app, "/evil:x") as response:
        assert response.location == "/evil:x/"


def test_dot_files(site: Path) -> None:
    assert body(serving("/s", site), "/s/.well-known/security.txt")[0] == 404
    app = serving("/s", site, dot_files=True)
    assert body(app, "/s/.well-known/security.txt") == (200, "Contact:")
    assert body(app, "/s/sub/../style.css")[0] == 404


def test_how_long_a_file_is_kept(site: Path) -> None:
    with ask(serving("/s", site), "/s/style.css") as response:
        assert response.headers["Cache-Control"] == "no-cache"
    with ask(serving("/s", site, max_age=3600), "/s/style.css") as response:
        assert (response.cache_control.public, response.cache_control.max_age) == (True, 3600)


def test_urls(site: Path) -> None:
    app = Kyoukai("site")
    shop = app.add_child(Blueprint("shop", prefix="/shop/<tenant>"))
    shop.static("/files", site, index="index.html", endpoint="files")
    app.static("/static", site)

    @app.route("/")
    async def index(ctx: HTTPRequestContext) -> list[str]:
        return [
            ctx.url_for("static", filename="a b&c.txt"),
            ctx.url_for("shop.files", tenant="x", filename="style.css"),
        ]

    assert body(app, "/") == (200, '["/static/a%20b&c.txt","/shop/x/files/style.css"]')
    assert body(app, "/shop/x/files/style.css") == (200, "a {}")
    assert body(app, "/shop/x/files/") == (200, "front")
    with ask(app, "/shop/x/files/sub") as response:
        assert response.location == "/shop/x/files/sub/"


def test_hooks_and_error_handlers_apply_to_static_files(site: Path) -> None:
    app = serving("/s", site)

    @app.after_request
    async def mark(ctx: HTTPRequestContext, response: Response) -> None:
        response.headers["X-Endpoint"] = ctx.route.endpoint if ctx.route else ""

    @app.errorhandler(404)
    async def missing(ctx: HTTPRequestContext, error: Exception) -> str:
        return "nothing here"

    with ask(app, "/s/style.css") as response:
        assert response.headers["X-Endpoint"] == "static"
    assert body(app, "/s/missing") == (404, "nothing here")


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"directory": "/no/such/directory"}, "a directory that exists, not '/no/such/directory'"),
        ({"directory": None}, "a directory that exists, not None"),
        ({"directory": __file__}, "a directory that exists"),
        ({"prefix": "static"}, "start with '/' and not end with it: 'static'"),
        ({"prefix": "/static/"}, "start with '/' and not end with it: '/static/'"),
        ({"prefix": "/"}, "start with '/' and not end with it: '/'"),
        ({"prefix": None}, "start with '/' and not end with it: None"),
        ({"index": True}, "index must be a file name such as 'index.html', not True"),
        ({"index": "sub/index.html"}, "index must be"),
        ({"index": ".."}, "index must be"),
        ({"index": ""}, "index must be"),
        ({"max_age": -1}, "max_age must be a number of seconds, 0 or more, not -1"),
        ({"max_age": True}, "max_age must be"),
        ({"max_age": "1h"}, "max_age must be"),
        ({"dot_files": "yes"}, "dot_files must be True or False, not 'yes'"),
        ({"endpoint": "a.b"}, "no dot"),
    ],
)
def test_invalid_static_files(site: Path, changes: dict[str, Any], text: str) -> None:
    with pytest.raises(ConfigurationError) as info:
        Kyoukai("site").static(**{"prefix": "/static", "directory": site, **changes})
    assert text in str(info.value)


def test_two_directories_of_one_name(site: Path) -> None:
    app = serving("/a", site)
    with pytest.raises(ConfigurationError, match=r"give .* another by endpoint="):
        app.static("/b", site)
    app.static("/b", site, endpoint="b")
    assert body(app, "/b/style.css") == (200, "a {}")


def test_a_finalized_application(site: Path) -> None:
    app = Kyoukai("site")
    app.finalize()
    with pytest.raises(RuntimeError, match="finalized"):
        app.static("/s", site)


def test_two_directories_of_one_name_are_distinguished(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    app = Kyoukai("app")
    app.static("/a", tmp_path / "a")
    with pytest.raises(ConfigurationError) as caught:
        app.static("/b", tmp_path / "b")
    a, b = (f"the static directory {str(tmp_path / name)!r}" for name in "ab")
    assert str(caught.value) == f"the endpoint 'static' is {a} already; give {b} another by endpoint=..."

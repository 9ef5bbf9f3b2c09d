import asyncio
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from asphalt.core import Context

from kyoukai import CookieSessions, HTTPRequestContext, Kyoukai
from kyoukai.test_client import BlockingClient

from ..conftest import BACKENDS

Make = Callable[..., BlockingClient]


def remembering() -> Kyoukai:
    app = Kyoukai("remembering", sessions=CookieSessions("0123456789abcdef"))

    @app.route("/", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def index(ctx: HTTPRequestContext) -> dict[str, Any]:
        ctx.session["count"] = ctx.session.get("count", 0) + 1
        return {"method": ctx.request.method, "count": ctx.session["count"]}

    return app


@pytest.mark.parametrize("backend", [None, *BACKENDS])
def test_the_fixture(kyoukai_client: Make, backend: str | None) -> None:
    client = kyoukai_client(remembering(), backend=backend)
    methods = ("get", "post", "put", "patch", "delete")
    for count, method in enumerate(methods, 1):
        assert getattr(client, method)("/").json == {"method": method.upper(), "count": count}
    assert client.open("/", method="POST").json["count"] == 6
    assert client.head("/").data == b""
    assert client.options("/").status_code == 200
    with client.session_transaction() as session:
        session["count"] = 100
    assert client.get("/").json["count"] == 101
    assert client.get_cookie("session") is not None


def test_start_and_stop() -> None:
    app = Kyoukai("starting")
    seen = []
    app.before_serving(lambda ctx: seen.append("start"))
    app.after_serving(lambda ctx: seen.append("stop"))
    with BlockingClient(app) as client:
        assert seen == ["start"]
        assert client.run(asyncio.sleep(0, "slept")) == "slept"
    assert seen == ["start", "stop"]


def test_a_start_that_fails() -> None:
    app = Kyoukai("starting")

    @app.before_serving
    async def start(ctx: Context) -> None:
        raise LookupError("no database")

    with pytest.raises(LookupError, match="no database"), BlockingClient(app):
        raise AssertionError


def test_an_asynchronous_test_takes_another(kyoukai_client: Make) -> None:
    client = kyoukai_client(remembering())

    async def main() -> None:
        with pytest.raises(RuntimeError, match=r"async with app\.test_client"):
            client.get("/")

    asyncio.run(main())


def test_the_plugin_imports_nothing_of_kyoukai() -> None:
    code = (
        "import sys, pytest_kyoukai\n"
        "sys.exit(any(name.partition('.')[0] in ('kyoukai', 'asphalt', 'werkzeug') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


def test_it_needs_neither_pytest_nor_hypothesis() -> None:
    code = (
        "import sys\n"
        "sys.modules['pytest'] = sys.modules['hypothesis'] = None\n"
        "from kyoukai import Kyoukai\n"
        "from kyoukai.test_client import BlockingClient\n"
        "with BlockingClient(Kyoukai('a')) as client: assert client.get('/').status_code == 404\n"
        "from kyoukai.testing import TestKyoukai\n"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0

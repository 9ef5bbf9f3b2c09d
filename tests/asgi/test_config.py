"""Configuration files, served by a server of ASGI."""

import sys
from pathlib import Path

import pytest

from kyoukai import ConfigurationError
from kyoukai.asgi.config import from_config
from tests.asgi.export.calls import get, post, run, serving

APP = """
from asphalt.core import Component
from kyoukai import Kyoukai

class Thing(str):
    pass

class Bringing(Component):
    async def start(self, ctx):
        ctx.add_resource(Thing("brought"))

app = Kyoukai("configured")

@app.route("/")
async def thing(ctx):
    return ctx.require_resource(Thing)

@app.route("/threads")
def threads(ctx):
    import asyncio, threading
    return threading.current_thread().name

@app.route("/echo", methods=["POST"])
async def echo(ctx):
    return ctx.request.get_data()
"""

TREE = """
max_threads: 1
start_timeout: 7
component:
  components:
    bringing: {type: "configured_app:Bringing"}
    kyoukai:
      app: configured_app:app
      bind: 0.0.0.0:1
      workers: 4
      access_log: false
      limits: {max_body_size: 10}
  type: asphalt.core:ContainerComponent
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an application, from which modules are imported."""
    (tmp_path / "configured_app.py").write_text(APP)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def test_a_file_is_served_with_all_its_components(folder: Path) -> None:
    (folder / "config.yaml").write_text(TREE)

    async def main() -> None:
        export = from_config(str(folder / "config.yaml"))
        assert export.start_timeout == 7
        async with serving(export) as app:
            assert (await get(app)).body == b"brought"
            assert (await post(app, b"/echo", b"x" * 11)).status == 413
            assert (await get(app, b"/threads")).body.endswith(b"_0")

    run(main)


def test_a_file_of_one_server_finds_its_application(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "only_there.py").write_text(APP)
    path = folder / "config.yaml"
    path.write_text(f"component: {{type: kyoukai, app: 'only_there:app', app_dir: {elsewhere}, port: 1}}\n")
    before = list(sys.path)
    try:
        export = from_config(str(path))

        async def main() -> None:
            async with serving(export) as app:
                assert (await post(app, b"/echo", b"said")).body == b"said"

        run(main)
    finally:
        sys.path[:] = before
        sys.modules.pop("only_there", None)


def test_a_mistake_in_a_file_is_found_at_once(folder: Path) -> None:
    path = folder / "config.yaml"
    path.write_text("component: {type: kyoukai, app: 'configured_app:app', limits: {max_body_sise: 1}}\n")
    with pytest.raises(ConfigurationError, match="max_body_sise"):
        from_config(str(path))
    with pytest.raises(ConfigurationError, match="there is no file"):
        from_config(str(folder / "other.yaml"))

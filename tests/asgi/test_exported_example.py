"""The example of the page about other servers."""

import runpy
from pathlib import Path

from tests.asgi.export.calls import get, post, run, serving

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "docs" / "exported.py"


def test_it_is_served() -> None:
    exported = runpy.run_path(str(EXAMPLE))["asgi"]

    async def main() -> None:
        async with serving(exported) as app:
            assert (await get(app)).body == b'{"visits":2}'
            assert (await get(app)).body == b'{"visits":3}'
            assert (await post(app, b"/", b"x" * 70000)).status in (405, 413)

    run(main)

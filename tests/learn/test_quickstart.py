"""The quickstart, followed from an empty folder: each file, command and output that the page shows."""

import os
import signal
from contextlib import ExitStack
from pathlib import Path

from ..processes import Process, kyoukai_run
from .pages import ENVIRONMENT, ROOT, Command, File, check_output, port_of, read_page, run_command

PAGE = ROOT / "docs" / "learn" / "quickstart.md"
# Until it has ended, the worker from before may answer.
RELOADED = r"has ended \(reload\)"


def test_quickstart(tmp_path: Path) -> None:
    folder = tmp_path / "guests"
    folder.mkdir()
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    reloads = 0
    with ExitStack() as stack:
        server: Process | None = None
        for step in read_page(PAGE):
            if isinstance(step, File):
                # In one step, so that no half of it is loaded.
                (folder / "new").write_text(step.text)
                os.replace(folder / "new", folder / step.name)
                if server is not None:
                    reloads += 1
                    server.wait_for(RELOADED, reloads)
            elif not isinstance(step, Command):
                assert server is not None
                check_output(f"…\n{step.output}…\n", server.log, folder)
            elif step.line.startswith("kyoukai run "):
                if server is not None:
                    server.send(signal.SIGINT)
                    assert server.finish() == 0
                arguments = step.line.removeprefix("kyoukai run ").split()
                own = {"KYOUKAI_PORT": "0", "PYTHONPATH": f"{folder}:{ROOT}"}
                server = stack.enter_context(kyoukai_run(*arguments, folder=folder, environ=own))
                assert server.url
                reloads = 0
                check_output(f"…\n{step.output}…\n", server.log, folder)
            elif not ENVIRONMENT.match(step.line):
                output = run_command(step.line, folder, port_of(server), environ)
                check_output(step.output, output, folder)
                assert "ERROR" not in (server.log if server is not None else "")

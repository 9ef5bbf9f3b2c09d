"""Writes what the reader of the tutorial has at the end of each step: ``python -m tests.learn.steps FOLDER``.

The repository has each version of a file once. Types are checked where all files of a step are together.
"""

import shutil
import sys
from pathlib import Path

from .pages import File, read_page
from .test_tutorial import pages


def main() -> None:
    """Write each step into a folder of its own, named after its page."""
    target = Path(sys.argv[1])
    before: Path | None = None
    for page in pages():
        folder = target / page.stem
        if before is None:
            folder.mkdir(parents=True)
        else:
            shutil.copytree(before, folder)
        for step in read_page(page):
            if isinstance(step, File) and not step.name.startswith("/"):
                path = folder / step.name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step.text)
        before = folder


if __name__ == "__main__":
    main()

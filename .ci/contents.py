"""Checks what is in an sdist and a wheel: ``python contents.py TRACKED SDIST-OR-WHEEL ...``.

TRACKED is a file with the output of ``git ls-files``.
"""

import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Final

LEFT_OUT: Final = ("docs/screenshots/",)
"""What git has, and the sdist has not: see MANIFEST.in."""

MADE: Final = ("PKG-INFO", "setup.cfg", "kyoukai.egg-info/")
"""What setuptools adds to an sdist."""

MAN_PAGE: Final = "share/man/man1/kyoukai.1"
"""Where an environment has the manual page."""

MOST_BYTES: Final = {".gz": 3 << 20, ".whl": 1 << 20}


def sdist_files(path: Path) -> set[str]:
    """Return the files of an sdist, but for those that setuptools makes."""
    with tarfile.open(path) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    return {name for name in names if not name.startswith(MADE)}


def wheel_files(path: Path) -> set[str]:
    """Return the files of a wheel, but for its metadata; those of the environment by their place in it."""
    with zipfile.ZipFile(path) as archive:
        names = {name.partition(".data/data/")[2] or name for name in archive.namelist()}
    return {name for name in names if ".dist-info/" not in name}


def main(tracked: str, *paths: str) -> None:
    """Compare each archive with what it should have.

    :raises SystemExit: with what is missing, what is too much, or what is too large.
    """
    all_files = set(Path(tracked).read_text("utf-8").splitlines())
    for path in map(Path, paths):
        if path.suffix == ".whl":
            found = wheel_files(path)
            wanted = {name for name in all_files if name.startswith(("kyoukai/", "pytest_kyoukai.py"))}
            wanted.add(MAN_PAGE)
        else:
            found = sdist_files(path)
            wanted = {name for name in all_files if not name.startswith(LEFT_OUT)}
        if found != wanted:
            missing, extra = sorted(wanted - found), sorted(found - wanted)
            sys.exit(f"{path.name} differs from git: missing {missing}, too much {extra}")
        size = path.stat().st_size
        if size > MOST_BYTES[path.suffix]:
            sys.exit(f"{path.name} is of {size} bytes; at most {MOST_BYTES[path.suffix]} are meant")
        print(f"{path.name}: {len(found)} files, {size // 1024} KiB")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The guestbook in a process of its own, as its README says, on each backend and by other servers."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from ..conftest import BACKENDS, HTTP2
from ..exported.peers import PEERS
from ..processes import Process
from ..served_examples import copy_example, served_example
from ..serving import PATIENCE

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "guestbook"


class Site:
    """A guestbook that is served.

    :param process: serves it.
    :param folder: where it keeps what it is given.
    :param by_http2: whether its clients have to speak HTTP/2.
    """

    def __init__(self, process: Process, folder: Path, by_http2: bool) -> None:
        self.process = process
        self.by_http2 = by_http2
        self.url = process.url
        self.lacks = process.lacks
        self.folder = folder

    @property
    def pictures(self) -> set[str]:
        """The names of the files in the folder of the pictures."""
        return {path.name for path in (self.folder / "data" / "pictures").iterdir()}


class Guest(httpx.Client):
    """A browser without scripts: it has cookies and fills in forms."""

    def __init__(self, site: Site) -> None:
        versions = {"http1": not site.by_http2, "http2": site.by_http2}
        super().__init__(base_url=site.url, timeout=PATIENCE, trust_env=False, **versions)

    def token(self) -> str:
        """Return what the form of the page has hidden in it."""
        return hidden_token(self.get("/").text)

    def sign(self, name: str, message: str, picture: bytes | None = None, **changes: Any) -> httpx.Response:
        """Post the form, and return the answer; no redirect is followed."""
        data = {"token": changes.pop("token", None) or self.token(), "name": name, "message": message}
        files = {"picture": ("" if picture is None else "a.png", picture or b"", "image/png"), **changes}
        return self.post("/", data=data, files=files)

    def number_of(self, answer: httpx.Response) -> int:
        """Return the number of the entry that an answer leads to."""
        assert answer.status_code == 303
        return int(answer.headers["location"].removeprefix("/#entry-"))


def hidden_token(page: str) -> str:
    """Return what a page has for the form to bring."""
    found = re.search(r'name="token" value="([^"]{43})"', page)
    assert found is not None, page
    return found[1]


def picture_of(
    width: int = 4, height: int = 3, kind: str = "PNG", mode: str = "RGB", **options: Any
) -> bytes:
    """Return the file of a picture."""
    output = io.BytesIO()
    Image.new(mode, (width, height), 0x505D2F if mode == "RGB" else 0).save(output, kind, **options)
    return output.getvalue()


@contextlib.contextmanager
def served(folder: Path, server: str) -> Iterator[Site]:
    """Serve the guestbook of a folder, and check by the end that nothing went wrong."""
    with served_example(folder, server) as process:
        yield Site(process, folder, by_http2=server == HTTP2)


def copy_to(folder: Path) -> Path:
    """Copy the guestbook, without what it was given where it is, and return where it is now."""
    return copy_example(EXAMPLE, folder)


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The folder of a guestbook with nothing in it."""
    return copy_to(tmp_path)


@pytest.fixture(scope="module", params=[*BACKENDS, HTTP2, *PEERS])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A guestbook that the tests of a module share, on each backend and by other servers."""
    with served(copy_to(tmp_path_factory.mktemp("site")), request.param) as site:
        yield site


@pytest.fixture
def guest(site: Site) -> Iterator[Guest]:
    """Somebody who comes by for the first time."""
    with Guest(site) as guest:
        yield guest


@pytest.fixture
def other(site: Site) -> Iterator[Guest]:
    """Somebody else."""
    with Guest(site) as guest:
        yield guest

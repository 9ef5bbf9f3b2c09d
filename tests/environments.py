"""Virtual environments with Kyoukai and one more project, made without a network."""

import base64
import hashlib
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

from .serving import PATIENCE


def install(project: Path, folder: Path) -> str:
    """Install a project with pip into a new environment, and return its interpreter.

    :param folder: the folder of the environment and of the project's wheel.
    """
    environment = folder / "venv"
    venv.create(environment, symlinks=True)
    interpreter = str(environment / "bin" / "python")
    # The environment can import the packages of the test environment, Kyoukai among them. It needs no
    # network.
    paths = {"base": str(environment), "platbase": str(environment)}
    site = Path(sysconfig.get_path("purelib", "venv", paths))
    outer = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "outer.pth").write_text("".join(f"import site; site.addsitedir({path!r})\n" for path in outer))
    wheel = str(build_wheel(project, folder))
    # Use the pip of the tests' interpreter. Installing pip into the new environment takes seconds.
    command = [sys.executable, "-m", "pip", "--python", interpreter, "install"]
    result = subprocess.run(
        [*command, "--no-index", "--no-deps", "--no-cache-dir", "--disable-pip-version-check", wheel],
        capture_output=True,
        text=True,
        timeout=10 * PATIENCE,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return interpreter


def build_wheel(project: Path, folder: Path) -> Path:
    """Build a wheel of a project that consists of modules and metadata, as its build backend would.

    The tests do not depend on a build backend, and fetching one needs a network. The format is
    https://packaging.python.org/en/latest/specifications/binary-distribution-format/.
    """
    settings = tomllib.loads((project / "pyproject.toml").read_text())
    metadata = settings["project"]
    stem = f"{metadata['name'].replace('-', '_')}-{metadata['version']}"
    groups = metadata["entry-points"].items()
    files = {
        f"{stem}.dist-info/METADATA": (
            f"Metadata-Version: 2.1\nName: {metadata['name']}\nVersion: {metadata['version']}\n"
        ),
        f"{stem}.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{stem}.dist-info/entry_points.txt": "".join(
            f"[{group}]\n" + "".join(f"{name} = {value}\n" for name, value in entries.items())
            for group, entries in groups
        ),
    }
    for module in settings["tool"]["setuptools"]["py-modules"]:
        files[f"{module}.py"] = (project / f"{module}.py").read_text()
    record = "".join(f"{name},{digest(text)},{len(text.encode())}\n" for name, text in files.items())
    files[f"{stem}.dist-info/RECORD"] = record + f"{stem}.dist-info/RECORD,,\n"
    path = folder / f"{stem}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in files.items():
            wheel.writestr(name, text)
    return path


def digest(text: str) -> str:
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")

"""Prerequisites of a measurement: the peers' environment, a certificate, a file."""

import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks import content

ROOT: Final = Path(__file__).resolve().parent.parent
REQUIREMENTS: Final = Path(__file__).with_name("requirements.txt")
ENVIRONMENT: Final = content.CACHE / f"peers-{sys.version_info.major}.{sys.version_info.minor}"
PYTHON: Final = ENVIRONMENT / "bin" / "python"
INSTALLED: Final = ENVIRONMENT / "requirements.txt"
"""The requirements of the environment; written last."""

CERTIFICATE: Final = content.CACHE / "certificate.pem"
KEY: Final = content.CACHE / "key.pem"


def make_peers() -> None:
    """Make the peers' environment with this Python, unless a current one exists."""
    wanted = REQUIREMENTS.read_text("utf-8")
    if INSTALLED.exists() and INSTALLED.read_text("utf-8") == wanted:
        return
    print(f"installing the peers into {ENVIRONMENT}", file=sys.stderr)
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], check=True)
    subprocess.run([str(PYTHON), "-m", "pip", "install", "-q", "-r", str(REQUIREMENTS)], check=True)
    INSTALLED.write_text(wanted, "utf-8")


def install_ours() -> None:
    """Install this Kyoukai beside the peers, to host their applications.

    The versions of the peers do not change. The installation is editable: it always has the current code of
    this folder.
    """
    words = ("-c", str(REQUIREMENTS), "-e", str(ROOT))
    subprocess.run([str(PYTHON), "-m", "pip", "install", "-q", *words], check=True)


def make_file() -> None:
    """Write the file to serve."""
    content.CACHE.mkdir(exist_ok=True)
    content.FILE.write_bytes(content.BINARY)


def make_certificate() -> None:
    """Write a certificate for 127.0.0.1 and its key, with an elliptic curve, as is common now."""
    # Only measurements with TLS need it.
    import trustme

    content.CACHE.mkdir(exist_ok=True)
    leaf = trustme.CA().issue_cert("127.0.0.1")
    leaf.cert_chain_pems[0].write_to_path(str(CERTIFICATE))
    leaf.private_key_pem.write_to_path(str(KEY))

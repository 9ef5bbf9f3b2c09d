"""The measured servers: Kyoukai and its peers, with their commands.

Each runs in its fast production setup: one worker, uvloop, no access log, no reloading or debugging. All keep
idle connections for 75 seconds, as a proxy in front would want.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple


class Server(NamedTuple):
    """One server, with its application."""

    about: str
    command: str
    """The arguments of Python; ``{port}`` is replaced."""
    distributions: tuple[str, ...]
    """The packages whose versions are recorded."""
    tls: str
    """Additional arguments for TLS; ``{certificate}`` and ``{key}`` are replaced."""
    without: Mapping[str, str] = {}
    """Workloads that the server does not take part in, with the reason."""
    ours: bool = False
    """Whether the server runs in the current environment instead of the peers'."""


KYOUKAI: Final = (
    "-m kyoukai run {target} --app-dir . --port {{port}} --loop uvloop --no-access-log --log-level warning"
    " --backend "
)
KYOUKAI_TLS: Final = "--ssl-certfile {certificate} --ssl-keyfile {key}"
UVICORN: Final = (
    "-m uvicorn {target} --port {{port}} --loop uvloop --http {http} --no-access-log"
    " --log-level warning --timeout-keep-alive 75"
)
UVICORN_TLS: Final = "--ssl-certfile {certificate} --ssl-keyfile {key}"


def kyoukai(about: str, backend: str) -> Server:
    """Return Kyoukai with one of its backends."""
    command = KYOUKAI.format(target="benchmarks.apps:kyoukai") + backend
    versions = ("kyoukai", "werkzeug", "asphalt", "httptools", "uvloop")
    return Server(about, command, versions, KYOUKAI_TLS, ours=True)


def uvicorn(about: str, module: str, http: str, *distributions: str) -> Server:
    """Return an application under uvicorn."""
    command = UVICORN.format(target=f"benchmarks.peers.{module}:app", http=http)
    return Server(about, command, ("uvicorn", http, "uvloop", *distributions), UVICORN_TLS)


SERVERS: Final[dict[str, Server]] = {
    "kyoukai": kyoukai("Kyoukai on its backend httptools", "httptools"),
    "kyoukai-reference": kyoukai("Kyoukai on its backend reference", "reference"),
    "uvicorn": uvicorn("uvicorn, a bare callable, httptools", "asgi", "httptools"),
    "uvicorn-h11": uvicorn("uvicorn, a bare callable, h11", "asgi", "h11"),
    "starlette": uvicorn("uvicorn with Starlette", "starlette_app", "httptools", "starlette"),
    "blacksheep": uvicorn("uvicorn with BlackSheep", "blacksheep_app", "httptools", "blacksheep"),
    "falcon": uvicorn("uvicorn with Falcon", "falcon_app", "httptools", "falcon"),
    "quart": uvicorn("uvicorn with Quart", "quart_app", "httptools", "quart"),
    "granian": Server(
        "granian (Rust), a bare ASGI callable",
        "-m granian benchmarks.peers.asgi:app --interface asgi --port {port} --loop uvloop --workers 1"
        " --no-ws --http 1 --log-level warning",
        ("granian", "uvloop"),
        "--ssl-certificate {certificate} --ssl-keyfile {key}",
    ),
    "aiohttp": Server(
        "aiohttp.web",
        "-m benchmarks.peers.aiohttp_app {port}",
        ("aiohttp", "uvloop"),
        "{certificate} {key}",
    ),
    "hypercorn": Server(
        "hypercorn, a bare ASGI callable",
        "-m hypercorn benchmarks.peers.asgi:app -b 127.0.0.1:{port} -k uvloop -w 1 --keep-alive 75"
        " --log-level warning",
        ("hypercorn", "h11", "uvloop"),
        "--certfile {certificate} --keyfile {key}",
    ),
    "flask": Server(
        "gunicorn with Flask, worker class gthread with 4 threads",
        "-m gunicorn benchmarks.peers.flask_app:app -b 127.0.0.1:{port} -w 1 -k gthread --threads 4"
        " --keep-alive 75 --worker-connections 20000 --log-level warning",
        ("gunicorn", "flask", "werkzeug"),
        "--certfile {certificate} --keyfile {key}",
    ),
    "floor": Server(
        "the floor: httptools, uvloop, constant answers",
        "-m benchmarks.peers.floor {port}",
        ("httptools", "uvloop"),
        "{certificate} {key}",
    ),
}
"""Servers by name, in the order of the report."""

GROWING: Final = KYOUKAI.format(target="benchmarks.growing:app") + "httptools"
"""Kyoukai with many routes."""

"""Who hosts what: each application is the same file wherever it runs, on the same Python and libraries.

Ours runs in the peers' environment too, where the frameworks are. Each has one worker, uvloop, no access log,
and 75 seconds of keep-alive where that can be set.
"""

from typing import Final

from benchmarks.servers import KYOUKAI, UVICORN, Server
from benchmarks.workloads import WORKLOADS as ALL
from benchmarks.workloads import Workload

GRANIAN: Final = (
    "-m granian {target} --interface {interface} --port {{port}} --loop uvloop --workers 1 --no-ws --http 1"
    " --log-level warning"
)
GUNICORN: Final = (
    "-m gunicorn {target} -b 127.0.0.1:{{port}} -w 1 --keep-alive 75 --worker-connections 20000"
    " --log-level warning "
)
HYPERCORN: Final = (
    "-m hypercorn {target} -b 127.0.0.1:{{port}} -k uvloop -w 1 --keep-alive 75 --log-level warning"
)

NO_UPLOADS: Final = {"upload": "it closes the connection after some of the answers, and does not say so"}
"""Of gunicorn 27.0.1 by its worker class asgi: to wrk, each is a request that failed."""


def kyoukai(about: str, target: str, backend: str) -> Server:
    """Return ours with an application of another interface, which it finds out by itself."""
    command = KYOUKAI.format(target=target) + backend
    return Server(about, command, ("kyoukai", "httptools", "uvloop"), "")


def hosts(module: str, *distributions: str) -> dict[str, Server]:
    """Return all that host an ASGI application, by name."""
    target = f"benchmarks.peers.{module}:app"
    found = {
        "kyoukai": kyoukai("Kyoukai on its backend httptools", target, "httptools"),
        "kyoukai-reference": kyoukai("Kyoukai on its backend reference", target, "reference"),
        **others(target, "asgi"),
    }
    return {
        name: server._replace(distributions=(*server.distributions, *distributions))
        for name, server in found.items()
    }


def others(target: str, interface: str) -> dict[str, Server]:
    """Return the peers that run a callable of an interface, ``asgi`` or ``wsgi``, by name."""
    uvicorn = UVICORN.format(target=target, http="httptools")
    gunicorn = GUNICORN.format(target=target)
    worker = "-k gthread --threads 4" if interface == "wsgi" else "-k asgi --asgi-loop uvloop"
    threads = ", in 4 threads" if interface == "wsgi" else ""
    return {
        "uvicorn": Server(
            "uvicorn, httptools",
            f"{uvicorn} --interface {'wsgi' if interface == 'wsgi' else 'asgi3'}",
            ("uvicorn", "httptools", "uvloop"),
            "",
        ),
        "granian": Server(
            f"granian (Rust){threads}",
            GRANIAN.format(target=target, interface=interface)
            + (" --blocking-threads 4" if interface == "wsgi" else ""),
            ("granian", "uvloop"),
            "",
        ),
        "gunicorn": Server(
            f"gunicorn, worker class {worker.split()[1]}{threads}",
            gunicorn + worker,
            ("gunicorn", "gunicorn_h1c", "uvloop"),
            "",
            without=NO_UPLOADS if interface == "asgi" else {},
        ),
        "hypercorn": Server(
            "hypercorn, h11",
            HYPERCORN.format(target=f"{interface}:{target}"),
            ("hypercorn", "h11", "uvloop"),
            "",
        ),
    }


def flask() -> dict[str, Server]:
    """Return all that host a WSGI application, by name, each with 4 threads where they can be counted."""
    target = "benchmarks.peers.flask_app:app"
    ours = {
        name: kyoukai(f"Kyoukai on its backend {backend}, in 4 threads", target, backend)
        for name, backend in (("kyoukai", "httptools"), ("kyoukai-reference", "reference"))
    }
    ours = {
        name: server._replace(command=f"{server.command} --max-threads 4") for name, server in ours.items()
    }
    return {
        name: server._replace(distributions=(*server.distributions, "flask", "werkzeug"))
        for name, server in {**ours, **others(target, "wsgi")}.items()
    }


def exported() -> dict[str, Server]:
    """Return our own application on its wire, and what runs it by ``app.asgi``."""
    found = {
        "kyoukai": kyoukai("Kyoukai on its own wire, httptools", "benchmarks.apps:kyoukai", "httptools"),
        **others("benchmarks.interfaces.exported:asgi", "asgi"),
    }
    return {
        name: server._replace(
            distributions=tuple(dict.fromkeys((*server.distributions, "kyoukai", "werkzeug", "asphalt")))
        )
        for name, server in found.items()
    }


APPLICATIONS: Final[dict[str, dict[str, Server]]] = {
    "asgi": hosts("asgi"),
    "starlette": hosts("starlette_app", "starlette"),
    "fastapi": hosts("fastapi_app", "fastapi", "starlette", "pydantic"),
    "flask": flask(),
    "exported": exported(),
}
"""By application, and name of what hosts it, in the order in which they are reported."""

SERVERS: Final = APPLICATIONS["asgi"]
"""All names of servers: no application has another."""

ROWS: Final = ("hello", "browser", "json", "params", "post", "upload", "download", "stream", "close")

WORKLOADS: Final[dict[str, Workload]] = {name: ALL[name] for name in ROWS}
"""By name, in the order in which they are reported."""

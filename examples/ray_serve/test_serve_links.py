import json
import os
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import ray
from ray import serve
from websockets.sync.client import connect

PAGE = "https://asphalt.readthedocs.io/"
PATIENCE = 60.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("links")


@pytest.fixture(scope="module")
def deployed(folder: Path) -> Iterator[str]:
    """The URL of the deployment, in a cluster of this machine alone."""
    # What the cluster's processes have for their environment is this one's.
    os.environ["LINKS_DATABASE"] = f"sqlite+aiosqlite:///{folder / 'links.db'}"
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    begin_cluster()
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        from serve_links import deployment

        serve.run(deployment, name="links", route_prefix="/")
        yield f"http://127.0.0.1:{port}"
    finally:
        serve.shutdown()
        ray.shutdown()


def begin_cluster() -> None:
    """Start a cluster on this machine. Ray gives up after 30 seconds, which a busy one may need."""
    for attempt in range(4):
        try:
            # Replicas put nothing into the store of objects: the least that Ray takes will do.
            ray.init(num_cpus=2, include_dashboard=False, object_store_memory=80_000_000)
        except Exception:
            ray.shutdown()
            if attempt == 3:
                raise
        else:
            return


@pytest.fixture
def client(deployed: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=deployed, timeout=PATIENCE, trust_env=False) as client:
        yield client


def wait_until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def ask_both(client: httpx.Client, path: str) -> list[httpx.Response]:
    """Ask until each replica has answered, and return an answer of each."""
    answers: dict[str, httpx.Response] = {}

    def both() -> bool:
        answer = client.get(path)
        answers[answer.headers["x-replica"]] = answer
        return len(answers) == 2

    wait_until(both)
    return [*answers.values()]


def test_what_one_replica_has_been_told_both_know(client: httpx.Client) -> None:
    assert client.post("/links/", json={"name": "docs", "url": PAGE}).status_code == 201
    for answer in ask_both(client, "/docs"):
        assert (answer.status_code, answer.headers["location"]) == (302, PAGE)


def test_errors_and_limits_are_the_applications(client: httpx.Client) -> None:
    for answer in ask_both(client, "/nothing"):
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    link = {"name": "twice", "url": PAGE}
    assert [client.post("/links/", json=link).status_code for _ in range(2)] == [201, 409]
    refused = client.post("/links/", content=bytes(65537), headers={"Content-Type": "application/json"})
    assert refused.status_code == 413
    assert client.delete("/links/twice").status_code == 204


def test_events_come_while_the_answer_is_open(client: httpx.Client, deployed: str) -> None:
    client.post("/links/", json={"name": "watched", "url": PAGE})
    with client.stream("GET", "/links/watched/visits") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = (line for line in answer.iter_lines() if line.startswith("data:"))
        assert next(events) == "data: 0"
        # Whichever replica it is that counts, in the background, the one that answers here sees it.
        assert httpx.get(f"{deployed}/watched", timeout=PATIENCE, trust_env=False).status_code == 302
        assert next(events) == "data: 1"


def test_a_websocket(client: httpx.Client, deployed: str) -> None:
    client.post("/links/", json={"name": "asked", "url": PAGE})
    url = deployed.replace("http", "ws")
    with connect(f"{url}/links/visits", proxy=None, open_timeout=PATIENCE) as ws:
        for name, visits in (("asked", 0), ("nothing", None)):
            ws.send(name)
            assert json.loads(ws.recv(PATIENCE)) == {"name": name, "visits": visits}


def test_a_stop_waits_for_what_is_in_the_background(client: httpx.Client, folder: Path) -> None:
    client.post("/links/", json={"name": "last", "url": PAGE})
    for _ in range(20):
        assert client.get("/last").status_code == 302
    serve.delete("links")
    with sqlite3.connect(folder / "links.db") as database:
        assert database.execute("SELECT visits FROM links WHERE name = 'last'").fetchone() == (20,)
    database.close()

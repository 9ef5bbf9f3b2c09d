"""The page on what scales how: the names on it are real, and so are the examples that it speaks of."""

import re
import tomllib

from kyoukai.core.limits import Limits
from kyoukai.server.metrics.exposition import METRICS

from .test_docs import DOCS, ROOT, rows
from .test_docs_settings import FLAGS

PAGE = (DOCS / "how-to" / "scaling.md").read_text("utf-8")
RAY = ROOT / "examples" / "ray_serve"


def test_its_flags_metrics_and_limits_are_real() -> None:
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    assert {"--workers", "--max-threads", "--admin", "--shutdown-delay"} <= flags <= FLAGS
    metrics = {name.removesuffix("_total") for name in re.findall(r"`(kyoukai_\w+)`", PAGE)}
    assert metrics
    assert metrics <= METRICS.keys()
    assert "background_timeout" in PAGE
    assert "background_timeout" in Limits.__dataclass_fields__


def test_it_has_a_section_for_each_way_beyond_one_machine() -> None:
    # The first table and the one of state are tables; links of the first lead to the sections.
    anchors = set(re.findall(r"\(#([\w-]+)\)", PAGE))
    assert anchors == {heading.lower().replace(" ", "-") for heading in re.findall("(?m)^## (.*)$", PAGE)} - {
        "state"
    }
    assert len(rows("how-to/scaling.md", "State")) == 6


def test_what_the_example_for_ray_needs_is_what_the_tests_of_its_service_have() -> None:
    lines = (RAY / "requirements.txt").read_text("utf-8").splitlines()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    known = {line.replace("[http2]", "") for line in extras["test"]}
    needed = {line for line in lines if not line.startswith("#")}
    # Ray is large: `.ci/run` has it in an environment of its own.
    assert [line for line in needed - known if not line.startswith("ray[serve] ")] == []
    assert not any(line.startswith("ray") for lines in extras.values() for line in lines)
    assert "ray_serve/requirements.txt" in (ROOT / ".ci" / "run").read_text("utf-8").replace(
        "$example", "ray_serve"
    )


def test_the_commands_of_the_example_for_ray_name_what_there_is() -> None:
    readme = (RAY / "README.md").read_text("utf-8")
    source = (RAY / "serve_links.py").read_text("utf-8")
    for text in (readme, source, (ROOT / "examples" / "README.md").read_text("utf-8")):
        assert "serve run serve_links:deployment" in text
    assert "\ndeployment = Links.bind()" in source
    assert "LINKS_DATABASE" in readme
    assert 'os.environ.get("LINKS_DATABASE"' in source

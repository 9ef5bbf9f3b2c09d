import subprocess
import sys
import textwrap

import pytest

from .corpus_report import lines, note


def test_lines():
    assert lines([]) == []
    memory = {"by_socket": False}
    notes = [
        note("b", {"x": "MUST"}, 1000, [], **memory),
        note("b", {"y": "SHOULD"}, 234, [], **memory),
        note("a", {"x": "MUST"}, 1, ["x"], **memory),
        note("b", {"x": "MUST", "y": "SHOULD"}, 2, [], by_socket=True),
    ]
    assert lines(notes) == [
        "corpus, a: 1 cases (1 MUST, 0 SHOULD, 0 HARDENING), 1 conversations, 1 not kept: x",
        "corpus, b: 2 cases (1 MUST, 1 SHOULD, 0 HARDENING), 1,234 conversations and 2 by socket, all kept",
    ]


TEST = """
    import pytest
    from tests.corpus_report import PROPERTY, note

    @pytest.mark.parametrize("name", ["x", "y", "z"])
    def test_case(name, record_property):
        not_kept = [name] if name == "z" else []
        record_property(PROPERTY, note("b", {name: "MUST"}, 10, not_kept, by_socket=False))
        assert not not_kept

    def test_another():
        pass
"""


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_the_line_at_the_end_of_a_run(tmp_path, workers, request):
    (tmp_path / "test_it.py").write_text(textwrap.dedent(TEST))
    (tmp_path / "conftest.py").write_text(
        "from tests.corpus_report import pytest_terminal_summary as pytest_terminal_summary\n"
    )
    arguments = ["-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *workers, str(tmp_path)]
    result = subprocess.run(
        [sys.executable, "-m", "pytest", *arguments],
        capture_output=True,
        text=True,
        cwd=request.config.rootpath,
    )
    assert result.returncode == 1
    line = "corpus, b: 3 cases (3 MUST, 0 SHOULD, 0 HARDENING), 30 conversations, 1 not kept: z"
    assert result.stdout.count(line) == 1

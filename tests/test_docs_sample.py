"""The sample of docstrings and sentences that readers judge."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parent.parent / "docs" / "sample.py"
NAMES = runpy.run_path(str(SCRIPT))

PAGE = """# A heading of some five words

One sentence of five words. `Another` one that has some code.

<!-- a comment of more than five words -->
```python
code = "that has more than five words in it"
```

- an item of the list with words
- too short

| a header cell of five words | other |
|---|---|
| one cell that has more words | two |
"""


def draw(seed: int) -> dict[str, list[dict[str, str]]]:
    command = [sys.executable, str(SCRIPT), "--seed", str(seed), "--count", "3"]
    drawn: dict[str, list[dict[str, str]]] = json.loads(subprocess.check_output(command))
    assert drawn.pop("seed") == seed
    return drawn


def test_sentences_are_those_of_paragraphs_lists_and_tables(tmp_path: Path) -> None:
    (tmp_path / "docs" / "learn").mkdir(parents=True)
    (tmp_path / "README.md").write_text("Five words are a sentence.\n")
    (tmp_path / "docs" / "learn" / "page.md").write_text(PAGE)
    assert list(NAMES["sentences"](tmp_path)) == [
        ("README.md", "Five words are a sentence."),
        ("docs/learn/page.md", "One sentence of five words."),
        ("docs/learn/page.md", "`Another` one that has some code."),
        ("docs/learn/page.md", "an item of the list with words"),
        ("docs/learn/page.md", "a header cell of five words"),
        ("docs/learn/page.md", "one cell that has more words"),
    ]


def test_one_seed_draws_one_sample_and_another_seed_another() -> None:
    first, again, other = draw(1), draw(1), draw(2)
    assert first == again != other
    assert [len(items) for items in first.values()] == [3, 3]

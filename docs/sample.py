"""Draws docstrings and sentences at random, for readers who judge how well they read.

``python docs/sample.py [ROOT] [--seed N] [--count N]`` prints JSON: the seed, docstrings of the package, and
sentences of the README and the pages, each with its place. ROOT is a checkout, by default this one. To
compare two versions of the text, draw from two checkouts with the same seed.
"""

import argparse
import ast
import inspect
import json
import random
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

SHORTEST = 5
"""In words. A shorter text is a label, not a sentence."""


def docstrings(root: Path) -> Iterator[tuple[str, str]]:
    """Yield place and text of every docstring of the package."""
    for path in sorted((root / "kyoukai").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                text = ast.get_docstring(node)
                if text is not None:
                    yield f"{path.relative_to(root)}:{getattr(node, 'name', '')}", inspect.cleandoc(text)


def prose(page: str) -> Iterator[str]:
    """Yield the paragraphs, list items and table cells of a page in Markdown, without code and headings."""
    page = re.sub(r"(?ms)^(```+|~~~+).*?^\1$|<!--.*?-->|^#.*?$", "\n\n", page)
    for block in re.split(r"\n\s*\n|\n(?=\s*(?:[-*|]|\d+\.) ?)", page):
        for cell in block.strip().strip("|").split(" | "):
            yield re.sub(r"^\s*(?:[-*]|\d+\.)\s+", "", " ".join(cell.split()))


def sentences(root: Path) -> Iterator[tuple[str, str]]:
    """Yield place and text of every sentence of the README and the pages."""
    for path in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        for text in prose(path.read_text("utf-8")):
            for sentence in re.split(r"(?<=[.!?])\s+(?=[A-Z`\[*])", text):
                if len(sentence.split()) >= SHORTEST:
                    yield str(path.relative_to(root)), sentence


def main() -> None:
    """Print a sample."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", nargs="?", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--count", type=int, default=100)
    options = parser.parse_args()
    chance = random.Random(options.seed)  # noqa: S311
    drawn = {
        name: [{"place": place, "text": text} for place, text in chance.sample(list(items), options.count)]
        for name, items in (
            ("docstrings", docstrings(options.root)),
            ("sentences", sentences(options.root)),
        )
    }
    print(json.dumps({"seed": options.seed, **drawn}, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()

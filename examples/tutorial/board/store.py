"""The notices, in a file of SQLite. Everything here waits for the disk: call it from a plain function."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from msgspec import Meta

SCHEMA = """
CREATE TABLE IF NOT EXISTS notices (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    author TEXT NOT NULL, title TEXT NOT NULL, text TEXT NOT NULL, written TEXT NOT NULL, picture TEXT
);
CREATE TABLE IF NOT EXISTS members (name TEXT PRIMARY KEY, password TEXT NOT NULL);
"""


@dataclass
class Draft:
    """A notice as somebody sends it."""

    title: Annotated[str, Meta(min_length=1, max_length=80)]
    text: Annotated[str, Meta(max_length=2000)] = ""


@dataclass
class Notice:
    """A notice as it hangs on the board."""

    id: int
    author: str
    title: str
    text: str
    written: str
    picture: str | None = None


def folder() -> Path:
    """Return the folder of the database and the pictures."""
    return Path(os.environ.get("BOARD_DATA", "data"))


@contextmanager
def database() -> Iterator[sqlite3.Connection]:
    """Open the database. The end of the block commits, and an exception rolls back."""
    connection = sqlite3.connect(folder() / "board.db", timeout=10)
    try:
        with connection:
            yield connection
    finally:
        connection.close()


def create_tables() -> None:
    folder().mkdir(parents=True, exist_ok=True)
    with database() as db:
        db.executescript(SCHEMA)


def read_notices() -> list[Notice]:
    """Return the newest 50 notices, the newest first."""
    with database() as db:
        rows = db.execute(
            "SELECT id, author, title, text, written, picture FROM notices ORDER BY id DESC LIMIT 50"
        )
        return [Notice(*row) for row in rows]


def add_notice(author: str, draft: Draft, picture: str | None = None) -> Notice:
    written = datetime.now(UTC).isoformat(timespec="seconds")
    values = (author, draft.title, draft.text, written, picture)
    with database() as db:
        sql = "INSERT INTO notices (author, title, text, written, picture) VALUES (?, ?, ?, ?, ?)"
        number = db.execute(sql, values).lastrowid or 0
    return Notice(number, *values)


def remove_notice(number: int, author: str) -> Notice | None:
    """Take down a notice of an author, and return it; None, if there is no such notice."""
    with database() as db:
        rows = db.execute(
            "DELETE FROM notices WHERE id = ? AND author = ?"
            " RETURNING id, author, title, text, written, picture",
            (number, author),
        ).fetchall()
    return Notice(*rows[0]) if rows else None


def state() -> tuple[int, int]:
    """Return two numbers that change with every notice that is added or removed."""
    with database() as db:
        last, count = db.execute("SELECT coalesce(max(id), 0), count(*) FROM notices").fetchone()
        return last, count

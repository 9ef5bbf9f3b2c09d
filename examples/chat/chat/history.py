"""The recent messages of each room, in a SQLite database.

SQLite blocks, so all calls run in a thread. It is a single thread with one connection: calls run in order,
and each one is a transaction.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import NamedTuple, TypeVar

KEPT = 50
"""Number of messages kept for each room."""

T = TypeVar("T")

SCHEMA = """
PRAGMA journal_mode = WAL;
CREATE TABLE IF NOT EXISTS message (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    room TEXT NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL,
    written INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS message_of_room ON message (room, id);
"""

DROP_OLD = """
DELETE FROM message WHERE room = :room
AND id <= (SELECT id FROM message WHERE room = :room ORDER BY id DESC LIMIT 1 OFFSET :kept)
"""

READ = """
SELECT id, name, text, written FROM
(SELECT * FROM message WHERE room = ? AND id > ? ORDER BY id DESC LIMIT ?) ORDER BY id
"""


class Message(NamedTuple):
    """A message of a room.

    Ids are unique and increase, so a client can ask for all messages after the last one that it has seen.
    """

    id: int
    name: str
    text: str
    written: int


class History:
    """The database.

    :param path: its file; the file and its folder are created if they do not exist.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._database: sqlite3.Connection

    async def open(self) -> None:
        """Open the database. Call this first."""

        def open_() -> None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path)
            self._database.executescript(SCHEMA)
            # With WAL, a crash of the system can lose the last transactions, but cannot corrupt the file.
            self._database.execute("PRAGMA synchronous = NORMAL")

        await self._call(open_)

    async def close(self) -> None:
        """Close the database. Call this last."""
        await self._call(lambda: self._database.close())
        self._thread.shutdown()

    async def add(self, room: str, name: str, text: str) -> Message:
        """Store a message, and delete the room's oldest ones beyond :data:`KEPT`."""

        def add() -> Message:
            written = int(time())
            with self._database as database:
                insert = "INSERT INTO message (room, name, text, written) VALUES (?, ?, ?, ?)"
                number = database.execute(insert, (room, name, text, written)).lastrowid
                database.execute(DROP_OLD, {"room": room, "kept": KEPT})
            return Message(number or 0, name, text, written)

        return await self._call(add)

    async def read(self, room: str, after: int = 0) -> list[Message]:
        """Return the last 50 messages of a room after the given id, oldest first."""

        def read() -> list[Message]:
            return [Message(*row) for row in self._database.execute(READ, (room, after, KEPT))]

        return await self._call(read)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

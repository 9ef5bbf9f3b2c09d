"""What was said last in each room, in a file of SQLite.

SQLite blocks, so that all of it is done in a thread. It is one thread with one connection: what is asked is
done in its order, and each call is a transaction.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import time
from typing import NamedTuple, TypeVar

KEPT = 50
"""Messages of one room."""

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
    """What somebody said.

    A number is never given a second time, and a later message has a higher one: who has seen one knows by it
    what is new.
    """

    id: int
    name: str
    text: str
    written: int


class History:
    """The file.

    :param path: is made, if it is not there, and so is its folder.
    """

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="history")
        self._database: sqlite3.Connection

    async def open(self) -> None:
        """Open the file, before all else."""

        def open_() -> None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self._path)
            self._database.executescript(SCHEMA)
            # With WAL, a transaction that the system's fall takes back breaks nothing.
            self._database.execute("PRAGMA synchronous = NORMAL")

        await self._call(open_)

    async def close(self) -> None:
        """Close the file, after all else."""
        await self._call(lambda: self._database.close())
        self._thread.shutdown()

    async def add(self, room: str, name: str, text: str) -> Message:
        """Keep a message, and forget the oldest one of the room if there are too many."""

        def add() -> Message:
            written = int(time())
            with self._database as database:
                insert = "INSERT INTO message (room, name, text, written) VALUES (?, ?, ?, ?)"
                number = database.execute(insert, (room, name, text, written)).lastrowid
                database.execute(DROP_OLD, {"room": room, "kept": KEPT})
            return Message(number or 0, name, text, written)

        return await self._call(add)

    async def read(self, room: str, after: int = 0) -> list[Message]:
        """Return the messages of a room after one, oldest first: the last 50 of them."""

        def read() -> list[Message]:
            return [Message(*row) for row in self._database.execute(READ, (room, after, KEPT))]

        return await self._call(read)

    async def _call(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, function)

"""The entries, as the database has them."""

from collections.abc import Sequence
from datetime import UTC, datetime
from time import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.schema import CreateTable

PAGE_SIZE = 20


class Base(DeclarativeBase):
    """The root of the tables."""


class Entry(Base):
    """What one guest wrote.

    A number is never given a second time, and a later entry has a higher one: who has seen one knows by it
    what is new. (That entries get into the database in the order of their numbers is SQLite's doing: it
    writes one at a time.)
    """

    __tablename__ = "entry"
    __table_args__ = {"sqlite_autoincrement": True}  # noqa: RUF012

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    message: Mapped[str]
    picture: Mapped[str | None] = mapped_column(default=None)
    width: Mapped[int | None] = mapped_column(default=None)
    height: Mapped[int | None] = mapped_column(default=None)
    written: Mapped[int] = mapped_column(default=lambda: int(time()))

    @property
    def written_at(self) -> datetime:
        """When, in UTC."""
        return datetime.fromtimestamp(self.written, UTC)


async def create_tables(engine: AsyncEngine, sessionmaker: Any) -> None:
    """Make the tables that are not there yet."""
    async with engine.begin() as connection:
        # Another worker may be about to make them as well.
        for table in Base.metadata.sorted_tables:
            await connection.execute(CreateTable(table, if_not_exists=True))


async def read_page(session: AsyncSession, before: int | None) -> tuple[Sequence[Entry], bool]:
    """Return the newest entries before one, newest first, and whether there are older ones."""
    query = select(Entry).order_by(Entry.id.desc()).limit(PAGE_SIZE + 1)
    if before is not None:
        query = query.where(Entry.id < before)
    found = (await session.scalars(query)).all()
    return found[:PAGE_SIZE], len(found) > PAGE_SIZE


async def read_after(session: AsyncSession, last: int) -> Sequence[Entry]:
    """Return the first entries after one, oldest first: a page of them at most."""
    query = select(Entry).where(Entry.id > last).order_by(Entry.id).limit(PAGE_SIZE)
    return (await session.scalars(query)).all()

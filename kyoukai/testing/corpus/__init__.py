"""The corpus as data: what clients send, and what a server must do.

Each ``*.toml`` file in this folder is a group of cases, with a ``title`` and a text ``about`` it. An unknown
key, a value of the wrong type or a repeated name raises :class:`CorpusError`, and nothing is loaded. Text
stands for bytes, one character each (latin-1).
"""

import functools
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Any, Final

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits
from kyoukai.core.refusals.table import TABLE

from ..chunking import Action
from ..recorder import Reply
from .tables import CorpusError, Table, latin1

__all__ = ("LEVELS", "Case", "CorpusError", "Expected", "load_corpus", "load_files", "parse_corpus")

LEVELS: Final = ("MUST", "SHOULD", "HARDENING")
"""How binding a case is: MUST and SHOULD of the RFC, or HARDENING, which goes beyond the RFC."""

NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]*")

EXPECT_HEAD: Final = re.compile(rb"\r\nexpect[ \t]*:.*?\r\n\r\n", re.IGNORECASE | re.DOTALL)

TEXTS: Final = ("method", "target", "path", "query", "version")
"""Attributes of a request that are compared as text."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One expected answer, and the request that the application must have seen before it."""

    status: int
    application: bool
    """Whether the application must have been called; otherwise it must not have been."""
    seen: Mapping[str, object]
    """Expected attributes of :class:`~kyoukai.testing.recorder.Seen`."""
    body_size: int | None
    fields: Mapping[str, str]
    """Header fields that the application must have seen; names in lower case."""
    absent: tuple[str, ...]
    """Header fields that the application must not have seen."""
    has: Mapping[str, str]
    """Fields that the answer must have."""
    lacks: tuple[str, ...]
    """Fields that the answer must not have."""
    content: bytes | None
    """The content of the answer; ``None``: any."""
    cut: bool
    """Whether the answer must break off."""
    refusal: str | None = None
    """The identifier of the server's refusal; ``None``: any refusal, or none."""


@dataclass(frozen=True, slots=True)
class Case:
    """What a client sends on one connection, and what must follow."""

    name: str
    group: str
    """The title of the file."""
    level: str
    source: str
    """The RFC section or the advisory that the case comes from."""
    why: str
    data: bytes
    """Everything that the client sends."""
    ending: Action | None
    """What the client does then."""
    answers: tuple[Expected, ...]
    closed: bool
    """Whether the server must end the connection; otherwise it must not."""
    limits: Mapping[str, Any]
    continued: bool | None
    """Whether ``100 Continue`` must be sent or must not be; ``None``: either."""
    reply: Reply

    @property
    def is_timed(self) -> bool:
        """Whether the outcome depends on time."""
        return any(name.endswith("_timeout") for name in self.limits)

    @property
    def pause_at(self) -> int | None:
        """Bytes after which the client waits for ``100 Continue``, if it must be sent."""
        match = EXPECT_HEAD.search(self.data) if self.continued else None
        return None if match is None else match.end()


@functools.cache
def load_corpus() -> tuple[Case, ...]:
    """Return all cases of this package, in the order of the files and of the cases in them.

    :raises CorpusError: if a case is invalid.
    """
    files = sorted(resources.files(__name__).iterdir(), key=lambda file: file.name)
    return parse_corpus((file.name, file.read_text("utf-8")) for file in files if file.name.endswith(".toml"))


def load_files(folder: Path) -> tuple[Case, ...]:
    """Return all cases of the ``*.toml`` files in a folder; see :func:`load_corpus`."""
    return parse_corpus((path.name, path.read_text("utf-8")) for path in sorted(folder.glob("*.toml")))


def parse_corpus(files: Iterable[tuple[str, str]]) -> tuple[Case, ...]:
    """Return the cases of several files, each given by its name and its text.

    :raises CorpusError: if a case is invalid, or a name is used twice.
    """
    cases: dict[str, Case] = {}
    for file, text in files:
        try:
            table = Table(tomllib.loads(text), file)
        except tomllib.TOMLDecodeError as error:
            raise CorpusError(f"{file}: {error}") from error
        title = table.text("title")
        table.text("about")
        for case in [_read_case(entry, title) for entry in table.tables("case")]:
            if case.name in cases:
                raise CorpusError(f"{file}: the name {case.name!r} is used twice")
            cases[case.name] = case
        table.end()
    return tuple(cases.values())


def _read_case(table: Table, group: str) -> Case:
    name = table.text("name")
    table.where = f"{table.where}, {name}"
    if NAME.fullmatch(name) is None:
        raise table.error("the name may have only lower-case letters, digits, dots and dashes")
    data, ending = _read_send(table)
    answers = [_read_answer(table, entry) for entry in table.take("answers", list)]
    if table.has("refusal"):
        answers = [*answers[:-1], _name_refusal(table, answers)]
    case = Case(
        name=name,
        group=group,
        level=table.choice("level", LEVELS),
        source=table.text("source"),
        why=table.text("why"),
        data=data,
        ending=ending,
        answers=tuple(answers),
        closed=table.choice("connection", ("closed", "open")) == "closed",
        limits=_read_limits(table),
        continued=table.take("continue", bool, None),
        reply=_read_reply(table.table("reply")),
    )
    table.end()
    if ending is not None and not case.closed:
        raise table.error("connection must be 'closed' if the client ends or resets it")
    return case


def _name_refusal(table: Table, answers: list[Expected]) -> Expected:
    """Return the last answer with the identifier of its refusal."""
    name = table.take("refusal", str)
    if name not in TABLE:
        raise table.error(f"refusal is {name!r}, which is not an entry of the table of refusals")
    if not answers or answers[-1].application or answers[-1].status != TABLE[name].status:
        raise table.error(
            f"the last answer must be the server's own, with status {TABLE[name].status}, for {name!r}"
        )
    return replace(answers[-1], refusal=name)


def _read_send(table: Table) -> tuple[bytes, Action | None]:
    """Read what the client sends: a string, or a list of strings and tables."""
    send = table.value("send")
    if isinstance(send, str):
        return table.latin1("send", send), None
    if not isinstance(send, list) or not send:
        raise table.error("send must be a string, or a list of strings and tables")
    pieces: list[bytes] = []
    ending: Action | None = None
    for entry in send:
        if ending is not None:
            raise table.error("nothing can be sent after the end")
        if isinstance(entry, str):
            pieces.append(table.latin1("send", entry))
            continue
        part = Table(entry, f"{table.where}, send")
        if part.has("end"):
            ending = Action.END if part.take("end", bool) else None
        elif part.has("reset"):
            ending = Action.RESET if part.take("reset", bool) else None
        else:
            pieces.append(latin1(part, "repeat") * part.take("times", int))
        part.end()
    return b"".join(pieces), ending


def _read_limits(table: Table) -> dict[str, Any]:
    limits = table.take("limits", dict, {})
    try:
        Limits.from_mapping(limits)
    except ConfigurationError as error:
        raise table.error(str(error)) from error
    return limits


def _read_reply(table: Table) -> Reply:
    pieces = table.take("pieces", list, None)
    reply = Reply(
        status=table.take("status", int, 200),
        fields=table.pairs("fields") or (),
        body=table.latin1("body", table.take("body", str, "ok")),
        pieces=None if pieces is None else tuple(table.latin1("pieces", piece) for piece in pieces),
        fails_after=table.take("fails_after", int, None),
        raises=table.take("raises", bool, False),
        close=table.take("close", bool, False),
    )
    table.end()
    if reply.fails_after is not None and reply.pieces is None:
        raise table.error("fails_after needs pieces")
    return reply


def _read_answer(case: Table, entry: object) -> Expected:
    """Read an expected answer: a table, or the status of an answer by the server itself."""
    if type(entry) is int:
        entry = {"status": entry, "application": False}
    table = Table(entry, f"{case.where}, answers")
    seen: dict[str, object] = {name: table.take(name, str) for name in TEXTS if table.has(name)}
    if table.has("body"):
        seen["body"] = latin1(table, "body")
    if table.has("trailers"):
        seen["trailers"] = table.pairs("trailers")
    expected = Expected(
        status=table.take("status", int),
        application=table.take("application", bool, True),
        seen=seen,
        body_size=table.take("body_size", int, None),
        fields=table.names("fields"),
        absent=table.strings("absent"),
        has=table.names("has"),
        lacks=table.strings("lacks"),
        content=latin1(table, "content") if table.has("content") else None,
        cut=table.take("cut", bool, False),
    )
    table.end()
    if not 200 <= expected.status <= 599:
        raise table.error("status must be that of a final answer, 200 to 599")
    of_request = expected.seen or expected.fields or expected.absent or expected.body_size is not None
    if of_request and not expected.application:
        raise table.error("with application = false, nothing about the request can be expected")
    return expected

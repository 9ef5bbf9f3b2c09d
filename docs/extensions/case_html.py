"""The cases of the corpus as HTML: what a client sends, what must come of it, and by which text.

It needs no Sphinx, so that the tests can call it; `cases.py` puts what it returns into a page.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final

ESCAPES: Final = {"\r": r"\r", "\n": "\\n\n", "\t": r"\t", "\\": r"\\"}
"""Bytes whose escape is not of their number; a line ends behind LF."""

SOURCES: Final = re.compile(
    r"(?P<rfc>RFC (?P<number>\d+)(?: (?P<part>section|appendix) (?P<place>[\w.]*\w))?)"
    r"|(?P<cve>CVE-\d+-\d+)|(?P<ghsa>GHSA-\w{4}-\w{4}-\w{4})|PEP (?P<pep>\d+)"
)


@cache
def files() -> Mapping[str, Mapping[str, Any]]:
    """Return the corpus's files, by name."""
    folder = sorted(resources.files("kyoukai.testing.corpus").iterdir(), key=lambda file: file.name)
    return {
        file.name: tomllib.loads(file.read_text("utf-8")) for file in folder if file.name.endswith(".toml")
    }


def all_cases() -> Iterator[Mapping[str, Any]]:
    """Yield every case of the corpus, as TOML has it."""
    for file in files().values():
        yield from file["case"]


def linked(source: str) -> str:
    """Return a case's source as HTML, with a link for each RFC, PEP and advisory."""

    def link(match: re.Match[str]) -> str:
        if match["rfc"]:
            place = f"#{match['part']}-{match['place']}" if match["part"] else ""
            target = f"https://www.rfc-editor.org/rfc/rfc{match['number']}.html{place}"
        elif match["cve"]:
            target = f"https://www.cve.org/CVERecord?id={match[0]}"
        elif match["ghsa"]:
            target = f"https://github.com/advisories/{match[0]}"
        else:
            target = f"https://peps.python.org/pep-{int(match['pep']):04}/"
        return f'<a class="external" href="{target}">{match[0]}</a>'

    return SOURCES.sub(link, escape(source))


def shown(text: str) -> str:
    """Return bytes, each a character, as HTML: a line for each LF, and an escape for what is not printed."""
    # Every second one is a run of bytes that are not printed.
    runs = re.split(r"([^ -\[\]-~]+)", text)
    return "".join(
        f"<i>{''.join(map(escaped, run))}</i>" if index % 2 else escape(run, quote=False)
        for index, run in enumerate(runs)
    )


def escaped(char: str) -> str:
    """Return the escape of one byte."""
    return ESCAPES.get(char) or f"\\x{ord(char):02x}"


def sent(case: Mapping[str, Any]) -> str:
    """Return what a case sends, as HTML."""
    parts = [case["send"]] if isinstance(case["send"], str) else case["send"]
    lines = []
    for part in parts:
        if isinstance(part, str):
            lines.append(shown(part))
        elif "repeat" in part:
            lines.append(f"<b>{shown(part['repeat'])}</b> <s>{part['times']:,} times</s>\n")
        else:
            lines.append(f"<s>the client {'ends its side' if part.get('end') else 'resets'}</s>")
    return "".join(lines)


def code(text: object) -> str:
    """Return a text as code."""
    return f"<code>{escape(str(text))}</code>"


def pairs(fields: Iterable[tuple[str, str]]) -> str:
    """Return fields as code."""
    return ", ".join(code(f"{name}: {value}") for name, value in fields)


def answer_words(answer: int | Mapping[str, Any]) -> str:
    """Return one answer that must come, in words: from whom, what was seen, and what it has."""
    if isinstance(answer, int):
        return f"<b>{answer}</b> from the server"
    from_whom = "the application" if answer.get("application", True) else "the server"
    words = [f"<b>{answer['status']}</b> from {from_whom}"]
    seen = [
        f"{name} <code>{shown(answer[name])}</code>"
        for name in ("method", "target", "path", "query", "version", "body")
        if answer.get(name)
    ]
    seen += ["an empty body"] if answer.get("body") == "" else []
    seen += [f"a body of {answer['body_size']:,} bytes"] if "body_size" in answer else []
    seen += [pairs(answer.get("fields", {}).items())] if answer.get("fields") else []
    seen += [f"trailers {pairs(answer['trailers'])}"] if answer.get("trailers") else []
    seen += [f"no {', '.join(map(code, answer['absent']))}"] if answer.get("absent") else []
    has = [f"with {pairs(answer['has'].items())}"] if answer.get("has") else []
    has += [f"without {', '.join(map(code, answer['lacks']))}"] if answer.get("lacks") else []
    has += [f"content <code>{shown(answer['content'])}</code>"] if "content" in answer else []
    has += ["broken off midway"] if answer.get("cut") else []
    if seen:
        words[0] += f", which sees {', '.join(seen)}"
    return "; ".join([*words, *has])


def facts(case: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what there is to say about a case: a term, and what it is, as HTML."""
    yield "Sent", f"<pre>{sent(case)}</pre>"
    answers = [answer_words(answer) for answer in case["answers"]]
    if len(answers) > 5 and len({*answers}) == 1:
        answers = [f"{len(answers)} times {answers[0]}"]
    if "continue" in case:
        answers.insert(0, f"{'<b>100</b>' if case['continue'] else 'no <b>100</b>'} Continue")
    end = "the connection is closed" if case["connection"] == "closed" else "the connection stays open"
    yield "Gets", "".join(f"<p>{words}</p>" for words in [*(answers or ["no answer"]), end])
    if case.get("limits"):
        yield "Limits", ", ".join(code(f"{name} = {value}") for name, value in case["limits"].items())
    if case.get("reply"):
        yield (
            "The application answers",
            ", ".join(f"{name.replace('_', ' ')} {code(value)}" for name, value in case["reply"].items()),
        )
    if refusal := case.get("refusal"):
        yield "Refusal", f'<a href="refusals.html#{escape(refusal)}"><code>{escape(refusal)}</code></a>'
    yield "Source", linked(case["source"])


def statuses(case: Mapping[str, Any]) -> list[str]:
    """Return the statuses that a case gets, as the form has them."""
    found = {str(answer if isinstance(answer, int) else answer["status"]) for answer in case["answers"]}
    return sorted(found | ({"100"} if case.get("continue") else set())) or ["none"]


def case_html(case: Mapping[str, Any]) -> str:
    """Return one case."""
    level, found = case["level"], statuses(case)
    gets = f"{' '.join(found).replace('none', 'no answer')}, {case['connection']}"
    about = "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in facts(case))
    name = case["name"]
    return (
        f'<details class="case" id="{name}" data-level="{level}" data-status="{" ".join(found)}">'
        f'<summary><code>{name}</code><a class="headerlink" href="#{name}" title="Link to this case">¶</a>'
        f'<span class="level {level.lower()}">{level}</span><span class="gets">{gets}</span>'
        f"<span>{escape(' '.join(case['why'].split()))}</span></summary><dl>{about}</dl></details>\n"
    )

"""``kyoukai explain``: an entry of the table, the list of all, and names that there are not."""

import pytest
from click.testing import CliRunner

from kyoukai.cli import main
from kyoukai.commands.explain import complete_identifier
from kyoukai.core.refusals.table import GROUPS, TABLE


def explain(*arguments: str) -> tuple[int, str]:
    """Run the command, and return its code and what it prints."""
    result = CliRunner().invoke(main, ["explain", *arguments])
    return result.exit_code, result.output


@pytest.mark.parametrize("identifier", TABLE)
def test_an_entry_is_printed_whole(identifier: str) -> None:
    code, output = explain(identifier)
    assert code == 0
    entry, words = TABLE[identifier], output.split()
    assert output.startswith(
        f"{identifier} ({entry.status or 'no answer'})\n{entry.sentence}\n\nWhat was wrong:\n"
    )
    for text in (entry.wrong, entry.senders, entry.client, entry.server, entry.source):
        assert text.split() == [] or " ".join(text.split()) in " ".join(words)
    assert max(map(len, output.splitlines()[2:])) <= 80


def test_parentheses_as_in_an_answer() -> None:
    assert explain("(host-missing)") == explain("host-missing")


def test_all_are_listed_without_one() -> None:
    code, output = explain()
    assert code == 0
    assert [line for line in output.splitlines() if line.endswith(":")] == [
        f"{group.title}:" for group in GROUPS
    ]
    assert all(f"  {identifier} " in output for identifier in TABLE)


@pytest.mark.parametrize(
    ("identifier", "hint"),
    [
        ("host-mising", "; did you mean host-missing, "),
        ("chunked", "; did you mean chunked-not-last"),
        ("zzz", "; 'kyoukai explain' lists all\n"),
        ("", "; 'kyoukai explain' lists all\n"),
    ],
)
def test_an_unknown_one(identifier: str, hint: str) -> None:
    code, output = explain(identifier)
    assert code == 1
    assert output.startswith(f"Error: there is no refusal {identifier!r}{hint}")


def test_a_shell_completes_it() -> None:
    found = complete_identifier(None, None, "host-m")  # type: ignore[arg-type]
    assert [(item.value, item.help) for item in found] == [
        ("host-missing", "The Host field is missing."),
        ("host-malformed", "The Host field is no host name."),
    ]

"""What people write is held to a few rules."""

from typing import Any

import pytest


@pytest.fixture
def words(load: Any) -> Any:
    return load("words")


@pytest.mark.parametrize("name", ["tea", "a", "Tea room 2", "a_b-c", "茶室", "x" * 40])
def test_rooms(words: Any, name: str) -> None:
    assert words.is_room(name)


@pytest.mark.parametrize("name", ["", " ", "..", "a/b", "-a", "a-", "tea ", "a\nb", "<b>", "tea\n", "x" * 41])
def test_invalid_room_name(words: Any, name: str) -> None:
    assert not words.is_room(name)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Ada", "Ada"),
        ("  Ada \t\n Lovelace ", "Ada Lovelace"),
        ("A\0d\x1ba", "A d a"),
        ("<b>", "<b>"),
        ("x" * 40, "x" * 40),
    ],
)
def test_names(words: Any, value: str, name: str) -> None:
    assert words.read_name(value) == name


@pytest.mark.parametrize(
    ("value", "problem"), [("", "who you are"), (" \0 ", "who you are"), ("x" * 41, "40")]
)
def test_invalid_user_name(words: Any, value: str, problem: str) -> None:
    with pytest.raises(words.Wrong, match=problem):
        words.read_name(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("hello", "hello"),
        (" two\r\nlines\t", "two\nlines"),
        ("a\0\x9f\ud800b", "ab"),
        ("\U0001f375" * 1000, "\U0001f375" * 1000),
    ],
)
def test_texts(words: Any, value: str, text: str) -> None:
    assert words.read_text({"text": value}) == text


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        (None, "object with a text"),
        ([], "object with a text"),
        ("text", "object with a text"),
        ({}, "object with a text"),
        ({"text": 1}, "object with a text"),
        ({"text": None}, "object with a text"),
        ({"text": " \n\0 "}, "nothing in this message"),
        ({"text": "x" * 1001}, "1001 characters; 1000"),
    ],
)
def test_invalid_message(words: Any, message: object, problem: str) -> None:
    with pytest.raises(words.Wrong, match=problem) as caught:
        words.read_text(message)
    # It would have to fit into a close.
    assert len(str(caught.value).encode()) <= 123


def test_the_longest_text_fits_into_the_largest_message(words: Any) -> None:
    # As JSON writes what is outside of Unicode's first plane: two escapes of six characters.
    assert len('{"text": ""}') + words.MAX_TEXT * 12 <= words.MAX_SIZE

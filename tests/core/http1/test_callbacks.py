"""The parser's calls on a connection: those of its parsing, unless a subclass has a method in their place."""

from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.contract.parser import CALLBACKS
from kyoukai.core.http1.callbacks import Callback
from kyoukai.core.http1.parsing import Parsing
from kyoukai.core.http1.protocol import HTTPProtocol


class Told:
    """Writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def on_url(self, url: bytes) -> None:
        """Take a target."""
        self.told.append(url)


class Connection:
    """Has a reader, which has a parser."""

    on_url: Any = Callback(Told.on_url)

    def __init__(self) -> None:
        self.reader = SimpleNamespace(parsing=Told())


class Overriding(Connection):
    """Has a method of its own, which asks for the other one."""

    def on_url(self, url: bytes) -> None:
        super().on_url(url + b"!")


def test_callback_is_the_method_of_the_parsing() -> None:
    connection = Connection()
    assert connection.on_url == connection.reader.parsing.on_url
    connection.on_url(b"/a")
    assert connection.reader.parsing.told == [b"/a"]


def test_connection_keeps_the_callback() -> None:
    connection = Connection()
    assert connection.on_url is connection.on_url
    assert vars(connection)["on_url"] == connection.reader.parsing.on_url


def test_each_connection_has_its_own() -> None:
    first, second = Connection(), Connection()
    first.on_url(b"/a")
    second.on_url(b"/b")
    assert (first.reader.parsing.told, second.reader.parsing.told) == ([b"/a"], [b"/b"])


def test_a_subclass_may_have_a_method_in_its_place() -> None:
    connection = Overriding()
    for _ in range(2):
        connection.on_url(b"/a")
    assert connection.reader.parsing.told == [b"/a!"] * 2
    assert "on_url" not in vars(connection)


def test_it_can_be_called_by_the_class() -> None:
    connection = Connection()
    Connection.on_url(connection, b"/a")
    Connection.on_url(connection, url=b"/b")
    assert connection.reader.parsing.told == [b"/a", b"/b"]


def test_the_class_tells_what_it_is_for() -> None:
    assert isinstance(Connection.on_url, Callback)
    assert Connection.on_url.__doc__ == "Take a target."


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_connection_has_all_of_them(name: str) -> None:
    callback = getattr(HTTPProtocol, name)
    assert isinstance(callback, Callback)
    assert callback.__doc__ == getattr(Parsing, name).__doc__

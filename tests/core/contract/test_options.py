"""What options a backend class is found to take."""

from typing import Any

from kyoukai.backends.httptools_ import HttptoolsBackend
from kyoukai.core.contract.backend import Backend
from kyoukai.core.contract.options import REQUIRED, options_of


class Base(Backend):
    """The base.

    :param speed: how fast,
        in metres a second.

    :raises BackendOptionError: if it is too fast.
    """

    def __init__(self, *, speed: int = 5, colour: str = "red", **options: Any) -> None:
        super().__init__(**options)


class Derived(Base):
    """Documents its own in its constructor."""

    def __init__(self, *, size: int, colour: str = "blue", **options: Any) -> None:
        """Make it.

        :param int size: how large, ``1`` or more.
        :param colour: the derived one's.
        :raises ValueError: never.
        """
        super().__init__(**options)


class Without(Derived):
    """Has no constructor of its own."""


class Closed(Derived):
    def __init__(self, positional: int = 0, *, size: int = 1) -> None:
        super().__init__(size=size)


def test_a_backend_without_options() -> None:
    assert options_of(HttptoolsBackend) == []


def test_names_defaults_and_meanings() -> None:
    assert options_of(Base) == [("speed", 5, "how fast, in metres a second."), ("colour", "red", "")]


def test_own_options_precede_inherited_ones() -> None:
    expected = [
        ("size", REQUIRED, "how large, 1 or more."),
        ("colour", "blue", "the derived one's."),
        ("speed", 5, "how fast, in metres a second."),
    ]
    assert options_of(Derived) == expected
    assert options_of(Without) == expected


def test_constructor_without_kwargs_inherits_no_options() -> None:
    assert options_of(Closed) == [("size", 1, "")]

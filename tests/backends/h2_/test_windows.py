"""The window of a connection: what it takes, and when it gives that back."""

import pytest

from kyoukai.backends.h2_.windows import ReceiveWindow, WindowError


def test_half_of_the_window_is_returned_at_once() -> None:
    window = ReceiveWindow(100)
    assert [window.take(size) for size in (20, 29, 1, 49, 49)] == [0, 0, 50, 0, 98]
    assert window.left == 100


def test_content_above_the_window() -> None:
    window = ReceiveWindow(100)
    assert window.take(40) == 0
    with pytest.raises(WindowError):
        window.take(61)

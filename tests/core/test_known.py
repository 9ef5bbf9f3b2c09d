"""The bounded table: it keeps what it is given, and drops the oldest for the newest."""

from kyoukai.core.known import Known


def test_what_is_kept_is_found() -> None:
    known: Known[bytes, int] = Known(2)
    assert known.get(b"a") is None
    known.keep(b"a", 1)
    assert known.get(b"a") == 1


def test_the_oldest_goes_first() -> None:
    known: Known[int, int] = Known(3)
    for number in range(10):
        known.keep(number, number)
        assert len(known) <= 3
    assert list(known) == [7, 8, 9]


def test_what_is_kept_again_takes_no_more_room() -> None:
    known: Known[int, str] = Known(2)
    known.keep(1, "a")
    known.keep(2, "b")
    known.keep(2, "c")
    assert known == {1: "a", 2: "c"}

"""The bounded table: it keeps what it is given, as long as there is room, and asks for what comes again."""

from kyoukai.core.known import Known


def test_kept_key_is_found() -> None:
    known: Known[bytes, int] = Known(2)
    assert known.get(b"a") is None
    known.keep(b"a", 1)
    assert known.get(b"a") == 1


def test_there_are_never_more_than_there_may_be() -> None:
    known: Known[int, int] = Known(3)
    for number in range(10):
        known.keep(number, number)
        assert len(known) <= 3
        assert known[number] == number


def test_repeated_key_is_admitted() -> None:
    known: Known[str, int] = Known(1)
    assert not known.is_wanted("a")
    assert known.is_wanted("a")
    assert not known.is_wanted("b")


def test_key_seen_long_ago_is_not_admitted() -> None:
    known: Known[int, int] = Known(3)
    for number in range(1000):
        assert not known.is_wanted(number)
    assert known.is_wanted(999)
    assert not known.is_wanted(0)

import pytest

from kyoukai.testing import settings
from kyoukai.testing.settings import (
    EXAMPLES_VARIABLE,
    SCALE_VARIABLE,
    SEED_VARIABLE,
    SettingError,
    check_settings,
    choose_seed,
    example_count,
    timeout_scale,
)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for variable in (EXAMPLES_VARIABLE, SCALE_VARIABLE, SEED_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize("empty", [True, False])
def test_without_a_setting(empty, monkeypatch):
    if empty:
        for variable in (EXAMPLES_VARIABLE, SCALE_VARIABLE, SEED_VARIABLE):
            monkeypatch.setenv(variable, "")
    check_settings()
    assert timeout_scale() == 1
    assert example_count() == settings.EXAMPLES
    assert len({choose_seed() for _ in range(5)}) > 1


def test_applied_settings(monkeypatch):
    monkeypatch.setenv(SCALE_VARIABLE, "2.5")
    monkeypatch.setenv(SEED_VARIABLE, "17")
    monkeypatch.setenv(EXAMPLES_VARIABLE, "0")
    check_settings()
    assert (timeout_scale(), choose_seed(), example_count()) == (2.5, 17, 0)


@pytest.mark.parametrize(
    ("variable", "value", "right"),
    [
        (SCALE_VARIABLE, "0", "a number above zero"),
        (SCALE_VARIABLE, "-1", "a number above zero"),
        (SCALE_VARIABLE, "nan", "a number above zero"),
        (SCALE_VARIABLE, "soon", "a number above zero"),
        (SEED_VARIABLE, "1.5", "a whole number"),
        (SEED_VARIABLE, "x", "a whole number"),
        (EXAMPLES_VARIABLE, "-1", "a whole number, 0 or more"),
        (EXAMPLES_VARIABLE, "many", "a whole number, 0 or more"),
    ],
)
def test_invalid_settings(variable, value, right, monkeypatch):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError) as raised:
        check_settings()
    assert str(raised.value) == f"{variable} is {value!r}; it must be {right}"

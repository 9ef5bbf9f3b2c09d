"""What a user can set: the defaults as documented, the bounds exactly, and messages that help."""

import dataclasses
import math
from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.limits import Limits, outline, suggest

DEFAULTS = {
    "max_target_size": 8192,
    "max_head_size": 65536,
    "max_field_size": 16384,
    "max_fields": 100,
    "max_body_size": 12582912,
    "max_pipelined": 16,
    "head_timeout": 10.0,
    "keep_alive_timeout": 75.0,
    "body_timeout": 30.0,
    "min_body_rate": 240.0,
    "write_timeout": 30.0,
    "linger_timeout": 2.0,
    "max_linger_size": 67108864,
    "shutdown_timeout": 30.0,
    "background_timeout": 5.0,
}

# name, least value, the greatest that is too small
LEAST = [
    ("max_target_size", 256, 255),
    ("max_head_size", 1024, 1023),
    ("max_field_size", 256, 255),
    ("max_fields", 1, 0),
    ("max_body_size", 0, -1),
    ("max_pipelined", 1, 0),
    ("head_timeout", 0.01, 0.009),
    ("keep_alive_timeout", 0.01, 0.009),
    ("body_timeout", 0.01, 0.009),
    ("min_body_rate", 0, -0.001),
    ("write_timeout", 0.01, 0.009),
    ("linger_timeout", 0.01, 0.009),
    ("max_linger_size", 0, -1),
    ("shutdown_timeout", 0, -0.001),
    ("background_timeout", 0, -0.001),
]

WHOLE = [name for name in DEFAULTS if name.startswith("max_")]
NO_NUMBERS = ["10", None, True, False, [10], math.inf, -math.inf, math.nan, 10j]
TIMES = [name for name in DEFAULTS if name.endswith("_timeout")]


def test_defaults() -> None:
    assert dataclasses.asdict(Limits()) == DEFAULTS
    assert {name for name, _, _ in LEAST} == set(DEFAULTS)


@pytest.mark.parametrize(("name", "least", "less"), LEAST)
def test_least(name: str, least: float, less: float) -> None:
    assert getattr(Limits(**{name: least}), name) == least
    with pytest.raises(ConfigurationError) as caught:
        Limits(**{name: less})
    assert str(caught.value).startswith(f"{name} is {less!r} ")
    assert str(caught.value).endswith(f"; it must be at least {least}")


@pytest.mark.parametrize("value", ["1000", 1000.0, None, True, [1000], math.inf, math.nan, 1000j])
@pytest.mark.parametrize("name", WHOLE)
def test_a_size_is_a_whole_number(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limits(**{name: value})
    assert str(caught.value).startswith(f"{name} is {value!r}; it must be a whole number of ")


@pytest.mark.parametrize("value", NO_NUMBERS)
@pytest.mark.parametrize("name", TIMES)
def test_a_time_is_a_finite_number_of_seconds(name: str, value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limits(**{name: value})
    assert str(caught.value) == f"{name} is {value!r}; it must be a number of seconds"


@pytest.mark.parametrize("value", NO_NUMBERS)
def test_a_rate_is_a_finite_number_of_bytes_per_second(value: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limits(min_body_rate=value)
    assert str(caught.value) == f"min_body_rate is {value!r}; it must be a number of bytes per second"


def test_a_number_beyond_all_measure_is_no_time() -> None:
    with pytest.raises(ConfigurationError, match=r"^head_timeout is "):
        Limits(head_timeout=10**400)


def test_a_time_may_be_a_whole_number() -> None:
    assert Limits(head_timeout=5).head_timeout == 5


def test_units_are_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^max_fields is 'x'; it must be a whole number of fields$"):
        Limits(max_fields="x")  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"^max_head_size is 5 bytes; it must be at least 1024$"):
        Limits(max_head_size=5)


def test_limits_do_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Limits().max_fields = 5  # type: ignore[misc]


@pytest.mark.parametrize("field", dataclasses.fields(Limits), ids=lambda field: field.name)
def test_every_limit_says_its_unit_meaning_and_precedent(field: "dataclasses.Field[Any]") -> None:
    assert set(field.metadata) == {"unit", "meaning", "precedent", "least"}
    assert all(field.metadata[key] for key in ("unit", "meaning", "precedent"))
    assert field.default >= field.metadata["least"]


def test_from_mapping() -> None:
    limits = Limits.from_mapping({"max_fields": 7, "head_timeout": 2})
    assert limits == Limits(max_fields=7, head_timeout=2)
    assert Limits.from_mapping({}) == Limits()


def test_from_mapping_with_an_unknown_name() -> None:
    with pytest.raises(ConfigurationError) as caught:
        Limits.from_mapping({"max_feilds": 7})
    message = str(caught.value)
    assert message.startswith("unknown limit 'max_feilds'; did you mean max_fields? known: ")
    assert message.endswith(", ".join(sorted(DEFAULTS)))


def test_from_mapping_with_a_bad_value() -> None:
    with pytest.raises(ConfigurationError, match=r"^max_fields is 0 fields; it must be at least 1$"):
        Limits.from_mapping({"max_fields": 0})


@pytest.mark.parametrize("name", [5, None, True, (1,)])
def test_from_mapping_with_a_name_that_is_no_text(name: Any) -> None:
    """A mapping out of YAML has whatever keys its author wrote."""
    with pytest.raises(ConfigurationError, match="unknown limit"):
        Limits.from_mapping({name: 7})


@pytest.mark.parametrize(
    ("name", "known", "expected"),
    [
        ("refrence", ["reference", "httptools"], "did you mean reference? known: httptools, reference"),
        ("zzz", ["reference", "httptools"], "known: httptools, reference"),
        ("zzz", [], "known: none"),
    ],
    ids=["near", "far", "nothing-known"],
)
def test_suggest(name: str, known: list[str], expected: str) -> None:
    assert suggest(name, known) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param({"password": "hush", 1: "hush"}, "a mapping of 'password', 1", id="mapping"),
        pytest.param([{"password": "hush"}], "a list", id="list"),
        pytest.param([], "[]", id="empty-list"),
        pytest.param({}, "{}", id="empty-mapping"),
        pytest.param("text", "'text'", id="text"),
    ],
)
def test_outline(value: object, expected: str) -> None:
    assert outline(value) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, 16 * 1024, id="default"),
        pytest.param({"max_field_size": 300}, 300, id="field"),
        pytest.param({"max_head_size": 2000}, 2000, id="head"),
        pytest.param({"max_head_size": 2000, "max_field_size": 2000}, 2000, id="equal"),
    ],
)
def test_small_head_size(settings: dict[str, int], expected: int) -> None:
    limits = Limits(**settings)
    assert limits.small_head_size == expected
    assert "small_head_size" not in dataclasses.asdict(limits)


@pytest.mark.parametrize(
    ("settings", "largest_body", "expected"),
    [
        pytest.param({}, 0, 64 * 1024 * 1024, id="default"),
        pytest.param({"max_linger_size": 9, "max_body_size": 0}, 0, 9, id="set"),
        pytest.param({"max_linger_size": 0, "max_body_size": 80}, 8, 90, id="the-servers-largest-body"),
        pytest.param({"max_linger_size": 0, "max_body_size": 80}, 800, 900, id="a-routes-largest-body"),
    ],
)
def test_linger_size(settings: dict[str, int], largest_body: int, expected: int) -> None:
    assert Limits(**settings).linger_size(largest_body) == expected


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        pytest.param({}, 1.0, id="default"),
        pytest.param({"linger_timeout": 1.0}, 0.5, id="half-the-least"),
        pytest.param({"head_timeout": 0.2}, 0.1, id="head"),
        pytest.param({"keep_alive_timeout": 0.2}, 0.1, id="keep-alive"),
        pytest.param({"body_timeout": 0.2}, 0.1, id="body"),
        pytest.param({"write_timeout": 0.2}, 0.1, id="write"),
        pytest.param({"head_timeout": 0.4, "body_timeout": 0.2}, 0.1, id="the-least-of-several"),
        pytest.param({"shutdown_timeout": 0}, 1.0, id="a-stop-is-not-swept"),
        pytest.param({"min_body_rate": 0}, 1.0, id="a-rate-is-no-time"),
    ],
)
def test_sweep_interval(settings: dict[str, float], expected: float) -> None:
    assert Limits(**settings).sweep_interval == pytest.approx(expected)

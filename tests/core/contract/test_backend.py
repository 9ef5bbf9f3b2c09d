"""The contract's lower storey: what a backend's author gets from the base class."""

import abc
import asyncio
import pickle
import re
from typing import Any, ClassVar

import pytest

from kyoukai.core.contract.backend import API_VERSION, Backend, claimed_features
from kyoukai.core.errors import BackendOptionError
from kyoukai.core.features import HTTP1_FEATURES, Feature

FEATURES = {
    "KEEP_ALIVE": "keep-alive",
    "PIPELINING": "pipelining",
    "CHUNKED": "chunked",
    "TRAILERS": "trailers",
    "EXPECT_CONTINUE": "expect-continue",
    "REPLACE": "replace",
    "GRACEFUL_SHUTDOWN": "graceful-shutdown",
    "EARLY_HINTS": "early-hints",
    "RESPONSE_TRAILERS": "response-trailers",
    "TUNNEL": "tunnel",
}


class Minimal(Backend):
    """The least that a backend can be."""

    api_version: ClassVar[int] = 1

    def create_protocol(self, *args: Any) -> asyncio.Protocol:
        return asyncio.Protocol()


class WithOption(Minimal):
    """One with an option of its own."""

    def __init__(self, *, size: int = 5, **options: Any) -> None:
        super().__init__(**options)
        self.size = size


def test_the_version_of_the_contract() -> None:
    # Raising it breaks every published backend: it must be no accident.
    assert API_VERSION == 1


def test_the_features() -> None:
    assert {name: str(member) for name, member in Feature.__members__.items()} == FEATURES
    assert {str(feature) for feature in HTTP1_FEATURES} == set(FEATURES.values())


def test_features_are_plain_strings() -> None:
    assert "chunked" in HTTP1_FEATURES
    assert frozenset(FEATURES.values()) == HTTP1_FEATURES
    assert f"{Feature.KEEP_ALIVE}" == "keep-alive"


def test_a_feature_is_found_by_its_string_and_has_its_meaning() -> None:
    assert Feature("chunked") is Feature.CHUNKED
    assert pickle.loads(pickle.dumps(Feature.CHUNKED)) is Feature.CHUNKED
    meanings = [feature.meaning for feature in Feature]
    assert all(re.fullmatch(r"\S.*\.", meaning) for meaning in meanings)
    assert len(set(meanings)) == len(meanings)


def test_a_backend_has_one_method_to_write() -> None:
    assert issubclass(Backend, abc.ABC)
    assert Backend.__abstractmethods__ == {"create_protocol"}
    with pytest.raises(TypeError, match="create_protocol"):
        Backend()  # type: ignore[abstract]


def test_a_backend_says_itself_which_contract_it_keeps() -> None:
    # A default would be the version of today's server, and not the one that the author read.
    assert not hasattr(Backend, "api_version")


def test_defaults() -> None:
    assert Minimal().features == frozenset()
    assert Minimal().alpn_protocols == ("http/1.1",)


def test_a_protocol_is_made() -> None:
    assert isinstance(Minimal().create_protocol(None, None, "127.0.0.1", 80), asyncio.Protocol)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": 1}, "Minimal does not know the backend option 'colour'"),
        ({"size": 1, "colour": 1}, "Minimal does not know the backend option 'colour', 'size'"),
    ],
    ids=["one", "two"],
)
def test_unknown_options(options: dict[str, int], message: str) -> None:
    with pytest.raises(BackendOptionError) as caught:
        Minimal(**options)
    assert str(caught.value) == message


def test_an_option_of_its_own() -> None:
    assert WithOption().size == 5
    assert WithOption(size=7).size == 7
    with pytest.raises(BackendOptionError, match=r"^WithOption does not know the backend option 'colour'$"):
        WithOption(size=7, colour=1)


@pytest.mark.parametrize(
    ("features", "claimed"),
    [(HTTP1_FEATURES, HTTP1_FEATURES), (["a", "a"], {"a"}), (frozenset(), set()), (None, set()), (5, set())],
)
def test_claimed_features(features: Any, claimed: set[str]) -> None:
    class Claiming(Minimal):
        pass

    Claiming.features = features
    assert claimed_features(Claiming) == claimed_features(Claiming()) == claimed

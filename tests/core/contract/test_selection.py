"""Several backends from what a user sets, and whose options are whose."""

from collections.abc import Mapping
from typing import Any

import pytest

from kyoukai.core.contract.selection import create_backends, divide_options, read_names
from kyoukai.core.errors import BackendError, BackendListError, BackendOptionError, UnknownBackendError


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("httptools", ("httptools",)),
        (["httptools"], ("httptools",)),
        (["reference", "httptools"], ("reference", "httptools")),
        (("module:one", "module:two"), ("module:one", "module:two")),
    ],
)
def test_names(value: Any, names: tuple[str, ...]) -> None:
    assert read_names(value) == names


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("", "backend is ''; it must be a name or module:attribute, or a list of them"),
        (5, "backend is 5; it must be a name or module:attribute, or a list of them"),
        (["a", ""], "backend is ['a', '']; it must be a name or module:attribute, or a list of them"),
        (["a", 5], "backend is ['a', 5]; it must be a name or module:attribute, or a list of them"),
        ({"a": 1}, "backend is {'a': 1}; it must be a name or module:attribute, or a list of them"),
        ([["a"]], "backend is [['a']]; it must be a name or module:attribute, or a list of them"),
        ([], "backend is an empty list; it must name at least one backend"),
    ],
    ids=repr,
)
def test_invalid_names_and_lists(value: Any, message: str) -> None:
    with pytest.raises(UnknownBackendError) as caught:
        read_names(value)
    assert str(caught.value) == message


def test_a_name_that_is_there_twice() -> None:
    with pytest.raises(BackendListError, match=r"^backend has 'b' twice$"):
        read_names(["a", "b", "b"])


def test_backends_are_made_in_order_of_preference() -> None:
    backends = create_backends(["reference", "httptools"], {})
    assert list(backends) == ["reference", "httptools"]
    assert [type(backend).__name__ for backend in backends.values()] == [
        "ReferenceBackend",
        "HttptoolsBackend",
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["httptool", "reference"], "unknown backend 'httptool'; did you mean httptools?"),
        (["reference", "json:JSONDecoder"], "backend 'json:JSONDecoder' is <class"),
        (["reference", "no_such_module:Backend"], "backend 'no_such_module:Backend' cannot be loaded"),
    ],
)
def test_each_backend_of_a_list_fails_as_alone(names: list[str], message: str) -> None:
    with pytest.raises(BackendError) as caught:
        create_backends(names, {})
    assert str(caught.value).startswith(message)


def test_an_option_that_one_of_them_refuses_names_it() -> None:
    with pytest.raises(BackendOptionError) as caught:
        create_backends(["httptools", "reference"], {"reference": {"speed": 5}})
    assert str(caught.value) == (
        "backend 'reference': ReferenceBackend does not know the backend option 'speed'; its options: none"
    )


@pytest.mark.parametrize(
    ("names", "options", "divided"),
    [
        (["a"], {}, {"a": {}}),
        (["a"], {"x": 1}, {"a": {"x": 1}}),
        (["a"], {"a": {"x": 1}}, {"a": {"x": 1}}),
        (["a"], {"a": {"x": 1}, "y": 2}, {"a": {"x": 1, "y": 2}}),
        (["a"], {"a": 5}, {"a": {"a": 5}}),
        (["a"], {"b": {"x": 1}}, {"a": {"b": {"x": 1}}}),
        (["a", "m.n:B"], {"m.n:B": {"x": 1}}, {"a": {}, "m.n:B": {"x": 1}}),
        (["a", "b"], {"b": {"x": 1}, "a": {"x": 2}}, {"a": {"x": 2}, "b": {"x": 1}}),
    ],
    ids=repr,
)
def test_options_by_backend(names: list[str], options: Mapping[str, Any], divided: Any) -> None:
    assert divide_options(names, options) == divided


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"httptool": {"x": 1}},
            "backend_options has 'httptool'; with several backends, group options by the backend's name: did "
            "you mean httptools? known: h2, httptools",
        ),
        (
            {"speed": 5},
            "backend_options has 'speed'; with several backends, group options by the backend's name: known: "
            "h2, httptools",
        ),
        ({"h2": 5}, "backend_options.h2 is 5; it must be a mapping of the options of backend 'h2'"),
        ({"h2": {1: 2}}, "backend_options.h2 is a mapping of 1; its keys must be names"),
    ],
    ids=repr,
)
def test_options_that_no_backend_takes(options: Mapping[str, Any], message: str) -> None:
    with pytest.raises(BackendOptionError) as caught:
        divide_options(["h2", "httptools"], options)
    assert str(caught.value) == message

"""What more than one place takes from users."""

from typing import Any

import pytest
from werkzeug.wrappers import Request

from kyoukai.core.errors import ConfigurationError
from kyoukai.web import Kyoukai
from kyoukai.web.checks import check_class, check_flag, check_prefix


def test_valid_prefixes() -> None:
    assert check_flag("it", True) is True
    assert check_flag("it", False) is False
    assert check_class(Kyoukai, "request_class", Request, Request) is Request
    assert check_class(Kyoukai, "request_class", None, Request) is Kyoukai.request_class
    assert check_prefix("it", "") == ""
    assert check_prefix("it", "/a/<b>") == "/a/<b>"
    assert check_prefix("it", "/", "/") == ""
    assert check_prefix("it", "/a", "/") == "/a"


@pytest.mark.parametrize("prefix", ["a", "/a/", "/", None, b"/a"])
def test_invalid_prefix(prefix: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^the prefix of it must be '', or start with '/' and not "):
        check_prefix("it", prefix)


@pytest.mark.parametrize("prefix", ["a", "/a/", "", "//", None])
def test_invalid_prefix_where_a_slash_means_all_paths(prefix: Any) -> None:
    with pytest.raises(
        ConfigurationError, match=r"^the prefix of it must be '/', or start with '/' and not "
    ):
        check_prefix("it", prefix, "/")

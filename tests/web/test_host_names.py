"""What can be the name of a host, and how names are put together."""

import pytest

from kyoukai import ConfigurationError
from kyoukai.web.host_names import check_host, check_hosts, join_host


@pytest.mark.parametrize(
    "host", [None, "a", "api.example.com", "a_b.c-d", "xn--bcher-kva.example", "[::1]", "<a>.b"]
)
def test_valid_host_names(host: str | None) -> None:
    assert check_host("x", host) == host


def test_host_or_subdomain_but_not_both() -> None:
    assert check_hosts("x", "a", None) == ("a", None)
    assert check_hosts("x", None, "b") == (None, "b")
    assert check_hosts("x", None, None) == (None, None)
    with pytest.raises(ConfigurationError, match="x takes a host or a subdomain, not both: 'a', 'b'"):
        check_hosts("x", "a", "b")


def test_joining() -> None:
    assert join_host("x", "api", "example.com") == "api.example.com"
    with pytest.raises(ConfigurationError, match="x has the subdomain 'api', but no host"):
        join_host("x", "api", None)

"""Which proxies are believed."""

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.core.semantics.trusted_proxies import TrustedProxies, read_address


@pytest.mark.parametrize(
    ("entries", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        (["10.0.0.0/8"], "10.255.0.1"),
        (["10.0.0.0/8", "2001:db8::/32"], "2001:db8::1"),
        (["::1"], "0:0:0:0:0:0:0:1"),
        (["192.0.2.1"], "::ffff:192.0.2.1"),
        (["fe80::/10"], "fe80::1%eth0"),
        (["0.0.0.0/0", "::/0"], "203.0.113.1"),
    ],
)
def test_trusted_address(entries: object, address: str) -> None:
    proxies = TrustedProxies(entries)
    assert proxies
    assert proxies.trust_peer(address)
    assert proxies.trust(address)
    assert not proxies.trust_peer(None)


@pytest.mark.parametrize(
    ("entries", "address"),
    [
        ([], "192.0.2.1"),
        (["192.0.2.1"], "192.0.2.2"),
        (["10.0.0.0/8"], "::1"),
        (["0.0.0.0/0"], "::1"),
        (["unix"], "127.0.0.1"),
        (["192.0.2.1"], "unix"),
        (["192.0.2.1"], "192.0.2.01"),
        (["192.0.2.1"], ""),
    ],
)
def test_untrusted_address(entries: object, address: str) -> None:
    assert not TrustedProxies(entries).trust(address)


@pytest.mark.parametrize("address", [None, ""])
def test_a_unix_socket_has_no_address(address: str | None) -> None:
    assert TrustedProxies("unix").trust_peer(address)
    assert TrustedProxies("unix")
    assert not TrustedProxies(["127.0.0.1"]).trust_peer(address)
    assert not TrustedProxies()


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (1, "trusted_proxies is 1; it must be a list of addresses, networks, or 'unix'"),
        (["*"], "trusted_proxies has '*'; to trust every peer, list '0.0.0.0/0', '::/0' and 'unix'"),
        (
            ["10.0.0.1/8"],
            "trusted_proxies has '10.0.0.1/8', which is an address in the network 10.0.0.0/8",
        ),
        (
            ["proxy"],
            "trusted_proxies has 'proxy'; it must be an IP address, a network like '10.0.0.0/8', or 'unix'",
        ),
        ([7], "trusted_proxies has 7; it must be an IP address"),
        ([""], "trusted_proxies has ''; it must be an IP address"),
    ],
)
def test_invalid_address_is_named(entries: object, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrustedProxies(entries)
    assert str(caught.value).startswith(said)


@pytest.mark.parametrize(
    ("text", "address"),
    [("::ffff:192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("192.0.2.1", "192.0.2.1"), ("a", None), ("", None)],
)
def test_an_address(text: str, address: str | None) -> None:
    found = read_address(text)
    assert (None if found is None else str(found)) == address

"""Addresses to listen on, as users write them."""

from typing import Any

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.server.bind import FORMS, Bind, parse_bind

READ: dict[str, Bind] = {
    "127.0.0.1:8000": Bind(host="127.0.0.1", port=8000),
    "localhost:0": Bind(host="localhost", port=0),
    "[::1]:65535": Bind(host="::1", port=65535),
    "[fe80::1%eth0]:80": Bind(host="fe80::1%eth0", port=80),
    "http://example.org:80": Bind(host="example.org", port=80, secure=False),
    "http://example.org:80/": Bind(host="example.org", port=80, secure=False),
    "HTTPS://[::]:443": Bind(host="::", port=443, secure=True),
    "unix:/run/http.sock": Bind(path="/run/http.sock"),
    "unix:http.sock": Bind(path="http.sock"),
    "unix:///run/http.sock": Bind(path="/run/http.sock"),
    "https://unix:/run/https.sock": Bind(path="/run/https.sock", secure=True),
    "fd:3": Bind(inherited="3"),
    "fd:http.socket": Bind(inherited="http.socket"),
    "http://fd:web": Bind(inherited="web", secure=False),
    "127.0.0.1:80?proxy_protocol=required": Bind(host="127.0.0.1", port=80, proxy_protocol=True),
    "127.0.0.1:80?proxy_protocol=off": Bind(host="127.0.0.1", port=80),
    "unix:/run/a.sock?mode=0660": Bind(path="/run/a.sock", mode=0o660),
    "unix:/run/a.sock?mode=777&proxy_protocol=required": Bind(
        path="/run/a.sock", mode=0o777, proxy_protocol=True
    ),
}

REFUSED: dict[str, tuple[Any, str]] = {
    "a number": (8000, f"it must be {FORMS}"),
    "nothing": ("", "the port is missing"),
    "a host alone": ("127.0.0.1", "the port is missing"),
    "a port alone": (":8000", "all addresses are [::]:PORT, of IPv6 and IPv4, or 0.0.0.0:PORT"),
    "IPv6 without brackets and port": ("::1", "an IPv6 address needs brackets and a port: [::1]:PORT"),
    "IPv6 without brackets": ("fe80::1%eth0:80", "an IPv6 address needs brackets and a port: [::1]:PORT"),
    "no IPv6 in brackets": ("[127.0.0.1]:80", "in brackets must be an IPv6 address: [::1]:80"),
    "a bracket that is not closed": ("[::1:80", "in brackets must be an IPv6 address: [::1]:80"),
    "a port that is too large": ("a:65536", "the port must be a whole number from 0 to 65535"),
    "a port with a sign": ("a:+80", "the port must be a whole number from 0 to 65535"),
    "a port of other digits": ("a:٣", "the port must be a whole number from 0 to 65535"),
    "a path": ("http://a:80/path", "the port must be a whole number from 0 to 65535"),
    "another scheme": ("ftp://a:80", "an IPv6 address needs brackets"),
    "no path": ("unix:", "after unix: must follow the path of a Unix socket"),
    "a NUL": ("unix:a\0b", "after unix: must follow the path of a Unix socket"),
    "no descriptor": ("fd:", "after fd: must follow a descriptor's number, or its name in systemd"),
    "a descriptor with a colon": ("fd:a:b", "after fd: must follow a descriptor's number, or its name"),
    "an unknown option": ("a:80?proxy=required", "unknown option 'proxy'; known: mode, proxy_protocol"),
    "a proxy protocol that is neither": (
        "a:80?proxy_protocol=2",
        "proxy_protocol is '2'; it must be 'required' or 'off'",
    ),
    "the mode of a port": ("a:80?mode=0660", "mode is for Unix sockets, unix:PATH"),
    "a mode that is not octal": (
        "unix:a?mode=0680",
        "mode is '0680'; it must be octal digits, in quotes: '0660'",
    ),
    "a mode of too many digits": ("unix:a?mode=01777", "mode is '01777'; it must be octal digits"),
}


@pytest.mark.parametrize("text", READ)
def test_an_address(text: str) -> None:
    assert parse_bind("bind", text) == READ[text]


@pytest.mark.parametrize("case", REFUSED)
def test_invalid_address_error_names_the_valid_forms(case: str) -> None:
    value, said = REFUSED[case]
    with pytest.raises(ConfigurationError) as caught:
        parse_bind("admin", value)
    assert str(caught.value).startswith(f"admin is {value!r}")
    assert said in str(caught.value)


def test_separate_options_take_precedence() -> None:
    options = {"proxy_protocol": "off", "mode": "0600"}
    bind = parse_bind("bind", "unix:a?proxy_protocol=required", options)
    assert bind == Bind(path="a", mode=0o600)


def test_a_mode_without_quotes_is_refused() -> None:
    """YAML 1.2 reads 0660 as 660, and YAML 1.1 as 432."""
    with pytest.raises(ConfigurationError, match="mode is 432; it must be octal digits, in quotes: '0660'"):
        parse_bind("bind", "unix:a", {"mode": 0o660})

"""What can be set for WebSockets, and what cannot."""

import pytest

from kyoukai.core.errors import ConfigurationError
from kyoukai.websocket import WebSocketSettings


def test_valid_settings():
    settings = WebSocketSettings(
        max_message_size=1, max_frame_size=None, ping_interval=None, origins=["https://example.org"]
    )
    assert settings.origins == ["https://example.org"]
    assert WebSocketSettings(origins="*").origins == "*"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("max_message_size", 0, "number of bytes"),
        ("max_message_size", True, "number of bytes"),
        ("max_frame_size", "1", "number of bytes"),
        ("max_unread_size", -1, "number of bytes"),
        ("min_compressed_size", -1, "number of bytes"),
        ("ping_interval", 0, "number of seconds"),
        ("ping_timeout", float("nan"), "number of seconds"),
        ("ping_timeout", None, "number of seconds"),
        ("close_timeout", float("inf"), "number of seconds"),
        ("compression", 1, "True or False"),
        ("window_bits", 8, "9 to 15"),
        ("window_bits", 16, "9 to 15"),
        ("origins", "https://example.org", "list of origins"),
        ("origins", 1, "list of origins"),
        ("origins", ["example.org"], "an origin is written as"),
        ("origins", ["https://example.org/"], "an origin is written as"),
        ("origins", ["HTTPS://example.org"], "an origin is written as"),
        ("origins", [1], "an origin is written as"),
    ],
)
def test_invalid_settings(name, value, message):
    with pytest.raises(ConfigurationError, match=message) as caught:
        WebSocketSettings(**{name: value})
    assert name in str(caught.value)
    assert repr(value if not isinstance(value, list) else value[0]) in str(caught.value)

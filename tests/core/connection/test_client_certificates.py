"""What an environ has of a client's certificate."""

import ssl
from types import SimpleNamespace
from typing import Any

import pytest

from kyoukai.core.connection.client_certificates import client_variables, distinguished_name


def connection(mode: ssl.VerifyMode, certificate: Any = None) -> Any:
    """Return a connection by TLS, as far as it is asked."""

    def getpeercert(binary_form: bool = False) -> Any:
        return (None if certificate is None else b"DER") if binary_form else certificate

    return SimpleNamespace(context=SimpleNamespace(verify_mode=mode), getpeercert=getpeercert)


def test_nothing_where_no_certificate_is_asked_for() -> None:
    assert client_variables(None) == {}
    assert client_variables(connection(ssl.CERT_NONE)) == {}


def test_a_client_without_one() -> None:
    assert client_variables(connection(ssl.CERT_OPTIONAL)) == {"SSL_CLIENT_VERIFY": "NONE"}


def test_a_client_with_one() -> None:
    certificate = {
        "subject": ((("countryName", "JP"),), (("commonName", "Renko"),)),
        "issuer": ((("commonName", "Maribel"),),),
        "serialNumber": "0A",
        "notBefore": "Jan  1 00:00:00 2024 GMT",
        "notAfter": "Jan  1 00:00:00 2034 GMT",
    }
    assert client_variables(connection(ssl.CERT_REQUIRED, certificate)) == {
        "SSL_CLIENT_VERIFY": "SUCCESS",
        "SSL_CLIENT_S_DN": "CN=Renko,C=JP",
        "SSL_CLIENT_I_DN": "CN=Maribel",
        "SSL_CLIENT_M_SERIAL": "0A",
        "SSL_CLIENT_V_START": "Jan  1 00:00:00 2024 GMT",
        "SSL_CLIENT_V_END": "Jan  1 00:00:00 2034 GMT",
        "SSL_CLIENT_CERT": "-----BEGIN CERTIFICATE-----\nREVS\n-----END CERTIFICATE-----\n",
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("plain", "plain"),
        ("a,b+c", "a\\,b\\+c"),
        ('"<;>\\', '\\"\\<\\;\\>\\\\'),
        (" both ", "\\ both\\ "),
        ("#first", "\\#first"),
        ("a\nSSL_CLIENT_VERIFY", "a\\0ASSL_CLIENT_VERIFY"),
        ("\0", "\\00"),
        ("é", "é".encode().decode("latin-1")),
        ("", ""),
        (" ", "\\ "),
    ],
)
def test_a_name_is_written_so_that_it_can_be_read_again(value: str, text: str) -> None:
    assert distinguished_name(((("commonName", value),),)) == f"CN={text}"


def test_several_attributes_in_one_part() -> None:
    parts = ((("organizationName", "O"),), (("commonName", "A"), ("1.2.3", "B")))
    assert distinguished_name(parts) == "CN=A+1.2.3=B,O=O"

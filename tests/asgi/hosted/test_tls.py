"""What hosted applications are told of TLS."""

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from kyoukai.asgi.hosted.tls import cipher_number

from ...certificates import trusting_context, write_certificate
from ...serving import message
from .speaking import hosted, respond

pytestmark = pytest.mark.every_wire

Serve = Any


@pytest.mark.parametrize("has_certificate", [True, False])
def test_the_extension(serve: Serve, tmp_path: Path, has_certificate: bool) -> None:
    authority = trustme.CA()
    settings, _ = write_certificate(tmp_path, "localhost", authority=authority)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = authority.issue_cert("client.example", common_name="Ada Bér")
    context = trusting_context(authority)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if has_certificate:
        certificate.configure_cert(context)
    scopes: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        scopes.append(scope)
        await respond(send)

    asked = {"client_ca": str(tmp_path / "ca.pem"), "client_certificates": "optional"}
    server = hosted(serve, application, ssl={**settings, **asked})
    with server.connect(context=context) as client:
        for _ in range(2):
            assert client.request(message()).status == 200
    for scope in scopes:
        assert scope["scheme"] == "https"
        # The kernel sends no files by TLS.
        assert "http.response.zerocopysend" not in scope["extensions"]
        tls = scope["extensions"]["tls"]
        chain = [certificate.cert_chain_pems[0].bytes().decode()] if has_certificate else []
        assert [pem.split() for pem in tls.pop("client_cert_chain")] == [pem.split() for pem in chain]
        name = tls.pop("client_cert_name")
        assert ("CN=Ada Bér" in name.split(",")) if has_certificate else name is None
        assert tls.pop("cipher_suite") in range(0x1301, 0x1306)
        assert tls == {"server_cert": None, "client_cert_error": None, "tls_version": 0x0304}


@pytest.mark.http1
def test_a_cipher_that_is_not_known() -> None:
    context = ssl.create_default_context()
    assert cipher_number(context, None) is None
    assert cipher_number(context, ("NONE", "TLSv1.3", 256)) is None

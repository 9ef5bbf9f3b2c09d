"""The value of the ASGI extension ``tls``."""

import ssl
from typing import Any, Final

VERSIONS: Final = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
"""The numbers of TLS versions, by the names from :meth:`ssl.SSLObject.version`."""


def tls_facts(connection: Any, environ: dict[str, Any]) -> dict[str, Any]:
    """Return the value of the extension.

    :param connection: an :class:`ssl.SSLObject` after its handshake.
    :param environ: of the connection, with its client's certificate.
    """
    certificate, name = environ.get("SSL_CLIENT_CERT"), environ.get("SSL_CLIENT_S_DN")
    return {
        # The ssl module does not tell which certificate the server sent.
        "server_cert": None,
        "client_cert_chain": () if certificate is None else (certificate,),
        "client_cert_name": None if name is None else name.encode("latin-1").decode(),
        # A client certificate that cannot be verified fails the handshake.
        "client_cert_error": None,
        "tls_version": VERSIONS.get(connection.version()),
        "cipher_suite": cipher_number(connection.context, connection.cipher()),
    }


def cipher_number(context: ssl.SSLContext, cipher: tuple[str, str, int] | None) -> int | None:
    """Return the number of a cipher suite (RFC 8446 appendix B.4).

    :param context: the context of the connection.
    :param cipher: from :meth:`ssl.SSLObject.cipher`.
    """
    name = None if cipher is None else cipher[0]
    for known in context.get_ciphers():
        if known["name"] == name:
            # OpenSSL puts two bytes before the number.
            return int(known["id"]) & 0xFFFF
    return None

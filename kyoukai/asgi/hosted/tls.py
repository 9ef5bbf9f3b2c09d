"""What the extension ``tls`` tells of a connection that is by TLS."""

import ssl
from typing import Any, Final

VERSIONS: Final = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}
"""The numbers of versions, by what :meth:`ssl.SSLObject.version` calls them."""


def tls_facts(connection: Any, environ: dict[str, Any]) -> dict[str, Any]:
    """Return what the extension has.

    :param connection: an :class:`ssl.SSLObject` whose handshake is over.
    :param environ: of the connection, with its client's certificate.
    """
    certificate, name = environ.get("SSL_CLIENT_CERT"), environ.get("SSL_CLIENT_S_DN")
    return {
        # Python's library does not tell which one it has sent.
        "server_cert": None,
        "client_cert_chain": () if certificate is None else (certificate,),
        "client_cert_name": None if name is None else name.encode("latin-1").decode(),
        # One that cannot be verified ends the handshake.
        "client_cert_error": None,
        "tls_version": VERSIONS.get(connection.version()),
        "cipher_suite": cipher_number(connection.context, connection.cipher()),
    }


def cipher_number(context: ssl.SSLContext, cipher: tuple[str, str, int] | None) -> int | None:
    """Return the number of a cipher suite, as RFC 8446 appendix B.4 has it.

    :param context: by which the cipher was agreed on.
    :param cipher: what :meth:`ssl.SSLObject.cipher` returned.
    """
    name = None if cipher is None else cipher[0]
    for known in context.get_ciphers():
        if known["name"] == name:
            # OpenSSL's own numbers have two bytes before it.
            return int(known["id"]) & 0xFFFF
    return None

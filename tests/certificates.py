"""Certificates for tests, from authorities that only the tests trust."""

import ssl
from pathlib import Path

import trustme


def write_certificate(
    folder: Path,
    *hosts: str,
    name: str = "site",
    authority: trustme.CA | None = None,
    with_key: bool = False,
) -> tuple[dict[str, str], trustme.CA]:
    """Issue a certificate and write ``NAME.pem`` and ``NAME.key``, replacing existing files.

    :param folder: the folder of the files.
    :param hosts: the names in the certificate; by default ``localhost`` and ``127.0.0.1``.
    :param authority: the issuer; by default a new authority.
    :param with_key: whether ``NAME.pem`` contains the key too, as HAProxy requires.
    :return: the ``ssl`` setting of a server, and the authority.
    """
    authority = authority or trustme.CA()
    issued = authority.issue_cert(*(hosts or ("localhost", "127.0.0.1")))
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.private_key_pem.write_to_path(key)
    chain = [issued.private_key_pem] if with_key else []
    certificate.write_bytes(b"".join(blob.bytes() for blob in [*chain, *issued.cert_chain_pems]))
    return {"certificate": str(certificate), "key": str(key)}, authority


def trusting_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client context that trusts only this authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context

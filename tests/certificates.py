"""Certificates for tests, of authorities that nobody else trusts."""

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
    """Issue a certificate, and write ``NAME.pem`` and ``NAME.key``, in the place of what is there.

    :param folder: where the files are put.
    :param hosts: what it is for; without any, ``localhost`` and ``127.0.0.1``.
    :param authority: who issues it; without one, a new one.
    :param with_key: whether the key is in ``NAME.pem`` too, where HAProxy looks for it.
    :return: a server's setting ``ssl``, and the authority.
    """
    authority = authority or trustme.CA()
    issued = authority.issue_cert(*(hosts or ("localhost", "127.0.0.1")))
    certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
    issued.private_key_pem.write_to_path(key)
    chain = [issued.private_key_pem] if with_key else []
    certificate.write_bytes(b"".join(blob.bytes() for blob in [*chain, *issued.cert_chain_pems]))
    return {"certificate": str(certificate), "key": str(key)}, authority


def trusting_context(authority: trustme.CA) -> ssl.SSLContext:
    """Return a client's context that trusts an authority, and no other."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    authority.configure_trust(context)
    return context

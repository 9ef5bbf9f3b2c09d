"""The variables of an environ for a client's certificate, named as by Apache's mod_ssl."""

import ssl
from typing import Any, Final

SHORT_NAMES: Final = {
    "commonName": "CN",
    "countryName": "C",
    "domainComponent": "DC",
    "emailAddress": "emailAddress",
    "localityName": "L",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "serialNumber": "serialNumber",
    "stateOrProvinceName": "ST",
    "streetAddress": "STREET",
    "userId": "UID",
}
"""The short names of RFC 4514 section 3 by the names of Python's :mod:`ssl`."""


def client_variables(connection: Any) -> dict[str, str]:
    """Return the environ variables for the client's certificate of a connection.

    :param connection: an :class:`ssl.SSLObject` after its handshake, or ``None``.
    :return: an empty dictionary if clients are asked for no certificate.
    """
    if connection is None or connection.context.verify_mode == ssl.CERT_NONE:
        return {}
    # A certificate that cannot be verified has ended the handshake.
    encoded = connection.getpeercert(binary_form=True)
    if encoded is None:
        return {"SSL_CLIENT_VERIFY": "NONE"}
    told = connection.getpeercert()
    return {
        "SSL_CLIENT_VERIFY": "SUCCESS",
        "SSL_CLIENT_S_DN": distinguished_name(told["subject"]),
        "SSL_CLIENT_I_DN": distinguished_name(told["issuer"]),
        "SSL_CLIENT_M_SERIAL": told["serialNumber"],
        "SSL_CLIENT_V_START": told["notBefore"],
        "SSL_CLIENT_V_END": told["notAfter"],
        "SSL_CLIENT_CERT": ssl.DER_cert_to_PEM_cert(encoded),
    }


def distinguished_name(parts: Any) -> str:
    """Return a name of a certificate in the form of RFC 4514, the most specific part first.

    :param parts: the value from :meth:`ssl.SSLSocket.getpeercert`. Characters outside ASCII become latin-1 of
        their UTF-8, as a WSGI environ needs it (PEP 3333).
    """
    text = ",".join(
        "+".join(f"{SHORT_NAMES.get(name, name)}={_escape(value)}" for name, value in part)
        for part in reversed(parts)
    )
    return text.encode().decode("latin-1")


def _escape(value: str) -> str:
    # RFC 4514 section 2.4.
    escaped = "".join(f"\\{letter}" if letter in '"+,;<>\\' else letter for letter in value)
    escaped = "".join(letter if letter.isprintable() else _hex(letter) for letter in escaped)
    if escaped.startswith((" ", "#")):
        escaped = f"\\{escaped}"
    if escaped.endswith(" ") and len(value) > 1:
        escaped = f"{escaped[:-1]}\\ "
    return escaped


def _hex(letter: str) -> str:
    return "".join(f"\\{byte:02X}" for byte in letter.encode())

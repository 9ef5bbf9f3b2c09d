import ssl

import pytest
import trustme


@pytest.fixture(scope="session")
def authority():
    """A certificate authority for this session alone."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority, tmp_path_factory):
    """The component's ``ssl`` setting, with a certificate of the authority's."""
    directory = tmp_path_factory.mktemp("tls")
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_pem.write_to_path(directory / "key.pem")
    for number, blob in enumerate(issued.cert_chain_pems):
        blob.write_to_path(directory / "certificate.pem", append=bool(number))
    return {"certificate": str(directory / "certificate.pem"), "key": str(directory / "key.pem")}


@pytest.fixture
def trusting(authority):
    """A client's context that trusts the authority."""
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


@pytest.fixture(scope="session")
def authority_file(authority, tmp_path_factory):
    """The path of the authority's own certificate."""
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)

import pytest
import trustme

from ..certificates import trusting_context, write_certificate


@pytest.fixture(scope="session")
def authority():
    """A certificate authority for this session."""
    return trustme.CA()


@pytest.fixture(scope="session")
def tls(authority, tmp_path_factory):
    """The component's ``ssl`` setting, with a certificate of the authority."""
    return write_certificate(tmp_path_factory.mktemp("tls"), authority=authority)[0]


@pytest.fixture
def trusting(authority):
    """A client context that trusts the authority."""
    return trusting_context(authority)


@pytest.fixture(scope="session")
def authority_file(authority, tmp_path_factory):
    """The path of the authority's certificate."""
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)

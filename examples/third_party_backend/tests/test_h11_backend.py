from kyoukai.testing import BackendSuite


class TestH11Backend(BackendSuite):
    """The rules of the contract, and every case of the corpus, cut in every way."""

    backend = "h11"

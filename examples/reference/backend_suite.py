import pytest

from kyoukai.testing import BackendSuite, load_corpus


class TestMyBackend(BackendSuite):
    """A test of each rule, and of each case of the corpus."""

    backend = "reference"
    corpus = load_corpus()[:3]  # By default, all of it.


if __name__ == "__main__":
    # As a file of tests: `pytest test_my_backend.py`. Here one of the rules.
    arguments = ["-q", "-p", "no:cacheprovider"]
    print(int(pytest.main([*arguments, "-k", "K1.2", __file__])))  # 0

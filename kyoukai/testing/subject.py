"""The backend under test, as the checks of the rules see it."""

import functools

from kyoukai.core.backend import Backend
from kyoukai.core.errors import BackendError
from kyoukai.core.registry import load_backend

from .rules import Rule


class Subject:
    """One backend under test.

    :param backend: its name, ``module:attribute``, or a class that can be imported.
    """

    def __init__(self, backend: str | type[Backend]) -> None:
        self.name = backend if isinstance(backend, str) else f"{backend.__module__}:{backend.__qualname__}"

    @functools.cached_property
    def backend_class(self) -> type[Backend]:
        """The class that the name leads to.

        :raises BackendError: if it cannot be used.
        """
        return load_backend(self.name)

    def why_skipped(self, rule: Rule) -> str | None:
        """Return why a rule is not to be checked on this backend; ``None``: it is."""
        if rule.id == "K1.1":
            return None
        try:
            features = self.backend_class.features
        except BackendError:
            return "the backend cannot be loaded"
        if rule.feature is not None and rule.feature not in features:
            return f"the backend does not claim the feature {rule.feature!r}"
        return None

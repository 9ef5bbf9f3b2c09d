"""Kyoukai 2's test application: requests by method call, and temporary blueprints.

Use ``app.test_client()`` in new tests; this class is for existing ones.
"""

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from typing import Any, Final, Self

from asphalt.core import Context, NoCurrentContext, current_context
from werkzeug.test import EnvironBuilder, TestResponse

from kyoukai.core.errors import ConfigurationError
from kyoukai.test_client.in_process import ask_once

from .application import Kyoukai
from .blueprint import Blueprint

STATE: Final = (
    "children",
    "routes",
    "hooks",
    "finalized",
    "_dispatcher",
)
"""The attributes of an application that determine its answers."""

_numbers: Final = itertools.count(1)


class TestKyoukai(Kyoukai):
    """An application that answers requests by method call, without a server or a client.

    :param args: with ``options``, those of :class:`~kyoukai.Kyoukai`.
    :param base_context: the parent context of requests; by default the current one, or an empty one.
    """

    # pytest collects classes whose names begin with Test.
    __test__ = False

    def __init__(self, *args: Any, base_context: Context | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.base_context = base_context
        self.original_app: Kyoukai = self
        """The application that answers: this one, or the wrapped one."""

    @classmethod
    def wrap_existing_app(cls, other_app: Kyoukai, base_context: Context | None = None) -> Self:
        """Return a test application for another application.

        :param base_context: the parent context of requests.
        :raises ConfigurationError: if ``other_app`` is not a :class:`~kyoukai.Kyoukai`.
        """
        if not isinstance(other_app, Kyoukai):
            raise ConfigurationError(f"wrap_existing_app takes a Kyoukai, not {other_app!r}")
        wrapper = cls("test_app", base_context=base_context)
        wrapper.original_app = other_app
        vars(wrapper)["process_request"] = other_app.process_request
        return wrapper

    @contextlib.contextmanager
    def testing_bp(self) -> Iterator[Blueprint]:
        """Replace all routes by an empty, temporary blueprint until the end of ``with``.

        Within ``with``, routes, hooks and error handlers can be added at any time, also to this application.
        At the end they are removed, and the previous ones are back.
        """
        app = self.original_app
        kept = {name: vars(app)[name] for name in STATE}
        # The debugger's method in debug mode; each dispatcher makes a new one.
        overridden = vars(app).pop("process_request", None)
        fresh = vars(Kyoukai(app.name))
        vars(app).update({name: fresh[name] for name in STATE})
        blueprint = Blueprint(f"bp-{next(_numbers)}", parent=app)
        try:
            yield blueprint
        finally:
            blueprint.parent = None
            vars(app).update(kept)
            vars(app).pop("process_request", None)
            if overridden is not None:
                vars(app)["process_request"] = overridden

    async def inject_request(
        self,
        headers: Mapping[str, str] | None = None,
        url: str = "/",
        method: str = "GET",
        body: str | bytes | None = None,
    ) -> TestResponse:
        """Return the response to one request, with its whole body.

        It does not leave an application finalized that was not: more can be added to it.

        :param headers: header fields.
        :param url: path and query.
        :param method: the method.
        :param body: the body; text is encoded in UTF-8.
        :raises ConfigurationError: if the application cannot be finalized.
        """
        builder = EnvironBuilder(path=url, method=method, headers=dict(headers or {}).items(), data=body)
        app = self.original_app
        was_open = not app.finalized
        try:
            return await ask_once(app, builder.get_request(), self._context())
        finally:
            builder.close()
            if was_open:
                vars(app).pop("process_request", None)  # The debugger's method.
                app._dispatcher = None
                for blueprint in app.walk():
                    blueprint.finalized = False

    def _context(self) -> Context:
        if self.base_context is not None:
            return self.base_context
        try:
            return current_context()
        except NoCurrentContext:
            return Context()

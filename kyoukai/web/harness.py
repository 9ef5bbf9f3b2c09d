"""The application for tests that Kyoukai 2 had: requests that are put in, and blueprints to throw away.

New tests are better off with ``app.test_client()``; this is for those that there are.
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
"""The attributes of an application that say what it answers."""

_numbers: Final = itertools.count(1)


class TestKyoukai(Kyoukai):
    """An application into which requests are put, with no server and no client.

    :param args: with ``options``, those of :class:`~kyoukai.Kyoukai`.
    :param base_context: the Asphalt context that requests derive from; by default the current one, or if
        there is none one with nothing in it.
    """

    # pytest takes what is called Test... for tests.
    __test__ = False

    def __init__(self, *args: Any, base_context: Context | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self.base_context = base_context
        self.original_app: Kyoukai = self
        """The application that answers: this one, unless it wraps another."""

    @classmethod
    def wrap_existing_app(cls, other_app: Kyoukai, base_context: Context | None = None) -> Self:
        """Return one that has another application answer.

        :param base_context: the Asphalt context that requests derive from.
        :raises ConfigurationError: if ``other_app`` is no application.
        """
        if not isinstance(other_app, Kyoukai):
            raise ConfigurationError(f"wrap_existing_app takes a Kyoukai, not {other_app!r}")
        wrapper = cls("test_app", base_context=base_context)
        wrapper.original_app = other_app
        vars(wrapper)["process_request"] = other_app.process_request
        return wrapper

    @contextlib.contextmanager
    def testing_bp(self) -> Iterator[Blueprint]:
        """Let a new blueprint alone answer until the end of ``with``; then all is as it was.

        Within it, routes, hooks and error handlers can be added at any time, to this application, too; they
        are gone afterwards. What was there before cannot be asked meanwhile.
        """
        app = self.original_app
        kept = {name: vars(app)[name] for name in STATE}
        # In debug mode, the debugger's, which is made anew with each dispatcher.
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
        """Return the answer to one request, with all of its body.

        An application that is not finalized is not by this, either: more can be added to it.

        :param url: path and query.
        :raises ConfigurationError: if the application cannot be used as it is.
        """
        builder = EnvironBuilder(path=url, method=method, headers=dict(headers or {}).items(), data=body)
        app = self.original_app
        was_open = not app.finalized
        try:
            return await ask_once(app, builder.get_request(), self._context())
        finally:
            builder.close()
            if was_open:
                vars(app).pop("process_request", None)  # The debugger's.
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

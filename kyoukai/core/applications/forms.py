"""Choosing the adapter for the form of an application."""

from typing import Any

from ..exchange.exchange import Answerer
from ..serving.application import Application
from .exchange_form import ExchangeApplication, ExchangeForm
from .werkzeug_form import WerkzeugForm

AnyApplication = Application | ExchangeApplication
"""An application of either form."""


def answerer_of(app: Any) -> Answerer:
    """Return the adapter that answers exchanges with an application.

    :param app: with ``process_exchange``, an :class:`~.exchange_form.ExchangeApplication`; otherwise an
        :class:`~kyoukai.core.serving.application.Application`.
    """
    return ExchangeForm(app) if hasattr(app, "process_exchange") else WerkzeugForm(app)

"""The application: what it is made of."""

from asphalt.core import Context

from kyoukai import Kyoukai

from . import store
from .api import api

app = Kyoukai("board")
app.add_child(api)


@app.before_serving
def create_tables(ctx: Context) -> None:
    store.create_tables()

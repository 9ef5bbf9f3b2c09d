"""What is started: the database, the templates, and last the server."""

from typing import Any

from asphalt.core import ContainerComponent, Context

from kyoukai import KyoukaiComponent

from .entries import create_tables
from .news import News
from .pages import app
from .pictures import Pictures


class GuestbookComponent(ContainerComponent):
    """The root component.

    :param pictures: the folder that pictures are kept in; it is made, if it is not there.
    :param server: settings of the server.
    :param components: settings of the other components, by name.
    """

    def __init__(
        self,
        pictures: str,
        server: dict[str, Any] | None = None,
        components: dict[str, dict[str, Any] | None] | None = None,
    ) -> None:
        super().__init__(components)
        self.pictures = Pictures(pictures)
        self.server = KyoukaiComponent(app, **(server or {}))

    async def start(self, ctx: Context) -> None:
        news = News()
        ctx.add_resource(self.pictures)
        ctx.add_resource(news)
        self.add_component("sqlalchemy", ready_callback=create_tables)
        self.add_component(
            "templating",
            backend="jinja2",
            options={
                "package_name": __package__,
                "environment": {"autoescape": True, "trim_blocks": True, "lstrip_blocks": True},
            },
        )
        await super().start(ctx)
        # Last, so that the first guest finds all the rest, and is what is stopped first.
        await self.server.start(ctx)
        # Still before that: what waits for news would keep it from stopping.
        ctx.add_teardown_callback(news.close)

"""How templates are filled in."""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from kyoukai import HTTPRequestContext

templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)


def render(ctx: HTTPRequestContext, template: str, /, **values: object) -> str:
    """Return a page. Each template gets `ctx`, for `ctx.url_for` and `ctx.session`."""
    return templates.get_template(template).render(ctx=ctx, **values)

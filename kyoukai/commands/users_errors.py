"""Errors in the user's application, shown by the command line without Kyoukai's own frames."""

from typing import Any

import click

from kyoukai.core.errors import KyoukaiError
from kyoukai.server.tracebacks import format_users_part, users_part


class Commands(click.Group):
    """A group of commands that import the user's application."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. Print an exception of the application from its first frame, and exit with 1."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort, KyoukaiError):
            raise
        except Exception as error:
            # The frames of a SyntaxError end at the import; the message has the place.
            if users_part(error.__traceback__) is None and not isinstance(error, SyntaxError):
                raise
            click.echo(format_users_part(error), err=True, nl=False)
            return ctx.exit(1)

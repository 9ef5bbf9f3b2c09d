"""``kyoukai completion``: what a shell needs to complete commands, and what it offers for arguments."""

from typing import Final

import click
from click.shell_completion import CompletionItem, get_completion_class

from kyoukai.core.contract.registry import registrations

PROGRAM: Final = "kyoukai"

VARIABLE: Final = "_".join(("", PROGRAM.upper(), "COMPLETE"))
"""The variable by which a shell asks for completions: Click's name for a program ``kyoukai``."""

SHELLS: Final = ("bash", "fish", "zsh")


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script with which a shell completes the words of a 'kyoukai' command.

    It completes commands, options, names of backends, choices and files. Have your shell read it:

    \b
      bash: echo 'eval "$(kyoukai completion bash)"' >> ~/.bashrc
      zsh:  echo 'eval "$(kyoukai completion zsh)"' >> ~/.zshrc
      fish: kyoukai completion fish > ~/.config/fish/completions/kyoukai.fish
    """  # noqa: D301 - Click reads the \b
    found = get_completion_class(shell)
    if found is None:
        raise click.ClickException(f"this version of Click has no completion for {shell}")
    click.echo(found(context.find_root().command, {}, PROGRAM, VARIABLE).source())


def complete_backend(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the installed backends whose names begin with what has been typed."""
    found = {
        registration.name: registration.distribution
        for registration in registrations()
        if registration.name.startswith(incomplete)
    }
    return [CompletionItem(name, help=f"of {distribution}") for name, distribution in sorted(found.items())]


def complete_file(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Have the shell complete a path."""
    return [CompletionItem(incomplete, type="file")]

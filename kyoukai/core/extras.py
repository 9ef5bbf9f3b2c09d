"""How an extra of this distribution is installed, as messages say it."""


def extra_command(extra: str) -> str:
    """Return the command that installs an extra.

    Until 3.0 is released, the package index has Kyoukai 2.2.1 alone, which has no extras.
    """
    return f"pip install '.[{extra}]' from a checkout of Kyoukai 3"

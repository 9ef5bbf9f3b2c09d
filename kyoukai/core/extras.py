"""The command that installs an extra of this distribution, for messages."""


def extra_command(extra: str) -> str:
    """Return the command that installs an extra.

    Until 3.0 is released, the package index has only Kyoukai 2.2.1, which has no extras.
    """
    return f"pip install '.[{extra}]' from a checkout of Kyoukai 3"

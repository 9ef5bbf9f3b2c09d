"""The command that installs an extra of this distribution, for messages."""


def extra_command(extra: str) -> str:
    """Return the command that installs an extra beside the installed Kyoukai, whatever that came from."""
    return f"pip install 'kyoukai[{extra}]'"

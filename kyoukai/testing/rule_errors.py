"""The exceptions of checks: the rule is broken, or does not apply."""

__all__ = ("NotApplicable", "RuleBroken")


class RuleBroken(Exception):
    """A rule is broken.

    :param message: what was found.
    :param data: the first bytes sent to the server that show it.
    :param expected: what should have been found.
    :param root: the exception behind it as text, if there is one.
    """

    def __init__(self, message: str, data: bytes = b"", expected: str = "", root: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.data = data
        self.expected = expected
        self.root = root

    def because(self, fault: str) -> "RuleBroken":
        """Return this error with its underlying fault, which is put first in the message."""
        return RuleBroken(f"{fault}; {self.message}", self.data, self.expected, fault)


class NotApplicable(Exception):
    """The rule does not apply; the message says why."""

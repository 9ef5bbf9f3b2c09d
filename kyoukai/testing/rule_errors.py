"""What a check raises: that its rule is not kept, or that there is nothing to check."""

__all__ = ("NotApplicable", "RuleBroken")


class RuleBroken(Exception):
    """A rule is not kept.

    :param message: what was found.
    :param data: the first bytes that show it.
    :param expected: what should have been found.
    :param root: the exception that is why, in words, where there is one.
    """

    def __init__(self, message: str, data: bytes = b"", expected: str = "", root: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.data = data
        self.expected = expected
        self.root = root

    def because(self, fault: str) -> "RuleBroken":
        """Return the same with what is why, which comes first in its message."""
        return RuleBroken(f"{fault}; {self.message}", self.data, self.expected, fault)


class NotApplicable(Exception):
    """There is nothing to check; the message says why."""

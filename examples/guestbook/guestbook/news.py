"""Who waits for something new is told that there is something; what it is, the database knows."""

import asyncio


class News:
    """Wakes all who wait.

    :ivar coming: set with the next news. Take it before you look what there is: then nothing that comes
        while you look is missed.
    :ivar closed: whether there will be no more, since the server stops.
    """

    def __init__(self) -> None:
        self.coming = asyncio.Event()
        self.closed = False

    def tell(self) -> None:
        """Wake all who wait, and let others wait for the next news."""
        self.coming.set()
        self.coming = asyncio.Event()

    def close(self) -> None:
        """Wake all who wait for the last time."""
        self.closed = True
        self.coming.set()

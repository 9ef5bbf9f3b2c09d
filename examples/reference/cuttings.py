import random

from kyoukai.testing import Action, Cutting, cuttings

ways: list[Cutting] = list(cuttings(b"GET / HTTP/1.1\r\n\r\n", random.Random(1)))  # noqa: S311
print(ways[0].label, ways[0].pieces)  # whole (b'GET / HTTP/1.1\r\n\r\n',)
print(ways[3].label, ways[3].pieces)  # cut at 3 (b'GET', b' / HTTP/1.1\r\n\r\n')
# A client may do something between and after the pieces, too.
conversation = [*ways[3].pieces, Action.END]
print(conversation[-1])  # Action.END

from kyoukai.testing import CorpusError
from kyoukai.testing.corpus import parse_corpus

try:
    parse_corpus([("mine.toml", 'title = "Mine"\nabout = "Cases of mine."\n[[case]]\nname = "A b"')])
except CorpusError as error:
    print(error)  # mine.toml, A b: its name must be of small letters, digits, dots and dashes

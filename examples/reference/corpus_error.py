from kyoukai.testing import CorpusError
from kyoukai.testing.corpus import parse_corpus

try:
    parse_corpus([("mine.toml", 'title = "Mine"\nabout = "Cases of mine."\n[[case]]\nname = "A b"')])
except CorpusError as error:
    print(str(error).partition(":")[0])  # mine.toml, A b

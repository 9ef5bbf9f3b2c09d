"""``python -m kyoukai``: the command line, if the script ``kyoukai`` is not on the path."""

from kyoukai.cli import main

if __name__ == "__main__":
    main(prog_name="python -m kyoukai")

"""``python -m kyoukai``: the command line, where the script is not on the path."""

from kyoukai.cli import main

if __name__ == "__main__":
    main(prog_name="python -m kyoukai")

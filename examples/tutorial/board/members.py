"""The members: names and hashed passwords. `python -m board.members ada` adds a member."""

import getpass
import sys

from werkzeug.security import check_password_hash, generate_password_hash

from . import store

# Checked for an unknown name, so that the answer takes as long as for a member's.
NOBODY = generate_password_hash("nobody")


def set_password(name: str, password: str) -> None:
    with store.database() as db:
        db.execute("INSERT OR REPLACE INTO members VALUES (?, ?)", (name, generate_password_hash(password)))


def is_password(name: str, password: str) -> bool:
    with store.database() as db:
        row = db.execute("SELECT password FROM members WHERE name = ?", (name,)).fetchone()
    return check_password_hash(row[0] if row else NOBODY, password) and row is not None


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m board.members NAME")
    ask = getpass.getpass if sys.stdin.isatty() else input
    password = ask(f"Password of {sys.argv[1]}: ")
    if len(password) < 8:
        sys.exit("A password has 8 characters or more.")
    store.create_tables()
    set_password(sys.argv[1], password)
    print(f"{sys.argv[1]} may write now.")


if __name__ == "__main__":
    main()

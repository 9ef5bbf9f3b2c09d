import os
import secrets

# The application reads the key when it is imported.
os.environ.setdefault("BOARD_KEY", secrets.token_hex())

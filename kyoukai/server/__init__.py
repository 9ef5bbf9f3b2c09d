"""The server process: listening, starting, logging and stopping."""

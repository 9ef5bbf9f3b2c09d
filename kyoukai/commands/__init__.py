"""The commands that are for whoever chooses, writes or checks a backend."""

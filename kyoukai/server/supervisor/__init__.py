"""Several processes behind the same addresses: a supervisor, and workers that it starts and replaces."""

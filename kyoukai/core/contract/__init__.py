"""The contract for authors of backends: the backend, its features and options, its parser."""

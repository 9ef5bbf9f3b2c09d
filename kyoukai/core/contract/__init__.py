"""What the author of a backend meets: the backend, its features and options, its parser."""

"""The backends shipped with Kyoukai, registered by entry points like third-party ones."""

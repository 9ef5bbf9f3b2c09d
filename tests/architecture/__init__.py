"""Checks of what test_architecture.py says of the package, one a module."""

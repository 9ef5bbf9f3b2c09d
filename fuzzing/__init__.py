"""Fuzz targets: functions that take bytes and raise what is wrong. See README.md.

Each is a module with a function ``check``. They need nothing but the package; what drives them by
its coverage, :mod:`fuzzing.__main__`, needs Atheris.
"""


class FindingError(Exception):
    """What is tested has a fault."""

"""Fuzz targets: functions that take bytes and raise an error for each fault. See README.md.

Each is a module with a function ``check``. The targets need only the package; the coverage-guided driver,
:mod:`fuzzing.__main__`, needs Atheris.
"""


class FindingError(Exception):
    """The code under test has a fault."""

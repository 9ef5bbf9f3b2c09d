"""The guard: instructions a request, counted under callgrind, against a baseline that is committed.

An instruction count does not depend on what else the machine does, but on how Python was built. So it
is compared as a multiple of the count of a yardstick, a script that has nothing to do with us and is
counted on the same Python, in the same run.
"""

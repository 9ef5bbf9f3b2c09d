"""``python -m benchmarks.guard``: fail if a request takes more instructions than the baseline has.

Ratios to a yardstick that is counted in the same run are compared, so that it does not matter how Python
was built. It needs valgrind. ``--update`` writes the baseline of this version of Python anew: do that on
purpose, in the commit that changes the count, and say why there.
"""

import shutil
import sys

from benchmarks.guard import baseline, counting
from benchmarks.options import make_parser


def main() -> int:
    """Count, compare, and return the exit status."""
    parser = make_parser("benchmarks.guard", __doc__)
    parser.add_argument("--update", action="store_true", help="write the baseline")
    parser.add_argument("--tolerance", type=float, default=baseline.TOLERANCE, help="a part of one (0.03)")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        parser.error("valgrind is not installed")
    counts = counting.count()
    entries = baseline.read()
    if options.update:
        entries[baseline.python()] = baseline.make_entry(counts, baseline.versions())
        baseline.write(entries)
    entry = entries.get(baseline.python())
    print("\n".join(baseline.table(counts, entry)))
    if entry is None:
        print(f"there is no baseline for Python {baseline.python()}; write it with --update")
        return 1
    wrong, said = baseline.judge(counts, entry, baseline.versions(), options.tolerance)
    for line in [*said, *wrong]:
        print(line)
    print("FAILED" if wrong else "passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""``python -m benchmarks.micro``: measure the pieces of a request, each by itself, with pyperf.

It takes pyperf's own options: ``--fast``, ``-o FILE.json`` and then ``python -m pyperf compare_to``. pyperf
starts processes of its own, and warns if their times differ too much to be of use.
"""

import pyperf

from benchmarks.pieces import make_pieces


def main() -> None:
    """Measure all pieces."""
    runner = pyperf.Runner(program_args=("-m", "benchmarks.micro"))
    for name, function in make_pieces().items():
        runner.bench_func(name, function)


if __name__ == "__main__":
    main()

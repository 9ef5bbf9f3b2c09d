"""``python -m benchmarks.micro``: the pieces of a request, each by itself, measured by pyperf.

pyperf's own options hold: ``--fast``, ``-o FILE.json`` and then ``python -m pyperf compare_to``. It starts
processes of its own, and says so where their times differ too much to be of use.
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

"""Results as tables of text."""

import sys
from collections.abc import Iterator, Mapping, Sequence

from benchmarks.figures import MEASURES, Figure, key, ratios
from benchmarks.results import Results, workload_figures


def cell(name: str, figure: Figure) -> str:
    """Return a figure as text, with the spread for the compared measure."""
    return f"{figure.median:,.{MEASURES[name].decimals}f}"


def spread(figure: Figure) -> str:
    """Return a spread as text."""
    return f"±{figure.spread:.1%}"


def rows(servers: Mapping[str, Mapping[str, Figure]], ratio: Mapping[str, float]) -> list[list[str]]:
    """Return the table of one workload: a header, and one row for each server."""
    first = next(iter(servers.values()))
    compared = key(first)
    names = [name for name in MEASURES if name in first]
    header = ["server", "ratio"]
    for name in names:
        header += [MEASURES[name].title, *([""] if name == compared else ())]
    table = [header]
    for server, figures in servers.items():
        row = [server, f"{ratio[server]:.2f}" if ratio else ""]
        for name in names:
            row += [cell(name, figures[name]), *([spread(figures[name])] if name == compared else ())]
        table.append(row)
    return table


def aligned(table: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table: the first column left-aligned, the others right-aligned."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for first, *others in table:
        cells = [value.rjust(width) for value, width in zip(others, widths[1:], strict=True)]
        yield "  ".join([first.ljust(widths[0]), *cells]).rstrip()


def lines(results: Results) -> Iterator[str]:
    """Yield all tables with their titles."""
    machine = results["machine"]
    yield f"{results['date']}: {', '.join(f'{name} {value}' for name, value in machine.items())}"
    yield (
        f"medians of {results['rounds']} rounds of {results['seconds']} s, ± half of their range;"
        f" ratio: cost of the server / cost of {results['base']} in the same round, the median of them"
    )
    for workload, about in results["workloads"].items():
        servers = workload_figures(results, workload)
        ratio = ratios(results["samples"][workload], results["base"])
        yield ""
        yield f"{workload}: {about}"
        if servers:
            yield from (f"  {line}" for line in aligned(rows(servers, ratio)))
        for server, reason in results["without"][workload].items():
            yield f"  {server}: not asked: {reason}"


def show(results: Results, failures: Sequence[str]) -> None:
    """Print all tables.

    :raises SystemExit: if a measurement failed. The other results are kept, but the exit status shows that
        they are incomplete.
    """
    for line in lines(results):
        print(line)
    if failures:
        sys.exit("\n".join(["", "not measured:", *failures]))

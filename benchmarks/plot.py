"""Results as plots: a bar for the cost of each server, as a multiple of the base."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import ratios
from benchmarks.results import Results, in_order
from benchmarks.workloads import WORKLOADS

SHOWN: Final = ("hello", "browser", "json", "params", "post", "pipelined", "close", "tls")
"""The workloads of small answers: their ratios have one scale, and fit side by side."""

MOST: Final = 6.0
"""Servers with a larger median cost appear only in the table: the other bars would be too short."""

COLOURS: Final = ("#1b6ca8", "#7fb2d6", "#e08214", "#fdb863", "#8073ac", "#b2abd2", "#4d9221", "#7f7f7f")


def series(
    results: Results, workloads: Sequence[str] = SHOWN
) -> tuple[list[str], dict[str, list[float | None]]]:
    """Return the workloads of a plot, and the ratios of each server.

    A missing ratio is None. Servers whose median cost is more than `MOST` times the base's are left out.
    """
    shown = in_order((name for name in workloads if results["samples"].get(name)), WORKLOADS)
    found = {name: ratios(results["samples"][name], results["base"]) for name in shown}
    rows: dict[str, list[float | None]] = {}
    for server in results["servers"]:
        row = [found[name].get(server) for name in shown]
        values = sorted(value for value in row if value is not None)
        if values and values[len(values) // 2] <= MOST:
            rows[server] = row
    return shown, rows


def without_scripts(root: Any) -> Any:
    """Return a picture without its scripts: pages do not run them, and they are half of its size."""
    for parent in root.iter():
        for child in [child for child in parent if str(child.tag).endswith("script")]:
            parent.remove(child)
    return root


def draw(results: Results, path: Path) -> None:
    """Write the plot of a run as SVG.

    pygal draws it: it writes only SVG, is pure Python, and needs no build.
    """
    import pygal
    from pygal.style import Style

    # pygal installs an importer for all later imports, of a kind that Python has removed.
    sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]
    shown, rows = series(results)
    style = Style(
        background="white",
        plot_background="white",
        colors=COLOURS,
        font_family="sans-serif",
        label_font_size=13,
        major_label_font_size=13,
        legend_font_size=13,
        title_font_size=15,
        opacity="1",
    )
    chart = pygal.Bar(
        # No resources to load, and no scripts.
        js=(),
        style=style,
        width=1000,
        height=480,
        margin=12,
        legend_at_bottom=True,
        legend_at_bottom_columns=4,
        show_y_guides=True,
        title=f"CPU time a request, as a multiple of {results['base']}'s (less is better)",
        formatter=lambda value: f"{value:.2f}",
        range=(0, max([1.0, *(value for row in rows.values() for value in row if value is not None)])),
        no_prefix=True,
    )
    # By default the id is random, and with it the whole file changes.
    chart.uuid = "performance"
    chart.add_xml_filter(without_scripts)
    chart.x_labels = shown
    for server, row in rows.items():
        chart.add(server, row)
    path.write_bytes(chart.render() + b"\n")

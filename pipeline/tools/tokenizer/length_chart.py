"""Draws how long rows are."""

import io

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from ulmfit_tfx.pipeline.tools.tokenizer.length_statistics import LengthStatistics, LengthSummary

_BAR, _MEDIAN, _TAIL = "#8fb4d4", "#1f4e79", "#d55e00"  # told apart by the colour-blind
_BARS = 80
"""At most so many."""
_LEAST_LENGTHS = 10
"""There is room for so many, that a bar is no wall."""
_HEADROOM = 0.3
"""Space for the labels above the highest bar, by its height."""
_TAIL_SHOWN = 1.3
"""How far the axis goes, by the 99th percentile, where there are longer rows."""


def draw_lengths(statistics: LengthStatistics) -> bytes:
    """A PNG of 1,200 x 675 pixels: rows by their length, the median and the 95th and 99th percentiles marked.

    Nothing of pyplot's global state is used.

    Args:
        statistics: Of one or more rows.
    """
    summary = statistics.summary()
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _draw_bars(axes, statistics, summary)
    marks = (
        (summary.median, "median", _MEDIAN),
        (summary.percentile_95, "95 % up to", _TAIL),
        (summary.percentile_99, "99 % up to", _TAIL),
    )
    for height, (length, name, color) in zip((0.95, 0.89, 0.83), marks, strict=True):
        _mark(axes, length, f"{name} {length:,.10g}", color, height)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    return png.getvalue()


def _draw_bars(axes: Axes, statistics: LengthStatistics, summary: LengthSummary) -> None:
    start, stop = summary.minimum, _last_shown(summary) + 1
    width = -(-(stop - start) // _BARS)
    heights = [0] * -(-(stop - start) // width)
    beyond = 0
    for length, rows in statistics.rows_by_length.items():
        if length < stop:
            heights[(length - start) // width] += rows
        else:
            beyond += rows
    # Bars stand on whole numbers: that of a single length is centred on it.
    edges = [start + place * width - 0.5 for place in range(len(heights))]
    axes.bar(edges, heights, width, align="edge", color=_BAR, edgecolor="white", linewidth=0.4)
    margin = max(0.01 * (stop - start), (_LEAST_LENGTHS - (stop - start)) / 2)
    axes.set_xlim(edges[0] - margin, edges[-1] + width + margin)
    axes.set_ylim(0, max(heights) * (1 + _HEADROOM))
    axes.set_xlabel("pieces of a row" + (f", bars of {width:,} lengths" if width > 1 else ""))
    axes.set_ylabel("rows")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_title(f"{summary.rows:,} row{'s' * (summary.rows > 1)}", loc="left", fontweight="bold")
    if beyond:
        axes.set_title(f"{beyond:,} longer ones, up to {summary.maximum:,}, are not shown", loc="right", fontsize=9)
    axes.grid(axis="y", color="#e8ebee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _last_shown(summary: LengthSummary) -> int:
    """Longest rows that there is room for: a few very long ones would press all others to the left edge."""
    return min(summary.maximum, int(_TAIL_SHOWN * summary.percentile_99))


def _mark(axes: Axes, length: float, label: str, color: str, height: float) -> None:
    """Marks a length: a line, and a label so high in the axes, on the side with more room."""
    is_left = length < sum(axes.get_xlim()) / 2
    axes.axvline(length, color=color, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate(
        label,
        (length, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(6 if is_left else -6, 0),
        textcoords="offset points",
        color=color,
        fontweight="bold",
        horizontalalignment="left" if is_left else "right",
        verticalalignment="center",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )

"""Draws the charts of the report as SVG that takes its colours and its font from the page.

Every drawn number also stands in a table, a caption or the chart's alternative text.
"""

import io
import re
import warnings
from collections.abc import Callable, Sequence
from xml.etree import ElementTree

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, LogNorm, to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ulmfit_tfx.evaluation import catalogue
from ulmfit_tfx.evaluation.blocks import MINUS, Chart, number
from ulmfit_tfx.evaluation.history import Course, History
from ulmfit_tfx.evaluation.scores import CALIBRATION_BINS, calibration_error

_INK, _MUTED, _LINE = "#1d2329", "#5a646e", "#d5dade"
_BLUE, _VERMILLION = "#0072b2", "#d55e00"  # told apart by the colour-blind (Okabe and Ito)
_HEAT, _ON_HEAT = "#1f5f99", "#fefefe"
_VARIABLES = {
    _INK: "var(--ink)",
    _MUTED: "var(--muted)",
    _LINE: "var(--line)",
    _BLUE: "var(--blue)",
    _VERMILLION: "var(--vermillion)",
    _HEAT: "var(--heat)",
    _ON_HEAT: "var(--on-heat)",
}
"""Variables of the page's style sheet that stand in place of the colours drawn with."""

_STYLE = {
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "xtick.color": _MUTED,
    "ytick.color": _MUTED,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "hatch.linewidth": 0.6,
}
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
_SIZE, _TALL = (5.0, 3.5), (5.0, 4.4)
"""Width and height in inches."""
_POINTS = 2000
"""More points than these are drawn as hexagons."""
_WHITE_TEXT = 0.77
"""Shade of a cell from which its number is white."""
_LONGEST_NAME = 22


def learning_curve(history: History, quantity: str) -> Chart:
    """A quantity by epoch, on the train and the eval split, for each direction of reading.

    Args:
        history: Of the training.
        quantity: One of `history.quantities`.
    """
    words = catalogue.title_of(quantity)

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for (direction, course), color in zip(history.courses.items(), (_BLUE, _VERMILLION), strict=False):
            _draw_course(axes, course, quantity, f"{direction}, " if direction else "", color)
        if (average := history.average.get(f"eval_{quantity}")) is not None:
            axes.axhline(average, color=_INK, linewidth=1.2, linestyle=(0, (1, 2)), label="eval, average of both")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1))
        longest = max(len(course.epochs) for course in history.courses.values())
        axes.set_xlim(1 - 0.04 * longest, 1.04 * longest)
        axes.set_xlabel("epoch")
        axes.set_ylabel(words)
        axes.grid(axis="y")
        figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)

    best = "; ".join(
        f"{direction + ': ' if direction else ''}best epoch {course.best_epoch} of {len(course.epochs)}, "
        f"eval {words} {number(course.epochs[course.best_epoch - 1][f'eval_{quantity}'])}"
        for direction, course in history.courses.items()
    )
    title = words[:1].upper() + words[1:]
    return _chart(f"curve-{quantity}", title, draw, _SIZE, f"{words} by epoch. {best}.", _sentence(best))


def _draw_course(axes: Axes, course: Course, quantity: str, prefix: str, color: str) -> None:
    epochs = np.arange(1, len(course.epochs) + 1)
    marker = "o" if len(epochs) <= 30 else ""
    for split, key, style in (("train", quantity, (0, (4, 2))), ("eval", f"eval_{quantity}", "solid")):
        values = [metrics[key] for metrics in course.epochs]
        axes.plot(epochs, values, color=color, linestyle=style, marker=marker, markersize=3, label=f"{prefix}{split}")
    axes.axvline(course.best_epoch, color=color, linewidth=0.8, linestyle=(0, (1, 3)))
    best = course.epochs[course.best_epoch - 1][f"eval_{quantity}"]
    axes.scatter(
        [course.best_epoch], [best], s=60, facecolors="none", edgecolors=color, zorder=3, label=f"{prefix}best epoch"
    )


def heat_map(counts: np.ndarray, shares: np.ndarray, names: Sequence[str], caption: str, unit: str) -> Chart:
    """A confusion matrix.

    Args:
        counts: int64 [expected, predicted].
        shares: Shades of the cells from 0 to 1, likewise.
        names: Of the classes.
        caption: Of the chart.
        unit: What is counted.
    """
    size = max(3.2, 1.6 + 0.42 * len(names))

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        for (row, column), count in np.ndenumerate(counts):
            share = shares[row, column]
            corner = (column - 0.5, row - 0.5)
            shade = to_rgba(_HEAT, share)
            axes.add_patch(Rectangle(corner, 1, 1, facecolor=shade, edgecolor=_LINE, linewidth=0.6))
            if count:
                color = _ON_HEAT if share >= _WHITE_TEXT else _INK
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=color, fontsize=8)
        axes.set_xlim(-0.5, len(names) - 0.5)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.tick_params(length=0)
        axes.set_xticks(
            range(len(names)), [short(name) for name in names], rotation=45, ha="right", rotation_mode="anchor"
        )
        axes.set_yticks(range(len(names)), [short(name) for name in names])
        axes.set_xlabel("predicted")
        axes.set_ylabel("expected")
        axes.spines[:].set_visible(False)

    alternative = (
        f"Confusion matrix of {len(names)} classes, {counts.sum():,} {unit}. {_worst_confusion(counts, names)}"
    )
    return _chart("confusion", "Confusion matrix", draw, (size + 0.6, size), alternative, caption)


def _worst_confusion(counts: np.ndarray, names: Sequence[str]) -> str:
    errors = counts - np.diag(np.diag(counts))
    if not errors.any():
        return "Nothing is confused."
    row, column = np.unravel_index(errors.argmax(), errors.shape)
    return f"Most often confused: {short(names[row])} taken for {short(names[column])}, {errors[row, column]:,} times."


def reliability_diagram(sums: np.ndarray, unit: str, share: str) -> Chart:
    """Probabilities beside how often they come true, and how often each is given.

    Args:
        sums: Of decisions, as `calibration_sums` adds them up, float64 [3, CALIBRATION_BINS].
        unit: What is decided on, such as `rows`.
        share: Of them, on the vertical axis, such as `share right`.
    """
    decisions, probabilities, right = sums
    there = decisions > 0
    width = 1 / CALIBRATION_BINS
    centers = (np.arange(CALIBRATION_BINS) + 0.5) * width

    def draw(figure: Figure) -> None:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        upper.plot([0, 1], [0, 1], color=_MUTED, linewidth=1, linestyle=(0, (4, 3)), label="perfect")
        heights = right[there] / decisions[there]
        upper.bar(centers[there], heights, width * 0.92, color=to_rgba(_BLUE, 0.35), edgecolor=_BLUE, linewidth=0.8)
        means = probabilities[there] / decisions[there]
        upper.plot(
            means, heights, color=_VERMILLION, marker="o", markersize=3.5, linestyle="none", label="mean of a bin"
        )
        upper.set_ylabel(share)
        upper.set_xlim(0, 1)
        upper.set_ylim(0, 1)
        upper.grid()
        figure.legend(loc="outside lower center", ncols=2, fontsize=8.5)
        lower.bar(centers, decisions, width * 0.92, color=_MUTED)
        lower.set_xlabel("probability")
        lower.set_ylabel(unit)
        lower.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=3))

    error = calibration_error(sums)
    caption = f"Expected calibration error {number(error)}. Below: {unit} by their probability."
    alternative = f"Reliability diagram of {decisions.sum():,.0f} {unit}, expected calibration error {number(error)}."
    return _chart("reliability", "Reliability", draw, _TALL, alternative, caption)


def agreement(expected: np.ndarray, predicted: np.ndarray, target: str, key: str) -> Chart:
    """Predicted by expected numbers of a target.

    Args:
        expected: float64 [rows].
        predicted: Likewise.
        target: Its name.
        key: Tells the chart from others.
    """
    low = float(min(expected.min(), predicted.min()))
    high = float(max(expected.max(), predicted.max()))
    margin = 0.04 * (high - low) or 0.5
    caption = "The nearer to the dashed line, the better."
    if len(expected) > _POINTS:
        caption += " The darker, the more rows."

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        limits = (low - margin, high + margin)
        if len(expected) > _POINTS:
            shades = LinearSegmentedColormap.from_list("", [to_rgba(_HEAT, 0.12), to_rgba(_HEAT, 1.0)])
            extent = (*limits, *limits)
            axes.hexbin(
                expected, predicted, gridsize=28, mincnt=1, cmap=shades, norm=LogNorm(), extent=extent, linewidth=0
            )
        else:
            axes.plot(expected, predicted, "o", color=_BLUE, markersize=3.5, alpha=0.45, markeredgewidth=0)
        axes.plot(limits, limits, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.set_xlim(limits)
        axes.set_ylim(limits)
        axes.set_aspect("equal")
        axes.set_xlabel(f"expected {short(target)}")
        axes.set_ylabel(f"predicted {short(target)}")
        axes.grid()

    alternative = (
        f"Predicted by expected {short(target)}, {len(expected):,} rows between {number(low)} and {number(high)}."
    )
    return _chart(f"agreement-{key}", f"Agreement: {target}", draw, _TALL, alternative, caption)


def residuals(errors: np.ndarray, target: str, key: str) -> Chart:
    """How errors of a target are distributed.

    Args:
        errors: Predicted less expected, float64 [rows].
        target: Its name.
        key: Tells the chart from others.
    """
    summary = f"mean {number(float(errors.mean()))}, median {number(float(np.median(errors)))}"

    def draw(figure: Figure) -> None:
        axes = figure.add_subplot()
        reach = float(np.abs(errors).max()) or 1.0
        axes.hist(errors, bins=np.linspace(-reach, reach, 32).tolist(), color=to_rgba(_BLUE, 0.6), edgecolor=_BLUE)
        axes.axvline(0, color=_INK, linewidth=1, linestyle=(0, (4, 3)))
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(f"error of {short(target)}: predicted {MINUS} expected")
        axes.set_ylabel("rows")
        axes.grid(axis="y")

    alternative = f"Histogram of the errors of {short(target)}, {len(errors):,} rows, {summary}."
    caption = f"Error: {summary}. Right of the line the prediction is too high."
    return _chart(f"residuals-{key}", f"Errors: {target}", draw, _TALL, alternative, caption)


def short(name: str) -> str:
    r"""A name for a chart: on one line, cut where it is long, without characters that XML has no place for.

    >>> short("a" * 30), short("tab\tand\x07")
    ('aaaaaaaaaaaaaaaaaaaaa…', 'tab and\ufffd')
    """
    line = "".join(character if character.isprintable() else "\ufffd" for character in " ".join(name.split()))
    return line if len(line) <= _LONGEST_NAME else line[: _LONGEST_NAME - 1] + "…"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."


def _chart(
    key: str, title: str, draw: Callable[[Figure], None], size: tuple[float, float], alternative: str, caption: str
) -> Chart:
    """Draws a chart. Equal drawings give equal markup.

    Args:
        key: Begins all its identifiers.
        title: What it shows.
        draw: Draws it.
        size: In inches.
        alternative: Text in its place.
        caption: Text below it.
    """
    file = io.StringIO()
    with matplotlib.rc_context({**_STYLE, "svg.hashsalt": key}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # the browser has it
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(file, format="svg", transparent=True, metadata=_NO_METADATA)
    return Chart(title, _for_page(file.getvalue(), key), alternative, size[0], caption)


def _for_page(svg: str, key: str) -> str:
    """An SVG file as an element of a page: no namespaces and styles, identifiers and colours of the page."""
    root = ElementTree.fromstring(svg)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.text, element.tail = _collapsed(element.text), _collapsed(element.tail)
        attributes = {_local(name): value for name, value in element.attrib.items()}
        element.attrib.clear()
        element.attrib.update({name: _attribute(name, value, key) for name, value in attributes.items()})
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag == "style" or (child.tag == "defs" and all(inner.tag == "style" for inner in child)):
                parent.remove(child)
    root.attrib = {"viewBox": root.attrib["viewBox"], "aria-hidden": "true", "focusable": "false"}
    return ElementTree.tostring(root, encoding="unicode")


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _collapsed(text: str | None) -> str | None:
    return text if text is None or text.strip() else None


def _attribute(name: str, value: str, key: str) -> str:
    if name == "id":
        return f"{key}-{value}"
    if name == "href":
        return f"#{key}-{value[1:]}"
    if name == "clip-path":
        return value.replace("url(#", f"url(#{key}-")
    if name == "style":
        return _style(value)
    return " ".join(value.split())


def _style(value: str) -> str:
    without_font = re.sub(r"font-family: [^;]+;? ?", "", value)
    return re.sub("#[0-9a-f]{6}", lambda found: _VARIABLES.get(found[0], found[0]), without_font)

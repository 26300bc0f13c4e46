"""Draws what the learning-rate finder found."""

import io
import math

import tensorflow as tf
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ulmfit_tfx.trainer_modules.optimization.learning_rate_finder import LearningRateCurve

_RAW, _SMOOTHED, _SUGGESTION, _STEEPEST = "#b9c3cc", "#1f4e79", "#d55e00", "#00795c"  # told apart by the colour-blind
_HEADROOM = 0.25
"""Space above and below the losses, as a share of their fall."""

_LABEL = 0.25
"""Width of a label, as a share of the axis'."""


def write_chart(curve: LearningRateCurve, path: str) -> None:
    """Writes a PNG of 1,200 x 675 pixels: the losses by learning rate, and the suggestions.

    Nothing of pyplot's global state is used.

    Args:
        curve: Of the finder.
        path: File to write, also on a remote file system.

    Raises:
        UserError: The loss never falls.
    """
    figure = Figure(figsize=(8, 4.5), dpi=150, layout="constrained")
    axes = figure.add_subplot()
    _draw_losses(axes, curve)
    marks = [(curve.suggestion, "suggestion", _SUGGESTION, 0.94), (curve.steepest, "steepest", _STEEPEST, 0.84)]
    for (rate, name, color, height), edge, outward in zip(sorted(marks), (0, -1), ("right", "left"), strict=True):
        inward = "left" if outward == "right" else "right"
        has_room = abs(math.log10(rate / curve.rates[edge])) > _LABEL * math.log10(curve.rates[-1] / curve.rates[0])
        label = f"{name} {rate:.1e}"
        _mark(axes, rate, curve.smoothed_loss_at(rate), label, color, height, outward if has_room else inward)
    axes.legend(loc="lower left", facecolor="white", edgecolor="none", framealpha=1)
    png = io.BytesIO()
    figure.savefig(png, format="png")
    with tf.io.gfile.GFile(path, "wb") as file:
        file.write(png.getvalue())


def _draw_losses(axes: Axes, curve: LearningRateCurve) -> None:
    axes.plot(curve.rates, curve.losses, color=_RAW, linewidth=1, label="loss of a batch")
    axes.plot(curve.rates, curve.smoothed_losses, color=_SMOOTHED, linewidth=2.2, label="smoothed")
    axes.set_xscale("log")
    axes.set_xlim(curve.rates[0], curve.rates[-1])
    axes.set_ylim(*_vertical_range(curve))
    axes.set_xlabel("learning rate")
    axes.set_ylabel("loss")
    axes.set_title("Learning-rate finder", loc="left", fontweight="bold")
    axes.grid(axis="y", color="#e8ebee")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def _vertical_range(curve: LearningRateCurve) -> tuple[float, float]:
    """Shows the fall in full; the divergence after it leaves at the top."""
    fall = slice(curve.rates.index(curve.lowest) + 1)
    high = max(curve.losses[fall] + curve.smoothed_losses[fall])
    low = min(curve.losses + curve.smoothed_losses)
    margin = _HEADROOM * (high - low)
    return low - margin, high + margin


def _mark(axes: Axes, rate: float, loss: float, label: str, color: str, height: float, side: str) -> None:
    """Marks a rate: a line, a point on the curve, and a label so high in the axes, its `side` at the line."""
    axes.axvline(rate, color=color, linewidth=1, linestyle=(0, (4, 3)))
    axes.plot([rate], [loss], marker="o", markersize=7, color=color, markeredgecolor="white", zorder=3)
    axes.annotate(
        label,
        (rate, height),
        xycoords=axes.get_xaxis_transform(),
        xytext=(6 if side == "left" else -6, 0),
        textcoords="offset points",
        color=color,
        fontweight="bold",
        horizontalalignment=side,
        verticalalignment="center",
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5},
    )

"""Renders the report as one HTML file that needs no other."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ulmfit_tfx.components.evaluation_report.content import Demand, ReportContent, signed_interval
from ulmfit_tfx.evaluation.blocks import number
from ulmfit_tfx.evaluation.catalogue import SCORES

_TEMPLATE = "report.html.j2"
_LONG_TEXT = 1500
"""Characters from which a text is scrolled in."""


def to_html(content: ReportContent) -> str:
    """The page. Equal content gives equal bytes; all of it but the charts' markup is escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {"number": number, "signed_interval": signed_interval, "drawn": Markup}
    page = environment.get_template(_TEMPLATE)
    return page.render(content=content, verdict=_verdict(content), cards=_cards(content), long_text=_LONG_TEXT)


def _verdict(content: ReportContent) -> Mapping[str, Any]:
    """Whether what is demanded is there: `kind`, for its colour, `text`, and what is `missed`."""
    missed = [demand for demand in content.demands if not demand.is_met]
    total = len(content.demands)
    if not total:
        return {"kind": "open", "text": "Nothing is demanded, so the model is not blessed", "missed": []}
    if missed:
        text = f"Misses {len(missed)} of {_demands(total)} for a blessing"
    else:
        text = f"Meets {'all ' if total > 1 else 'the '}{_demands(total)} for a blessing"
    return {
        "kind": "bad" if missed else "good",
        "text": text,
        "missed": [
            demand.found or f"{SCORES[demand.score].heading} is {_value(content, demand)}, demanded: {demand.text}"
            for demand in missed
        ],
    }


def _value(content: ReportContent, demand: Demand) -> str:
    """What the demand is held against."""
    interval = content.scores.scores.get(demand.score)
    if interval is None:
        return "not defined for these rows"
    baseline = content.scores.baseline
    if demand.bound is None and baseline:
        return f"{interval.value:.4f} and in service {baseline.scores[demand.score].value:.4f}"
    return f"{interval.value:.4f}"


def _demands(count: int) -> str:
    return f"{count} demand{'s' if count > 1 else ''}"


def _cards(content: ReportContent) -> list[dict[str, Any]]:
    baseline = content.scores.baseline
    return [
        {
            "score": SCORES[name],
            "interval": interval,
            "demands": [demand for demand in content.demands if demand.score == name],
            "difference": baseline.differences.get(name) if baseline else None,
            "track": _track(content, name),
        }
        for name, interval in content.scores.scores.items()
    ]


def _track(content: ReportContent, name: str) -> Mapping[str, Any] | None:
    """Where interval, value and bounds lie on a line from 0 to 1, in percent; None for what has other ends."""
    interval = content.scores.scores[name]
    if SCORES[name].scale == "number" or not 0 <= interval.low <= interval.high <= 1 or not 0 <= interval.value <= 1:
        return None
    bounds = [demand.bound for demand in content.demands if demand.score == name and demand.bound is not None]
    return {
        "low": round(100 * interval.low, 2),
        "width": round(100 * (interval.high - interval.low), 2),
        "value": round(100 * interval.value, 2),
        "bounds": [round(100 * bound, 2) for bound in bounds if 0 <= bound <= 1],
    }

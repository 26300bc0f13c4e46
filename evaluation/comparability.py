"""Which models can be compared on the same rows."""

from collections.abc import Mapping
from typing import Any


def why_not_comparable(baseline: Mapping[str, Any], candidate: Mapping[str, Any]) -> str | None:
    """Whether the same expected answers can be held against two models.

    The order of labels, the encoder and the thresholds are each model's own affair.

    Args:
        baseline: Information file of the model in service, {} where it has none.
        candidate: That of the new model.

    Returns:
        The first difference, in words; None where there is none.
    """
    if not baseline:
        return "it has no information file, so ulmfit-tfx did not export it"
    expected, found = _question(candidate), _question(baseline)
    for name, value in expected.items():
        if found[name] != value:
            return f"its {name} is {found[name]}, that of the new model {value}"
    new, old = set(candidate["labels"]), set(baseline["labels"])
    if missing := sorted(new - old):
        return f"it has no label '{missing[0]}', and the new model does"
    if gone := sorted(old - new):
        return f"it has the label '{gone[0]}', and the new model does not"
    return None


def _question(info: Mapping[str, Any]) -> dict[str, str]:
    details = info.get("details", {})
    return {
        "task": info["task"],
        "number of labels a text": "one" if details.get("label_separator") is None else "any",
        "tag scheme": details.get("scheme") or "none",
        "tag separator": repr(details.get("tag_separator")),
        "list of targets": ", ".join(details.get("targets") or ()),
    }

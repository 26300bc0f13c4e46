"""Writes a proposal as a commented configuration."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from ulmfit_tfx.pipeline.tools.init.proposal import Proposal
from ulmfit_tfx.pipeline.tools.init.task_names import LANGUAGE_MODEL, TAGGING
from ulmfit_tfx.schemas.remote_paths import is_remote
from ulmfit_tfx.trainer_modules.optimization.training_time import about

_PATHS = ("path", "eval_path", "test_path")
_LABELS_NAMED = 8
_SPLITS = {"train": 0.8, "eval": 0.1, "test": 0.1}


def as_yaml(proposal: Proposal, folder: Path) -> str:
    """The configuration, with what was found as comments.

    Args:
        proposal: What to write.
        folder: Where the file goes: local paths are relative to it, or absolute where they lie elsewhere.
    """
    return "\n".join(_lines(proposal, folder)) + "\n"


def _lines(proposal: Proposal, folder: Path) -> Iterator[str]:
    sizes, found = proposal.sizes, proposal.survey
    yield f"# Written by `ulmfit-tfx init` from {_on_one_line(proposal.source)}. All of it may be changed."
    yield f"# {found.total:,} rows, {proposal.layout.title}; {found.words_at(0.5):,} words in the middle."
    yield f"name: {_value(proposal.name)} # of the folder of the runs, and of the model that is served"
    yield f"task: {proposal.task}"
    yield ""
    yield f"{proposal.section}:"
    for field, value in proposal.fields.items():
        shown = _relative(str(value), folder) if field in _PATHS else value
        yield f"  {field}: {_value(shown)}{_comment(_about_field(field, proposal))}"
        if field == "target_columns" and proposal.columns is not None and proposal.columns.other_numbers:
            several = [*value, *proposal.columns.other_numbers]
            yield f"  # target_columns: {_value(several)} # all the numbers that there are, learned together"
    if proposal.columns is not None and proposal.columns.left_out:
        left_out = ", ".join(f"{name} ({why})" for name, why in proposal.columns.left_out.items())
        yield f"  # left out: {_on_one_line(left_out)}"
    if proposal.section == "data":
        yield from _splits(proposal.fields)
    yield ""
    for section, values in proposal.sections.items():
        yield f"{section}: {_value(values)}{_comment(_about_section(values))}"
        yield ""
    training = LANGUAGE_MODEL if proposal.task == LANGUAGE_MODEL else "training"
    yield f"{training}:"
    epochs = sizes.size.epochs
    why = "fewer than by default, for the sake of time" if sizes.has_fewer_epochs else "as by default for so many rows"
    yield f"  epochs: {epochs} # {why}: {about(sizes.training_seconds)} on this machine, estimated"
    if training == "training":
        yield f"  max_seq_len: {sizes.longest} # pieces of a text{_cut(proposal)}"
    yield ""
    yield "evaluation:"
    if proposal.section == "data":
        yield "  beat: baseline # a model is pushed that is no worse than a simple one of the same rows"
    yield "  thresholds: # of the eval split, to be reached too"
    threshold = proposal.threshold
    yield f"    {threshold.measure}: {threshold.value:g} # {_on_one_line(threshold.reason)}"


def _splits(fields: Mapping[str, Any]) -> Iterator[str]:
    if "split_column" in fields or {"eval_path", "test_path"} <= set(fields):
        return
    if "eval_path" in fields or "test_path" in fields:
        own = "test" if "eval_path" in fields else "eval"
        yield f"  # {own} has no file of its own: a share of the rows of `path`, by a hash of their text"
        return
    yield f"  splits: {_value(_SPLITS)} # by a hash of the text: equal texts stay together"


def _about_field(field: str, proposal: Proposal) -> str:
    if field == "path":
        return "relative to this file" if not is_remote(str(proposal.fields["path"])) else ""
    if field in ("label_column", "target_columns"):
        return _labels(proposal)
    if field == "corpus_cleanup":
        return "texts of the eval and test files are left out of the train file"
    if field == "eval_from_train":
        return "the column names no eval rows: a share of those of train, by a hash of their text"
    if field == "rare_labels":
        return "rows whose label has fewer than two rows in the train split are left out"
    if field == "encoding" and not proposal.encoding.is_certain:
        return "a guess"
    return ""


def _about_section(values: Mapping[str, Any]) -> str:
    if values.get("recut"):
        return "recut: the words of the data are cut further, as raw text is cut where the model is served"
    return "words: as the words of the data are cut" if "words" in values else ""


def _labels(proposal: Proposal) -> str:
    labels = proposal.survey.labels
    total = labels.total()
    shown = [f"{label} {100 * count / total:.1f} %" for label, count in labels.most_common(_LABELS_NAMED)]
    return ", ".join(shown) + (f" and {len(labels) - _LABELS_NAMED:,} more" if len(labels) > _LABELS_NAMED else "")


def _cut(proposal: Proposal) -> str:
    cut = proposal.sizes.cut
    if proposal.task == TAGGING:
        return ": longer sentences are read in windows"
    if cut < 0.005:
        return ": all of nearly every one"
    return f" that are trained on: {100 * cut:.0f} % of the texts are longer; more takes longer"


def _comment(text: str) -> str:
    return f" # {_on_one_line(text)}" if text else ""


def _on_one_line(text: str) -> str:
    return " ".join(text.split())


def _value(value: Any) -> str:
    """A value as YAML on one line: what YAML would take for something else stands in quotes."""
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...")


def _relative(path: str, folder: Path) -> str:
    if is_remote(path) or "://" in path:
        return path
    absolute = Path(os.path.abspath(path))
    within = absolute.is_relative_to(Path(os.path.abspath(folder)))
    return os.path.relpath(absolute, folder) if within else str(absolute)

"""Writes a model card in the Hugging Face Markdown form."""

import dataclasses
import functools
import operator
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from ulmfit_tfx.components.model_packager import description
from ulmfit_tfx.components.model_packager.front_matter import front_matter
from ulmfit_tfx.components.model_packager.markdown import plain
from ulmfit_tfx.components.model_packager.scores import number, with_interval
from ulmfit_tfx.components.model_packager.sources import CardSources, file_name
from ulmfit_tfx.components.reports.accounting import Accounting
from ulmfit_tfx.components.reports.held_out import HeldOutReport
from ulmfit_tfx.components.reports.perplexity import PerplexityReport
from ulmfit_tfx.components.reports.scores_file import EvaluationScores
from ulmfit_tfx.evaluation.branches import HEADER, MEANING, table_rows
from ulmfit_tfx.evaluation.catalogue import MODEL, SCORES, SYSTEMS, in_order, title_of
from ulmfit_tfx.schemas.config.teacher_shares import DISTILLATION
from ulmfit_tfx.transforms.splitting import SPLITS

MODEL_DIR = "MODEL_DIR"
"""Stands in a card for the folder of the model, whose place nobody knows beforehand."""

_TEXT = "A text of yours."
_LABELS_SHOWN = 50


class Table(NamedTuple):
    """A table of the card."""

    header: list[str]
    rows: list[list[str]]


def model_card(sources: CardSources) -> str:
    """The card, as Markdown with YAML before it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["plain"] = plain
    return environment.get_template("model_card.md.j2").render(_content(sources))


def _content(sources: CardSources) -> dict[str, Any]:
    return {
        "front_matter": front_matter(sources),
        "name": sources.config["name"],
        "lead": sources.card.lead,
        "standing": _standing(sources),
        "warnings": list(sources.evaluation.warnings) if sources.evaluation else [],
        "code": sources.card.code,
        "model": Table(["", ""], [list(fact) for fact in description.model_facts(sources)]),
        "limits": list(description.limits(sources)),
        "model_dir": MODEL_DIR,
        "text": _TEXT,
        "tensorflow": ".".join(sources.versions["TensorFlow"].split(".")[:2]),
        "command": _command(sources),
        "data": list(_data(sources)),
        "origin": description.origin(sources),
        "kept_epochs": description.kept_epochs(sources),
        "hyperparameters": Table(["field", "value"], [list(fact) for fact in description.hyperparameters(sources)]),
        "branches": Table(list(HEADER), [list(row) for row in table_rows(sources.info.branches)]),
        "branches_meaning": MEANING,
        "held_out": _held_out(sources.held_out) if sources.held_out else None,
        "evaluation": _evaluation(sources.evaluation) if sources.evaluation else None,
        "slices": list(_slices(sources.evaluation)) if sources.evaluation else [],
        "perplexity": _perplexity(sources.own_perplexity) if sources.own_perplexity else None,
        "meanings": list(_meanings(sources)),
        "temperature": description.temperature(sources),
        "rows_held_out": sources.held_out.rows if sources.held_out else 0,
        "rows_evaluated": sources.evaluation.rows if sources.evaluation else 0,
        "versions": Table(["", ""], [list(version) for version in sources.versions.items()]),
    }


def _standing(sources: CardSources) -> str:
    """Where the model stands beside its strongest baseline; "" where it was not compared."""
    found = sources.held_out.standing() if sources.held_out else None
    return found.sentence() if found else ""


def _command(sources: CardSources) -> str:
    """A line for the shell; "" for what no subcommand does."""
    command = sources.card.command
    return shlex.join(["ulmfit-tfx", command, MODEL_DIR, _TEXT]) if command else ""


class _Data(NamedTuple):
    """Training data of one kind."""

    title: str
    files: list[str]
    tables: list[Table]
    labels_left_out: int


def _data(sources: CardSources) -> Iterator[_Data]:
    taught = sources.taught and dataclasses.replace(sources.taught, labels={})
    kinds = (
        ("Labelled rows", ["data"], sources.rows),
        ("Labelled rows and a teacher's", [DISTILLATION, "data"], taught),
        ("Unlabelled texts", ["corpus"], sources.corpus),
    )
    for title, section, accounting in kinds:
        if accounting is None:
            continue
        source = functools.reduce(operator.getitem, section, sources.config)
        files = [file_name(source["path"])]
        files += [f"{file_name(source[f'{split}_path'])} ({split})" for split in SPLITS if source.get(f"{split}_path")]
        labels = _labels(accounting, sources.card.counted)
        shown = Table(labels.header, labels.rows[:_LABELS_SHOWN])
        counts = _counts(accounting)
        if accounting is taught:
            counts.rows.extend(["train", note] for note in accounting.notes)
        tables = [table for table in (counts, shown, _ranges(accounting)) if table.rows]
        yield _Data(title, files, tables, len(labels.rows) - len(shown.rows))


def _counts(accounting: Accounting) -> Table:
    rows = [[split, f"{accounting.rows[split]:,}"] for split in SPLITS if split in accounting.rows]
    rows += [[f"left out: {rule}", f"{count:,}"] for rule, count in accounting.dropped.items()]
    rows += [[f"quarantined: {reason}", f"{count:,}"] for reason, count in accounting.quarantined.items()]
    if accounting.recut_share is not None:
        alike = accounting.recut[str(accounting.served_cut)]
        rows.append([f"cut into the same words by tagging.words: {accounting.served_cut}", f"{alike:,}"])
    return Table(["", "rows"], rows)


def _labels(accounting: Accounting, title: str) -> Table:
    """Labels by frequency in training."""
    counted = {label: None for split in SPLITS for label in accounting.labels.get(split, {})}
    counts = {label: [accounting.labels.get(split, {}).get(label, 0) for split in SPLITS] for label in counted}
    by_frequency = sorted(counts.items(), key=lambda item: (-item[1][0], item[0]))
    rows = [[label, *(f"{count:,}" for count in by_split)] for label, by_split in by_frequency]
    return Table([title, *SPLITS], rows)


def _ranges(accounting: Accounting) -> Table:
    rows = [
        [target, f"{low:g}", f"{accounting.highest[target]:g}"] for target, low in sorted(accounting.lowest.items())
    ]
    return Table(["number in training", "lowest", "highest"], rows)


def _held_out(found: HeldOutReport) -> Table:
    systems = [system for system in SYSTEMS if system in found.systems]
    names = in_order(name for scores in found.systems.values() for name in scores)
    rows = [[title_of(name), *(with_interval(found.systems[s].get(name)) for s in systems)] for name in names]
    return Table(["", *(SYSTEMS[system].title for system in systems)], rows)


def _evaluation(found: EvaluationScores) -> Table:
    names, model = in_order(found.scores), SYSTEMS[MODEL].title
    if found.baseline is None:
        return Table(["", model], [[title_of(name), with_interval(found.scores[name])] for name in names])
    columns = (found.scores, found.baseline.scores, found.baseline.differences)
    rows = [[title_of(name), *(with_interval(column.get(name)) for column in columns)] for name in names]
    return Table(["", model, "the model in service", "difference"], rows)


def _slices(found: EvaluationScores) -> Iterator[Table]:
    names = in_order(found.scores)
    for sliced_by, slices in found.by_slice.items():
        rows = [
            [value, f"{of_slice.rows:,}", *(number(of_slice.scores.get(name)) for name in names)]
            for value, of_slice in slices.items()
        ]
        yield Table([sliced_by, "rows", *map(title_of, names)], rows)


def _meanings(sources: CardSources) -> Iterator[tuple[str, str]]:
    """What the scores and the baselines are, by title."""
    systems = sources.held_out.systems if sources.held_out else {}
    scores = [
        *(sources.evaluation.scores if sources.evaluation else ()),
        *(name for of in systems.values() for name in of),
    ]
    yield from ((SCORES[name].title, SCORES[name].meaning) for name in in_order(scores))
    yield from ((SYSTEMS[name].title, SYSTEMS[name].what) for name in SYSTEMS if name in systems and name != MODEL)


def _perplexity(found: PerplexityReport) -> Table:
    by_slice: Mapping[str, Any] = {"all": found.overall, **found.by_length}
    directions = list(found.overall.perplexity)
    rows = []
    for name, measured in by_slice.items():
        of_directions = [measured.perplexity.get(direction) for direction in directions]
        values = [value for one in of_directions for value in ((one.piece, one.word) if one else (None, None))]
        rows.append([name, f"{measured.texts:,}", *map(number, values)])
    units = [SCORES[name].unit for name in ("perplexity", "word_perplexity")]
    header = [f"{unit}, reading {direction}" for direction in directions for unit in units]
    return Table(["texts of the eval split", "texts", *header], rows)
